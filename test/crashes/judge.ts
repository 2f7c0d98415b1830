import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openBranch } from '../../branch-node/branch.ts';
import { readBranchConfig } from '../../branch-node/config.ts';
import { openCentre } from '../../central-node/centre.ts';
import { readCentreConfig } from '../../central-node/config.ts';
import { verifyStore } from '../../shared/node/maintenance.ts';
import type { Store } from '../../shared/store/store.ts';
import { moneyFaults } from '../support/invariants.ts';

import { centreFaults } from './centre-faults.ts';
import type { Clerk } from './clerk.ts';
import { clientFaults } from './client-faults.ts';
import { untilQuiet } from './quiet.ts';
import type { Town } from './town.ts';

const copiesMax = 20;
const copyPauseMs = 500;

/** A node's store as it was at one moment. */
export interface Evidence {
  readonly code: string;
  readonly store: Store;
}

/**
 * Waits until all is quiet and holds what everybody was answered against copies of the running nodes' stores.
 * @returns every fault as a line; nothing when all is well.
 */
export async function judge(town: Town): Promise<string[]> {
  await untilQuiet(town);
  const folder = mkdtempSync(join(tmpdir(), 'sbms-evidence-'));
  const opened: { stop(): Promise<void> }[] = [];
  try {
    const branches: Evidence[] = [];
    for (const { clerk } of town.shops) {
      const branch = await openBranch(readBranchConfig(await copied(clerk, folder)));
      opened.push(branch);
      branches.push(branch);
    }
    const centre = await openCentre(readCentreConfig(await copied(town.maker, folder)));
    opened.push(centre);
    const own = (await verifyStore(centre.store)).map((fault) => `HQ: ${fault}`);
    return [
      ...town.faults,
      ...own,
      ...(await moneyFaults(branches)),
      ...(await clientFaults(town, branches)),
      ...(await centreFaults(town, { centre, branches })),
    ];
  } finally {
    await Promise.all(opened.map((node) => node.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns the environment that opens a copy of the running node's store. */
async function copied(clerk: Clerk, folder: string): Promise<Record<string, string>> {
  const { code, start, store } = clerk.node;
  const file = join(folder, `${code}.db`);
  for (let turn = 0; !copyFiles(store, file); turn += 1) {
    if (turn === copiesMax) throw new Error(`${store} does not stand still`);
    await pause(copyPauseMs);
  }
  return {
    ...start.env,
    STORE_URL: `file:${file}`,
    STORE_SENTINEL: join(folder, `${code}.sentinel`),
    LOG_LEVEL: 'silent',
  };
}

/** First the file, then its WAL: they belong together if nothing went from the one into the other meanwhile. */
function copyFiles(store: string, target: string): boolean {
  const before = statSync(store).mtimeMs;
  copyFileSync(store, target);
  copyFileSync(`${store}-wal`, `${target}-wal`);
  return statSync(store).mtimeMs === before;
}

/** @returns the file, which lies in the node's own folder. */
export async function backupOf(clerk: Pick<Clerk, 'ask' | 'node'>): Promise<string> {
  const { status, body } = await clerk.ask({ path: '/api/v1/backups' });
  if (status !== 201) throw new Error(`${clerk.node.code}: ${JSON.stringify(body)}`);
  return body.file;
}
