import { readFile } from 'node:fs/promises';
import { assetPath } from '../shared/store/assets.ts';
import { type ApiClient, made } from './api-client.ts';
import { openDesks, playDay, untilQuiet } from './business-day.ts';
import { closeDates, reconcile, refundSuspense, settle, unbalanced } from './closing.ts';
import { readFederation, signInAt } from './federation-file.ts';
import { dateTable, settlementTable, tallyTable, totalsOf } from './report.ts';
import { parseScenarioOptions, type ScenarioOptions } from './scenario-options.ts';

const operatorInn = '7812014560';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Imports the registry into the running head office and publishes it. */
async function importNumbering(
  { maker, checker }: { maker: ApiClient; checker: ApiClient },
  file: string,
): Promise<void> {
  const body = {
    registry: await readFile(file, 'utf8'),
    regions: await readFile(assetPath('reference-data/numbering-regions.csv'), 'utf8'),
    inn: operatorInn,
  };
  const { taken, capacity } = made(
    await maker.post('/api/v1/numbering-imports', body),
    'importing',
  );
  const published = await checker.post('/api/v1/reference-releases');
  // The same plan again is no news, and no release.
  if (published.body.code !== 'release-invalid') made(published, 'publishing');
  say(`Numbering: ${taken} ranges with ${capacity} numbers`);
}

async function play(options: ScenarioOptions): Promise<string[]> {
  const nodes = await readFederation(options.dataDir);
  const [centre] = nodes.filter(({ role }) => role === 'centre');
  if (!centre) throw new Error('the federation has no head office');
  const head = await signInAt(centre, 'manager');
  const deputy = await signInAt(centre, 'deputy');
  if (options.numbering) await importNumbering({ maker: head, checker: deputy }, options.numbering);
  const desks = await openDesks(nodes.filter(({ role }) => role === 'branch'));

  say(`\n${options.payments} payments at ${desks.length} branches, seed ${options.seed}`);
  const tally = await playDay(desks, { ...options, say });
  await untilQuiet(desks, head);
  const refunded = await refundSuspense(desks);
  await untilQuiet(desks, head);
  say(tallyTable(tally, refunded));

  const dates = await closeDates(desks, head);
  const reports = await Promise.all(dates.map((date) => reconcile(head, date)));
  for (const report of reports) say(dateTable(report));
  const settlements = await settle(desks, { maker: head, checker: deputy });
  for (const settlement of settlements) say(settlementTable(settlement));
  await untilQuiet(desks, head);

  const cases = made(await head.get('/api/v1/cases?limit=200'), 'cases').items as {
    id: string;
    kind: string;
    state: string;
  }[];
  const openCases = cases.filter(({ state }) => state !== 'closed');
  const books = await unbalanced([
    { code: 'HQ', client: head },
    ...desks.map(({ node, client }) => ({ code: node.code, client })),
  ]);
  const faults = [
    ...reports.flatMap(({ date, unequal }) => unequal.map((code) => `${date}: totals of ${code}`)),
    ...reports.flatMap((report) =>
      totalsOf(report).open > 0
        ? [`${report.date}: something is neither matched nor in a case`]
        : [],
    ),
    ...settlements.flatMap(({ net, confirmed }) =>
      confirmed.length < net.length ? ['a branch did not confirm the settlement'] : [],
    ),
    ...settlements.flatMap(({ net }) =>
      net.reduce((sum, each) => sum + BigInt(each.net.amount.replace('.', '')), 0n) === 0n
        ? []
        : ['the net positions do not sum to zero'],
    ),
    ...books.map((code) => `the ledger of ${code} does not balance`),
  ];
  say(`\nCases: ${openCases.length} open, ${cases.length - openCases.length} closed by themselves`);
  for (const { id, kind, state } of openCases) say(`  ${id} ${kind} ${state}`);
  say(`Ledgers: ${books.length === 0 ? 'all balanced' : `not balanced: ${books.join(', ')}`}`);
  return faults;
}

try {
  const faults = await play(parseScenarioOptions(process.argv.slice(2)));
  for (const fault of faults) say(`FAULT: ${fault}`);
  if (faults.length === 0) say('\nEverything is matched or in a named case, balanced and settled.');
  process.exitCode = faults.length === 0 ? 0 : 1;
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
