import type { NodeCode } from '../../shared/ids/ids.ts';
import type { RowOf } from '../../shared/reference/datasets.ts';
import { indexRanges } from '../../shared/reference/number-index.ts';

export interface NumberMove {
  readonly from: NodeCode;
  readonly to: NodeCode;
}

/**
 * Where a number is that began at a branch and made these moves, in whatever order they were collected: the branch that
 * it came to more often than it left. If moves in between are not collected yet there may be several; then the one that
 * was heard of last, which knows where the number went from there.
 */
export function homeAfter(began: NodeCode, moves: readonly NumberMove[]): NodeCode {
  const stays = new Map<NodeCode, number>([[began, 1]]);
  const count = (branch: NodeCode, change: number) =>
    stays.set(branch, (stays.get(branch) ?? 0) + change);
  for (const { from, to } of moves) {
    count(from, -1);
    count(to, 1);
  }
  return moves.findLast(({ to }) => (stays.get(to) ?? 0) > 0)?.to ?? began;
}

type PortedNumber = RowOf<'ported-numbers'>;

/** The ported numbers with the moves on top. A number that is back where its range lives needs no row. */
export function withMovedNumbers(
  ported: readonly PortedNumber[],
  { moved, plan }: { moved: readonly PortedNumber[]; plan: readonly RowOf<'numbering-plan'>[] },
): PortedNumber[] {
  const ranges = indexRanges(
    plan.map(({ from, to }, owner) => ({ from: Number(from), to: Number(to), owner })),
  );
  const rangeHome = (msisdn: string) => plan[ranges.find(Number(msisdn))]?.branch;
  const told = new Set(moved.map(({ msisdn }) => msisdn));
  return [
    ...ported.filter(({ msisdn }) => !told.has(msisdn)),
    ...moved.filter(({ msisdn, branch }) => rangeHome(msisdn) !== branch),
  ];
}
