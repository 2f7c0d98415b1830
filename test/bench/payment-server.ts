import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DescribedNode, demoPlace } from '../support/processes.ts';
import { startSqld, storeOn } from '../support/sqld.ts';
import type { Bench, Round, Sample } from './bench.ts';
import { cpuMsOf, runLoad } from './load.ts';
import { numbersOf, payingAt } from './paying.ts';

const connections = 64;
const seconds = 4;

/** Payments over HTTP at a branch whose store is a libSQL server, against one whose store is a file. */
export const paymentServer: Bench = {
  name: 'payment-server',
  method: `${connections} connections; a branch process of the demo whose store is a libSQL server on the same machine, durability_mode strong; yardstick: payment-local with the same client`,
  goal: 'at least 2,000 a second',
  async run(rounds, note) {
    const folder = mkdtempSync(join(tmpdir(), 'sbms-bench-sqld-'));
    const server = await startSqld(join(folder, 'sqld'));
    const env = Object.fromEntries(
      Object.entries(storeOn(server)).map(([name, value]) => [`MSK_${name}`, value]),
    );
    const [file, served] = [await demoPlace(2), await demoPlace(2, { env })];
    const demos = [await file.up('--branches', '1'), await served.up('--branches', '1')] as const;
    try {
      const [local, remote] = [demos[0].node('MSK'), demos[1].node('MSK')];
      const results: Round[] = [];
      for (let round = 0; round <= rounds; round += 1) {
        const yardstick = await payAt(local, [local.pid]);
        const before = { cpuMs: cpuMsOf([server.pid()]), statements: await carriedOut(server) };
        const measured = await payAt(remote, [remote.pid, server.pid()]);
        const payments = measured.perSecond * seconds;
        const statements = (await carriedOut(server)) - before.statements;
        const cpuMs = cpuMsOf([server.pid()]) - before.cpuMs;
        if (round === 0) continue;
        results.push({ yardstick, measured });
        const [each, cpu] = [(statements / payments).toFixed(0), (cpuMs / payments).toFixed(2)];
        note(`at the server ${each} statements and ${cpu} ms of processor time a payment`);
      }
      return results;
    } finally {
      for (const demo of demos) await demo.killAll();
      await server.kill();
      for (const place of [file, served]) place.remove();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function payAt(node: DescribedNode, pids: readonly number[]): Promise<Sample> {
  const request = await payingAt(node, await numbersOf(node));
  return runLoad({ url: node.url, connections, seconds, pids, request });
}

async function carriedOut({ adminUrl }: { adminUrl: string }): Promise<number> {
  const stats = await fetch(`${adminUrl}/v1/namespaces/default/stats`);
  const { query_count: count }: { query_count: number } = JSON.parse(await stats.text());
  return count;
}
