import type { NodeCode } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Reader, Transaction } from '../store/store.ts';
import { allPeerStarts, appendPeerStart, newestPeerStart, peerStarts } from './inbox-store.ts';

/** The start that speaks, and the earlier ones that it names. */
export interface StartClaim {
  readonly started: string;
  readonly previous: readonly string[];
}

export type PeerStarts = ReturnType<typeof createPeerStarts>;

/**
 * Which start of each peer may speak. Starts are random names; their order is what each start says came before it. So
 * an older start that a newer one names is fenced off, and a start that does not name the newest one known here shows
 * that its node was set back to an older state.
 */
export function createPeerStarts() {
  const known = new Map<NodeCode, string[]>();

  const current = (peer: NodeCode) => known.get(peer)?.at(-1);

  /** @throws DomainError `stale-start` or `set-back`; answers whether the start is new here. */
  function check(
    peer: NodeCode,
    { started, previous }: StartClaim,
    held: readonly string[] = known.get(peer) ?? [],
  ): boolean {
    const newest = held.at(-1);
    if (newest === undefined) return true;
    if (newest === started) return false;
    if (held.includes(started)) {
      throw new DomainError('stale-start', 'A newer start of the sending node is known here.');
    }
    if (!previous.includes(newest)) {
      throw new DomainError('set-back', 'The sender does not name its newest start known here.', {
        members: { newest },
      });
    }
    return true;
  }

  /** Checks the claim and remembers a new start, in the transaction of what it came with. */
  async function admit(tx: Transaction, peer: NodeCode, claim: StartClaim): Promise<void> {
    // As this transaction sees it: memory is behind a commit whose record, or whose answer, is still out.
    const newest = await newestPeerStart(tx, peer);
    if (newest === claim.started && current(peer) === newest) return;
    const held = await peerStarts(tx, peer);
    const isNew = check(peer, claim, held);
    // Earlier starts that were never heard from are fenced too: they come before the one that names them.
    const unheard = claim.previous.filter((epoch) => !held.includes(epoch)).reverse();
    const first = held.length === 0 ? [claim.started] : [...unheard, claim.started];
    const added = isNew ? first : [];
    for (const epoch of added) await appendPeerStart(tx, peer, epoch);
    tx.afterCommit(() => void known.set(peer, [...held, ...added]));
  }

  return {
    check,
    admit,
    current,
    /** Refuses a request whose header names an older start; one not yet known passes to `admit`. */
    checkHeader(peer: NodeCode, started: string): void {
      const held = known.get(peer);
      if (held?.includes(started) && held.at(-1) !== started) {
        throw new DomainError('stale-start', 'A newer start of the sending node is known here.');
      }
    },
    async load(tx: Reader): Promise<void> {
      known.clear();
      for (const { peer, epoch } of await allPeerStarts(tx)) {
        known.set(peer, [...(known.get(peer) ?? []), epoch]);
      }
    },
  };
}
