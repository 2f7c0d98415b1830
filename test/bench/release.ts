import { createPeerClient } from '../../shared/federation/peer-client.ts';
import type { NodePorts } from '../../shared/node/node-ports.ts';
import { startFederation, type TestFederation, until } from '../support/federation.ts';
import type { Bench, Round } from './bench.ts';
import { timed } from './load.ts';

const branches = ['MSK', 'SPB', 'NSK', 'EKB', 'KZN', 'ROV', 'SAM', 'KHB'];
const ranges = 10_000;
const plans = 1_000;
const numbersPerRange = 1_000;
const firstNumber = 79_310_000_000;
const pollMs = 5;

/** From a person's publication at head office until the last branch works by it. */
export const release: Bench = {
  name: 'release',
  method: `head office and ${branches.length} branches in one process, mTLS on loopback; ${ranges} more ranges of numbers and ${plans} more rate plans; each round changes one plan, publishes, and waits until the last branch has applied it`,
  goal: 'under 3 s; data sets that did not change are not sent',
  async run(rounds, note) {
    const asked: string[] = [];
    const federation = await startFederation(
      branches,
      {},
      listening((path) => asked.push(path)),
    );
    try {
      const rows = await fill(federation);
      const { p50Ms } = await timed(() => published(federation));
      note(
        `${ranges} ranges and ${plans} plans published and applied after ${p50Ms.toFixed(0)} ms`,
      );
      const results: Round[] = [];
      for (let round = 0; round <= rounds; round += 1) {
        await federation
          .centre()
          .drafts.replaceDataset('rate-plans', [...rows, planRow(plans + round, '2.00')]);
        asked.length = 0;
        const measured = await timed(() => published(federation));
        if (round > 0) results.push({ measured });
      }
      const sets = asked.filter((path) => path.startsWith('/peer/v1/datasets/'));
      note(`one data set changed: ${sets.length} fetched by ${branches.length} branches`);
      return results;
    } finally {
      await federation.stop();
    }
  },
};

async function fill(federation: TestFederation): Promise<object[]> {
  const { drafts } = federation.centre();
  const [numbering, ratePlans] = await Promise.all([
    rowsOf(federation, 'numbering-plan'),
    rowsOf(federation, 'rate-plans'),
  ]);
  const more = Array.from({ length: ranges }, (_, index) => {
    const from = firstNumber + index * numbersPerRange;
    const branch = branches[index % branches.length];
    return { from: String(from), to: String(from + numbersPerRange - 1), branch };
  });
  await drafts.replaceDataset('numbering-plan', [...numbering, ...more]);
  const rows = [
    ...ratePlans,
    ...Array.from({ length: plans }, (_, index) => planRow(index, '1.00')),
  ];
  await drafts.replaceDataset('rate-plans', rows);
  return rows;
}

async function rowsOf({ hq }: TestFederation, name: string): Promise<object[]> {
  const { body } = await hq.manager.get(`/api/v1/reference-draft/datasets/${name}`);
  return body.rows;
}

const planRow = (index: number, monthlyFee: string) => ({
  code: `PLAN-${index}`,
  name: `План ${index}`,
  ...{ monthlyFee, switchFee: '0.00', currency: 'RUB' },
  services: [],
  validFrom: '2025-01-01',
});

async function published(federation: TestFederation): Promise<void> {
  await federation.publish();
  const version = federation.centre().references.current()?.version;
  await until(
    'every branch has applied it',
    () =>
      branches.every((code) => federation.running(code).references.current()?.version === version),
    undefined,
    pollMs,
  );
}

/** A peer client that tells what is asked for. */
function listening(heard: (path: string) => void): Partial<NodePorts> {
  return {
    createPeerClient(deps) {
      const client = createPeerClient(deps);
      return {
        ...client,
        request(peer, request) {
          heard(request.path);
          return client.request(peer, request);
        },
      };
    },
  };
}
