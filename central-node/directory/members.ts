import type { Peer, PeerDirectory } from '../../shared/federation/peers.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import type { EnrolledBranch } from './enrolment.ts';

export type Members = ReturnType<typeof createMembers>;

/**
 * Head office's own view of who the peers are: whoever is enrolled, at once, before any release names him. Branches
 * learn of each other by releases.
 */
export function createMembers(): PeerDirectory & {
  set(branches: readonly EnrolledBranch[]): void;
} {
  let peers = new Map<NodeCode, Peer>();
  return {
    peer: (code) => peers.get(code),
    peers: () => [...peers.values()],
    set(branches): void {
      peers = new Map(branches.map((branch) => [branch.code, branch]));
    },
  };
}
