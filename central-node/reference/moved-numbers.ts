import type { NodeCode } from '../../shared/ids/ids.ts';
import type { RowOf } from '../../shared/reference/datasets.ts';
import { indexRanges } from '../../shared/reference/number-index.ts';

export interface NumberMove {
  readonly from: NodeCode;
  readonly to: NodeCode;
}

/**
 * Where a number is that began at a branch and made these moves, in whatever order they were collected. A move counts
 * only from a branch that has the number, or a branch could give away a number that was never its own; what does not
 * follow yet waits for the move before it. What is left over of a whole journey goes round in circles and ends nowhere.
 */
export function homeAfter(began: NodeCode, moves: readonly NumberMove[]): NodeCode {
  let home = began;
  let waiting = moves;
  for (;;) {
    const next = waiting.findIndex(({ from }) => from === home);
    const move = waiting[next];
    if (!move) return home;
    home = move.to;
    waiting = waiting.toSpliced(next, 1);
  }
}

/**
 * Where the journey of these moves began. A head office that was put back to a backup may have its releases back before
 * the moves that they tell of: those that lead from the number's range to where the directory has it began in the range.
 */
export function beginningOf(
  moves: readonly NumberMove[],
  told: {
    /** Where the directory had the number when the first of them was collected. */
    readonly known: NodeCode;
    readonly directory: { readonly branch: NodeCode; readonly ported: boolean };
    readonly range: NodeCode | undefined;
  },
): NodeCode {
  const { known, directory, range } = told;
  if (range === undefined || !directory.ported) return known;
  return homeAfter(range, moves) === directory.branch ? range : known;
}

type PortedNumber = RowOf<'ported-numbers'>;

/**
 * The ported numbers with the moves on top. A number that is back where its range lives needs no row; one that moved to
 * what is no branch has none, or that branch could never be taken out of the data.
 */
export function withMovedNumbers(
  ported: readonly PortedNumber[],
  directory: {
    readonly moved: readonly PortedNumber[];
    readonly plan: readonly RowOf<'numbering-plan'>[];
    readonly branches: readonly string[];
  },
): PortedNumber[] {
  const { plan, branches } = directory;
  const moved = directory.moved.filter(({ branch }) => branches.includes(branch));
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
