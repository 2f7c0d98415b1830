import { openBranch } from '../../branch-node/branch.ts';
import { readBranchConfig } from '../../branch-node/config.ts';
import { openCentre } from '../../central-node/centre.ts';
import { readCentreConfig } from '../../central-node/config.ts';
import type { DemoNode } from '../../demo/node-process.ts';
import { verifyStore } from '../../shared/node/maintenance.ts';
import { moneyFaults } from '../support/invariants.ts';

/** An operation that somebody was told of. */
export interface Answered {
  readonly id: string;
  readonly branch: string;
  readonly businessDate: string;
}

/** The stores of nodes that have all stopped: their own invariants, and exactly the operations that were answered. */
export async function storeFaults(
  nodes: readonly DemoNode[],
  answered: readonly Answered[],
): Promise<string[]> {
  const quiet = (node: DemoNode) => ({ ...node.start.env, LOG_LEVEL: 'error' });
  const branches = await Promise.all(
    nodes
      .filter(({ role }) => role === 'branch')
      .map((node) => openBranch(readBranchConfig(quiet(node)))),
  );
  const faults = await moneyFaults(branches);
  for (const branch of branches) {
    const rows = await branch.store.read((tx) =>
      tx.all<{ id: string }>('SELECT id FROM operations'),
    );
    const stored = new Set(rows.map(({ id }) => id));
    const told = answered.filter(({ branch: code }) => code === branch.code).map(({ id }) => id);
    const missing = told.filter((id) => !stored.has(id));
    const extra = [...stored].filter((id) => !told.includes(id));
    faults.push(...missing.map((id) => `${branch.code}: ${id} was answered and is not there`));
    faults.push(...extra.map((id) => `${branch.code}: ${id} is there and nobody was told`));
    await branch.stop();
  }
  for (const node of nodes.filter(({ role }) => role === 'centre')) {
    const centre = await openCentre(readCentreConfig(quiet(node)));
    faults.push(...(await verifyStore(centre.store)).map((fault) => `HQ: ${fault}`));
    await centre.stop();
  }
  return faults;
}
