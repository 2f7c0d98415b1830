import type { NodeIdentity } from '../shared/federation/identity.ts';
import type { Peer, PeerDirectory } from '../shared/federation/peers.ts';
import { headOffice, type NodeCode } from '../shared/ids/ids.ts';
import type { Reference } from '../shared/reference/reference.ts';

/**
 * The peers of a branch: head office, whose key is pinned at enrolment, and whoever the release in force names. A new
 * release is a new directory.
 */
export function createBranchDirectory(deps: {
  node: NodeCode;
  centreUrl: string;
  identity: NodeIdentity;
  reference: () => Reference | undefined;
}): PeerDirectory {
  const centre: Peer = {
    code: headOffice,
    peerUrl: deps.centreUrl,
    signingKey: deps.identity.headOfficeKey,
    revokedSerials: [],
    active: true,
  };
  let known: { reference: Reference | undefined; peers: Map<NodeCode, Peer> } | undefined;

  function peersNow(): Map<NodeCode, Peer> {
    const reference = deps.reference();
    if (known && known.reference === reference) return known.peers;
    const peers = new Map<NodeCode, Peer>([[headOffice, centre]]);
    for (const peer of reference?.peers() ?? []) peers.set(peer.code, peer);
    known = { reference, peers };
    return peers;
  }

  return {
    peer: (code) => peersNow().get(code),
    peers: () => [...peersNow().values()].filter(({ code }) => code !== deps.node),
  };
}
