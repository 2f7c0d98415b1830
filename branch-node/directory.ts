import type { JWK } from 'jose';
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
  /** Asked again at every request: head office's key follows its successors. */
  identity: () => NodeIdentity;
  reference: () => Reference | undefined;
}): PeerDirectory {
  function centre(headOfficeKey: JWK, reference: Reference | undefined): Peer {
    const keys = (reference?.rows('node-keys') ?? []).filter(({ node }) => node === headOffice);
    // A release that does not know the pinned key is older than it, and has no say.
    const counts = keys.some(({ key }) => key === headOfficeKey.x);
    return {
      code: headOffice,
      peerUrl: deps.centreUrl,
      signingKey: headOfficeKey,
      ...(counts ? { keys } : {}),
      revokedSerials: [],
      active: true,
    };
  }

  interface Known {
    readonly reference: Reference | undefined;
    readonly headOfficeKey: JWK;
    readonly peers: Map<NodeCode, Peer>;
  }
  let known: Known | undefined;

  function peersNow(): Map<NodeCode, Peer> {
    const reference = deps.reference();
    const { headOfficeKey } = deps.identity();
    if (known?.reference === reference && known?.headOfficeKey === headOfficeKey) {
      return known.peers;
    }
    const peers = new Map([[headOffice, centre(headOfficeKey, reference)]]);
    for (const peer of reference?.peers() ?? []) peers.set(peer.code, peer);
    known = { reference, headOfficeKey, peers };
    return peers;
  }

  return {
    peer: (code) => peersNow().get(code),
    peers: () => [...peersNow().values()].filter(({ code }) => code !== deps.node),
  };
}
