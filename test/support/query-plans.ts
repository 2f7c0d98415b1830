import type { Reader, SqlParameter, Store } from '../../shared/store/store.ts';

/** How SQLite goes about every statement of some reading. */
export function plansOf(
  store: Pick<Store, 'read'>,
  read: (tx: Reader) => Promise<unknown>,
): Promise<string[]> {
  return store.read(async (tx) => {
    const steps: string[] = [];
    const explain = async (sql: string, params: SqlParameter[]) => {
      const plan = await tx.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...params);
      steps.push(...plan.map(({ detail }) => detail));
    };
    await read({
      get: async (sql, ...params) => {
        await explain(sql, params);
        return tx.get(sql, ...params);
      },
      all: async (sql, ...params) => {
        await explain(sql, params);
        return tx.all(sql, ...params);
      },
    });
    return steps;
  });
}
