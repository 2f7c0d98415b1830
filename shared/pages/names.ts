import type { Reference } from '../reference/reference.ts';
import type { BusinessDate } from '../time/clock.ts';

export type NamedDataset = 'branches' | 'rate-plans' | 'services' | 'document-types' | 'tenders';

interface NamedRow {
  readonly code: string;
  readonly name: string;
  readonly validFrom?: BusinessDate;
}

/** What people call what the reference data has under a code. */
export interface Names {
  /** As it is called today; a code that it does not have is shown as it is. */
  nameOf(dataset: NamedDataset, code: string): string;
  /** A reason's name, of this kind of operation; a text that is no code of one is shown as it is. */
  reasonName(kind: string, code: string): string;
}

export function namesFrom(deps: {
  reference: () => Reference | undefined;
  today: () => BusinessDate;
}): Names {
  return {
    nameOf(dataset, code) {
      const rows: readonly NamedRow[] = deps.reference()?.rows(dataset) ?? [];
      const named = rows.filter((row) => row.code === code);
      const today = deps.today();
      const begun = named.findLast(({ validFrom = today }) => validFrom <= today);
      return (begun ?? named[0])?.name ?? code;
    },
    reasonName(kind, code) {
      const reasons = deps.reference()?.rows('reasons') ?? [];
      return reasons.find((row) => row.kind === kind && row.code === code)?.name ?? code;
    },
  };
}
