import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import type { SqlValue } from '../../shared/store/store.ts';
import { startFederation, type TestFederation } from '../support/federation.ts';
import type { Bench, Sample } from './bench.ts';
import { cpuMsOf, timed } from './load.ts';
import { startProcess } from './node-process.ts';
import { asProcesses, subscribersOf, untilTold } from './outage.ts';
import { takeMany } from './paying.ts';

const legs = 20_000;
/** As many as head office takes from a branch in one batch. */
const legsPerGroup = 128;
/** The tables that a leg comes into, each with its rows. */
const tables = ['inbound_entries', 'legs', 'collected_operations', 'counted_legs'] as const;

/** Head office takes what a branch has to tell: collected, verified, matched. */
export const collect: Bench = {
  name: 'collect',
  method: `${legs} payments wait at a branch for head office, which starts; until all are matched; both are processes; yardstick: the rows that this made in head office's tables (${tables.join(', ')}), inserted raw in groups of ${legsPerGroup}, synchronous=FULL, with their indexes; one round`,
  goal: 'at least 0.3 of the raw inserts',
  async run(_, note, scale) {
    const federation = await startFederation(['MSK']);
    try {
      const count = Math.round(legs * scale);
      const numbers = await subscribersOf(federation, 'MSK');
      await federation.untilQuiet();
      await federation.stopNode('HQ');
      await takeMany(federation.running('MSK'), { numbers, count });
      const measured = await collected(federation, count);
      const yardstick = await insertedRaw(federation, count);
      note(`${count} legs`);
      return [{ measured, yardstick }];
    } finally {
      await federation.stop();
    }
  },
};

async function collected(federation: TestFederation, count: number): Promise<Sample> {
  return asProcesses(federation, ['MSK'], async () => {
    const centre = await startProcess(federation.hq);
    const cpuBefore = cpuMsOf([centre.pid]);
    const startedMs = performance.now();
    await untilTold(federation, ['MSK']);
    const tookMs = performance.now() - startedMs;
    const cpuMs = (cpuMsOf([centre.pid]) - cpuBefore) / count;
    await centre.stop();
    return { perSecond: (count * 1_000) / tookMs, p50Ms: tookMs, p99Ms: tookMs, cpuMs };
  });
}

async function insertedRaw({ hq }: TestFederation, count: number): Promise<Sample> {
  const from = new Database(join(hq.dataDir, 'store.db'), { readonly: true });
  const path = join(hq.dataDir, 'raw.db');
  const to = new Database(path);
  try {
    for (const setting of ['journal_mode = WAL', 'synchronous = FULL', 'cache_size = -65536']) {
      to.prepare(`PRAGMA ${setting}`).all([]);
    }
    const rows = tables.map((table) => copySchema({ from, to, table }));
    const sample = await timed(async () => {
      for (let start = 0; start < count; start += legsPerGroup) {
        to.exec('BEGIN IMMEDIATE');
        for (const { insert, values } of rows) {
          for (const row of values.slice(start, start + legsPerGroup)) insert.run(row);
        }
        to.exec('COMMIT');
      }
    });
    const { perSecond, cpuMs } = sample;
    return { ...sample, perSecond: perSecond * count, cpuMs: cpuMs / count };
  } finally {
    from.close();
    to.close();
    rmSync(path, { force: true });
  }
}

type Connection = InstanceType<typeof Database>;

function copySchema({ from, to, table }: { from: Connection; to: Connection; table: string }) {
  const list = (sql: string, ...params: string[]) =>
    from.prepare(sql).safeIntegers(true).raw(true).all(params) as SqlValue[][];
  const schema = list(
    `SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND type IN ('table', 'index')
       AND sql IS NOT NULL ORDER BY type DESC`,
    table,
  );
  for (const [sql] of schema) to.exec(String(sql));
  const values = list(`SELECT * FROM ${table}`);
  const places = (values[0] ?? []).map(() => '?').join(', ');
  return { insert: to.prepare(`INSERT INTO ${table} VALUES (${places})`), values };
}
