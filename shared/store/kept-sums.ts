import type { Driver } from './driver.ts';
import type { SqlParameter, SumTable } from './store.ts';

interface Sum {
  readonly of: SumTable;
  readonly key: readonly SqlParameter[];
  readonly amounts: readonly bigint[];
}

/** What one transaction adds to rows of sums, until it is written: each row once. */
export function keepSums(driver: Pick<Driver, 'run'>) {
  let kept = new Map<string, Sum>();

  return {
    add(of: SumTable, key: readonly SqlParameter[], amounts: readonly bigint[]): void {
      const name = [of.table, ...key].join('\0');
      const before = kept.get(name)?.amounts;
      const sums = before ? amounts.map((amount, at) => amount + (before[at] ?? 0n)) : amounts;
      kept.set(name, { of, key, amounts: sums });
    },
    /** Whether a statement may meet rows that are not written yet. */
    areMetBy(sql: string): boolean {
      for (const { of } of kept.values()) if (sql.includes(of.table)) return true;
      return false;
    },
    async write(): Promise<void> {
      const sums = kept;
      kept = new Map();
      for (const { of, key, amounts } of sums.values()) {
        if (amounts.some((amount) => amount !== 0n)) await driver.run(of.sql, [...key, ...amounts]);
      }
    },
    copy: (): ReadonlyMap<string, Sum> => new Map(kept),
    restore(copy: ReadonlyMap<string, Sum>): void {
      kept = new Map(copy);
    },
  };
}
