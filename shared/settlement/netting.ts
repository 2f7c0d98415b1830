import { headOffice, type NodeCode } from '../ids/ids.ts';
import { assert } from '../problem/problem.ts';

/** The obligations of one direction of a pair, added up; minor units of one currency. */
export interface OwedSum {
  readonly debtor: NodeCode;
  readonly creditor: NodeCode;
  readonly count: number;
  readonly gross: bigint;
  readonly commission: bigint;
  readonly fee: bigint;
  readonly net: bigint;
}

/** What a branch gets from a peer (positive) or owes it (negative), in both directions together. */
export interface PairPosition {
  readonly branch: NodeCode;
  readonly peer: NodeCode;
  readonly count: number;
  readonly gross: bigint;
  readonly commission: bigint;
  readonly fees: bigint;
  /** gross + commission + fees. */
  readonly net: bigint;
}

export type SettlementModel = 'multilateral' | 'bilateral';

/** One sum that changes hands; never negative. */
export interface Transfer {
  readonly from: NodeCode;
  readonly to: NodeCode;
  readonly amount: bigint;
}

/** The netting matrix: a row for each branch and peer, by codes; a row and its mirror cancel out. */
export function pairPositions(sums: readonly OwedSum[]): PairPosition[] {
  const pairs = new Map<string, PairPosition>();
  function add(branch: NodeCode, peer: NodeCode, sum: OwedSum, sign: bigint): void {
    const key = `${branch} ${peer}`;
    const known = pairs.get(key);
    pairs.set(key, {
      branch,
      peer,
      count: (known?.count ?? 0) + sum.count,
      gross: (known?.gross ?? 0n) + sign * sum.gross,
      commission: (known?.commission ?? 0n) - sign * sum.commission,
      fees: (known?.fees ?? 0n) + sign * sum.fee,
      net: (known?.net ?? 0n) + sign * sum.net,
    });
  }
  for (const sum of sums) {
    assert(sum.net === sum.gross - sum.commission + sum.fee, 'a sum owed is made of its parts');
    add(sum.creditor, sum.debtor, sum, 1n);
    add(sum.debtor, sum.creditor, sum, -1n);
  }
  return [...pairs.keys()].sort().flatMap((key) => pairs.get(key) ?? []);
}

/** What each branch receives (positive) or pays (negative) in all; together they are zero. */
export function netPositions(
  pairs: readonly Pick<PairPosition, 'branch' | 'net'>[],
): ReadonlyMap<NodeCode, bigint> {
  const positions = new Map<NodeCode, bigint>();
  for (const { branch, net } of pairs) positions.set(branch, (positions.get(branch) ?? 0n) + net);
  const total = [...positions.values()].reduce((sum, net) => sum + net, 0n);
  assert(total === 0n, 'net positions sum to zero');
  return positions;
}

/** The sums that change hands: each branch one with head office, or each pair one between them. */
export function transfersOf(model: SettlementModel, pairs: readonly PairPosition[]): Transfer[] {
  const between =
    model === 'bilateral'
      ? pairs.filter(({ branch, peer }) => branch < peer)
      : [...netPositions(pairs)].map(([branch, net]) => ({ branch, peer: headOffice, net }));
  return between.flatMap(({ branch, peer, net }) => {
    if (net === 0n) return [];
    return net > 0n
      ? [{ from: peer, to: branch, amount: net }]
      : [{ from: branch, to: peer, amount: -net }];
  });
}
