import { AsyncLocalStorage } from 'node:async_hooks';
import type { NodePorts } from '../../shared/node/node-ports.ts';
import { openStore } from '../../shared/store/open-store.ts';
import type { Store, Transaction } from '../../shared/store/store.ts';

const written = /^\s*(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)/i;

export type StoreWatch = ReturnType<typeof createStoreWatch>;

/** Tells which tables a piece of work wrote to, once it is committed, however much runs beside it. */
export function createStoreWatch() {
  const current = new AsyncLocalStorage<string[] | undefined>();

  function watched(store: Store): Store {
    return {
      ...store,
      async write(fn) {
        const seen = current.getStore();
        if (!seen) return store.write(fn);
        const tables: string[] = [];
        const result = await store.write((tx) => fn(watchedTransaction(tx, tables)));
        seen.push(...tables);
        return result;
      },
    };
  }

  /** What follows a commit is no longer the request's own doing. */
  function watchedTransaction(tx: Transaction, tables: string[]): Transaction {
    const note = (sql: string, changed: number) => {
      const table = written.exec(sql)?.[1];
      if (table !== undefined && changed > 0) tables.push(table);
    };
    return {
      get: tx.get,
      async all<T extends object>(sql: string, ...params: Parameters<Transaction['all']>[1][]) {
        const rows = await tx.all<T>(sql, ...params);
        note(sql, rows.length);
        return rows;
      },
      async run(sql, ...params) {
        const changed = await tx.run(sql, ...params);
        note(sql, changed);
        return changed;
      },
      add(of, key, amounts) {
        tables.push(of.table);
        tx.add(of, key, amounts);
      },
      async attempt(fn) {
        const before = tables.length;
        try {
          return await tx.attempt(fn);
        } catch (error) {
          tables.length = before;
          throw error;
        }
      },
      afterCommit: (fn) => tx.afterCommit(() => current.run(undefined, fn)),
    };
  }

  return {
    ports: {
      async openStore(options) {
        const opened = await openStore(options);
        return { ...opened, store: watched(opened.store) };
      },
    } satisfies Partial<NodePorts>,
    async watch<T>(work: () => Promise<T>): Promise<{ made: T; wrote: readonly string[] }> {
      const tables: string[] = [];
      const made = await current.run(tables, work);
      return { made, wrote: [...new Set(tables)] };
    },
  };
}
