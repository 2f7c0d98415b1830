import type { NodeCode } from '../../shared/ids/ids.ts';
import { accounts, type Posting } from '../../shared/ledger/ledger.ts';
import { assert } from '../../shared/problem/problem.ts';
import type { Instant } from '../../shared/time/clock.ts';
import type { SettlementCompleted } from '../../shared/wire/settlement-messages.ts';
import { isServedHere } from './verification.ts';

export interface OwnSettlement {
  readonly id: string;
  readonly state: 'received' | 'confirmed' | 'disputed';
  readonly told: SettlementCompleted;
  /** Of what was told, what head office has not taken back. */
  readonly positions: SettlementCompleted['positions'];
  readonly receivedAt: Instant;
  /** Cursor of the last page fetched; empty at the beginning. */
  readonly fetched: string;
  readonly decidedAt: Instant | null;
  readonly faults: readonly string[];
}

/** The checked obligations of one peer, kind and direction, added up; minor units. */
export interface CheckedSum {
  readonly peer: NodeCode;
  readonly kind: string;
  readonly direction: 'owes' | 'receives';
  readonly count: number;
  readonly gross: bigint;
  readonly commission: bigint;
  readonly fee: bigint;
  readonly net: bigint;
}

type Position = SettlementCompleted['positions'][number];

/** What the obligations come to per peer, in the form in which head office told it. */
export function positionsOf(sums: readonly CheckedSum[]): Position[] {
  const positions = new Map<NodeCode, Position>();
  for (const sum of sums) {
    const sign = signOf(sum);
    const none = { peer: sum.peer, count: 0, gross: 0n, commission: 0n, fees: 0n, net: 0n };
    const known = positions.get(sum.peer) ?? none;
    positions.set(sum.peer, {
      peer: sum.peer,
      count: known.count + sum.count,
      gross: known.gross + sign * sum.gross,
      commission: known.commission - sign * sum.commission,
      fees: known.fees + sign * sum.fee,
      net: known.net + sign * sum.net,
    });
  }
  return [...positions.values()].sort((one, other) => (one.peer < other.peer ? -1 : 1));
}

type Mirrored = Pick<Position, 'peer' | 'count' | 'net'>;

/** The peers that head office told something else about their position with this branch. */
export function unmirroredPeers(
  told: readonly Mirrored[],
  mirrors: readonly Mirrored[],
): NodeCode[] {
  return mirrors.flatMap(({ peer, count, net }) => {
    const own = told.find((position) => position.peer === peer);
    return own?.count === count && own.net === -net ? [] : [peer];
  });
}

/** The peers about whom head office's positions are not what the obligations come to. */
export function differingPeers(
  told: readonly Position[],
  counted: readonly Position[],
): NodeCode[] {
  const text = (position: Position | undefined) =>
    position &&
    [position.count, position.gross, position.commission, position.fees, position.net].join();
  const ours = new Map(counted.map((position) => [position.peer, text(position)]));
  // Head office once told of positions that cases had emptied.
  const held = told.filter(({ count }) => count > 0);
  const theirs = new Map(held.map((position) => [position.peer, text(position)]));
  const peers = [...new Set([...ours.keys(), ...theirs.keys()])].sort();
  return peers.filter((peer) => ours.get(peer) !== theirs.get(peer));
}

/**
 * The journal entry of a settlement: what stood on clearing with each peer, and what was earned or paid for it, moves
 * to the settlement account. Sums to zero.
 */
export function settlementPostings(sums: readonly CheckedSum[], currency: string): Posting[] {
  const amounts = new Map<string, bigint>();
  const add = (account: string, amount: bigint) =>
    amounts.set(account, (amounts.get(account) ?? 0n) + amount);
  for (const sum of sums) {
    const sign = signOf(sum);
    // Serving earns the commission and the fees, whoever owes whom; home pays them.
    const terms = isServedHere(sum) ? accounts.commissionEarned : accounts.commissionPaid;
    add(accounts.clearing(sum.peer), -sign * sum.gross);
    add(terms, sign * (sum.commission - sum.fee));
    add(accounts.settlement, sign * sum.net);
  }
  const postings = [...amounts].flatMap(([account, amount]) =>
    amount === 0n ? [] : { account, currency, amount },
  );
  assert(
    postings.reduce((total, { amount }) => total + amount, 0n) === 0n,
    'a settlement sums to zero',
  );
  return postings;
}

function signOf({ direction }: Pick<CheckedSum, 'direction'>): 1n | -1n {
  return direction === 'receives' ? 1n : -1n;
}
