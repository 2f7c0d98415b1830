import { assert } from '../problem/problem.ts';
import type { Driver, MaybePromise, Wanted } from './driver.ts';
import { keepSums } from './kept-sums.ts';
import type { Reader, Row, SqlParameter, Transaction } from './store.ts';

export const attemptDepthMax = 16;

/** The handle that a store function gets, and the strings its queue holds. */
export interface Handle<Tx> {
  readonly tx: Tx;
  /** To be called when the function is over: from then on the handle refuses everything. */
  end(): void;
}

export interface WriteHandle extends Handle<Transaction> {
  /**
   * Throws if attempts were left open or crossed each other: what they did cannot be told apart.
   */
  assertWhole(): void;
  /** To be called before the end: writes what the function only added up. */
  settle(): Promise<void>;
  readonly afterCommit: readonly (() => void)[];
}

const overAssertion = 'a transaction is not used after its function ended';

export function readHandle(driver: Pick<Driver, 'read'>): Handle<Reader> {
  let open = true;
  return {
    tx: readerOn((sql, params, wanted) => {
      assert(open, overAssertion);
      return driver.read(sql, params, wanted);
    }),
    end: () => {
      open = false;
    },
  };
}

export function writeHandle(driver: Driver): WriteHandle {
  const afterCommit: (() => void)[] = [];
  const sums = keepSums(driver);
  let open = true;
  let depth = 0;
  let crossed = false;

  function leave(own: number): void {
    if (depth !== own) crossed = true;
    assert(!crossed, 'attempts end in the reverse order of their beginning');
    depth = own - 1;
  }

  async function attempt<T>(fn: () => Promise<T>): Promise<T> {
    assert(open, overAssertion);
    assert(depth < attemptDepthMax, `attempts nest at most ${attemptDepthMax} deep`);
    depth += 1;
    const own = depth;
    const callbacksBefore = afterCommit.length;
    const sumsBefore = sums.copy();
    await driver.savepoint(own);
    let result: T;
    try {
      result = await fn();
    } catch (error) {
      if (open) {
        leave(own);
        afterCommit.length = callbacksBefore;
        sums.restore(sumsBefore);
        await driver.undo(own);
      }
      throw error;
    }
    assert(open, overAssertion);
    leave(own);
    await driver.release(own);
    return result;
  }

  return {
    tx: {
      ...readerOn((sql, params, wanted) => {
        assert(open, overAssertion);
        const query = () => driver.all(sql, params, wanted);
        return sums.areMetBy(sql) ? sums.write().then(query) : query();
      }),
      run: async (sql, ...params) => {
        assert(open, overAssertion);
        if (sums.areMetBy(sql)) await sums.write();
        return driver.run(sql, params);
      },
      add: (of, key, amounts) => {
        assert(open, overAssertion);
        sums.add(of, key, amounts);
      },
      attempt,
      afterCommit: (fn) => {
        assert(open, overAssertion);
        afterCommit.push(fn);
      },
    },
    end: () => {
      open = false;
    },
    settle: sums.write,
    assertWhole: () => assert(depth === 0 && !crossed, 'every attempt is awaited'),
    afterCommit,
  };
}

function readerOn(
  query: (sql: string, params: SqlParameter[], wanted: Wanted) => MaybePromise<Row[]>,
): Reader {
  // The border of the store: what a row looks like is the schema's and the statement's word.
  return {
    get: async <T extends object = Row>(sql: string, ...params: SqlParameter[]) =>
      (await query(sql, params, 'first'))[0] as T | undefined,
    all: async <T extends object = Row>(sql: string, ...params: SqlParameter[]) =>
      (await query(sql, params, 'all')) as T[],
  };
}
