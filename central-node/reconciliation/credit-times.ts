/** Times are counted in steps, four to a doubling: a percentile of a million needs a handful of rows. */
const stepsPerDoubling = 4;
const perCent = 100;

export interface StepCount {
  readonly step: number;
  readonly count: number;
}

export interface CreditTimes {
  readonly count: number;
  readonly medianMs: number;
  readonly p95Ms: number;
}

/** Two branches' clocks may differ by more than a credit takes: nothing is faster than at once. */
export function stepOf(ms: number): number {
  return ms <= 1 ? 0 : Math.ceil(stepsPerDoubling * Math.log2(ms));
}

/** By the upper end of the step that the percentile lies in, so never too low. */
export function creditTimesOf(steps: readonly StepCount[]): CreditTimes | null {
  const all = steps.reduce((sum, { count }) => sum + count, 0);
  if (all === 0) return null;
  const sorted = steps.toSorted((one, other) => one.step - other.step);
  const percentile = (part: number) => {
    let left = Math.ceil((all * part) / perCent);
    const found = sorted.find(({ count }) => {
      left -= count;
      return left <= 0;
    });
    return Math.round(2 ** ((found?.step ?? 0) / stepsPerDoubling));
  };
  return { count: all, medianMs: percentile(50), p95Ms: percentile(95) };
}
