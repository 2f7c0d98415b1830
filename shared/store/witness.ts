import type { Driver } from './driver.ts';
import { readCommitCount } from './sentinel.ts';
import type { Replica } from './server-replica.ts';

/**
 * The driver of a store of which nothing is answered before a replica has it too. A commit that the
 * replica could not be seen to have stands in the store: until it is seen, nothing that might tell
 * of it is read.
 */
export function witnessed(
  driver: Driver,
  replica: Pick<Replica, 'reach'>,
): { driver: Driver; seen(count: bigint): Promise<void> } {
  let isAhead = true;

  async function seen(count: bigint): Promise<void> {
    await replica.reach(count);
    isAhead = false;
  }

  async function catchUp(): Promise<void> {
    if (!isAhead) return;
    await driver.beginReads();
    const count = await readCommitCount(driver).finally(driver.endReads);
    await seen(count);
  }

  return {
    seen,
    driver: {
      ...driver,
      beginReads: async () => {
        await catchUp();
        await driver.beginReads();
      },
      begin: async () => {
        await catchUp();
        await driver.begin();
      },
      commit: async () => {
        isAhead = true;
        await driver.commit();
      },
    },
  };
}
