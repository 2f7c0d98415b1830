import { randomInt } from 'node:crypto';
import { Command } from 'commander';
import { verifyStore } from '../../shared/node/maintenance.ts';
import { cash, registerSubscriber, until } from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';
import { answerTargets } from './answer-targets.ts';
import { apiTargets, endpointsOf } from './api-targets.ts';
import { cameThrough, outcomesText, type Target } from './campaign.ts';
import { allFileTargets } from './file-targets.ts';
import { type FuzzedCode, type FuzzFederation, startFuzzFederation } from './fuzz-federation.ts';
import { pageTargets } from './page-targets.ts';
import { peerTargets } from './peer-targets.ts';
import { nameOf, openProgress } from './progress.ts';
import { socketTargets } from './socket-targets.ts';

const mebibyte = 1_048_576;
const inputsTogether = 120_000;
/** What ends a branch's membership, or its belief in head office: of a stolen key nothing follows. */
const partings: ReadonlySet<string> = new Set([
  ...['revokeNode', 'rekeyNode', 'rollAuthority', 'retireAuthority', 'rotateHeadOfficeKey'],
]);

interface Options {
  readonly inputs: number;
  readonly seed: number;
  readonly only: RegExp;
  readonly part: RegExp;
  readonly progress?: string;
}

const program = new Command('fuzz')
  .description('give every endpoint, message and file valid and hostile inputs')
  .option('--inputs <count>', 'of each kind, for each target', Number, 10_000)
  .option('--seed <number>', 'of the inputs', Number, randomInt(2 ** 31))
  .option(
    '--part <pattern>',
    'of api, pages, peers, sockets, answers, files',
    (text) => new RegExp(text),
    /./,
  )
  .option('--progress <file>', 'what is through is written there, and passed over')
  .option('--only <pattern>', 'targets whose name matches', (text) => new RegExp(text), /./);
const options = program.parse().opts<Options>();

let rejected = 0;
process.on('unhandledRejection', (error) => {
  rejected += 1;
  print(`FAULT unhandled rejection: ${error instanceof Error ? error.stack : String(error)}`);
});

const progress = openProgress(options.progress);
let faults = 0;
let total = progress.inputs();

print(`seed ${options.seed}, ${options.inputs} inputs of each kind`);
for (const code of ['MSK', 'HQ'] as const) {
  if (options.part.test('api')) await fuzzNode(code);
  if (options.part.test('pages')) await fuzzPages(code);
  if (options.part.test('peers')) await fuzzPeerPort(code);
  if (options.part.test('sockets')) await fuzzSockets(code);
}
if (options.part.test('answers')) await fuzzAnswers();
if (options.part.test('files')) await fuzzFiles();
print(`${total} inputs, ${faults + rejected} faults`);
process.exit(faults + rejected === 0 ? 0 : 1);

/** What is written changes the node for whoever comes next: a few endpoints that write share a federation. */
async function fuzzNode(code: FuzzedCode): Promise<void> {
  const first = await startFuzzFederation();
  const endpoints = (await endpointsOf(first, code)).filter(({ id }) =>
    options.only.test(`${code} ${id}`),
  );
  const idsOf = (isReading: boolean) =>
    endpoints.filter(({ method }) => (method === 'GET') === isReading).map(({ id }) => id);
  await fuzzEndpoints(first, code, idsOf(true));
  const writing = idsOf(false).filter((id) => !partings.has(id));
  const endpointsTogether = Math.max(1, Math.floor(inputsTogether / options.inputs));
  for (let next = 0; next < writing.length; next += endpointsTogether) {
    await fuzzTogether(code, writing.slice(next, next + endpointsTogether), faultsAfter);
  }
  // Whose keys nobody believes any more is told nothing: his side of the books cannot be right.
  const parting = idsOf(false).filter((id) => partings.has(id));
  await fuzzTogether(code, parting, faultsHere);
}

async function fuzzTogether(
  code: FuzzedCode,
  ids: readonly string[],
  faultsOf: typeof faultsAfter,
): Promise<void> {
  if (ids.every((id) => isDone(`${code} ${id}`))) return;
  await fuzzEndpoints(await startFuzzFederation(), code, ids, faultsOf);
}

function isDone(name: string): boolean {
  return (['valid', 'hostile'] as const).every((kind) => progress.has({ name, kind }));
}

async function fuzzEndpoints(
  fuzz: FuzzFederation,
  code: FuzzedCode,
  ids: readonly string[],
  faultsOf = faultsAfter,
): Promise<void> {
  if (ids.length > 0) {
    const targets = await apiTargets(fuzz, code, (id) => ids.includes(id));
    for (const target of targets) await fuzzTarget(target);
    reportAll(ids.join(), await faultsOf(fuzz));
  }
  await fuzz.federation.stop();
}

async function fuzzPages(code: FuzzedCode): Promise<void> {
  const fuzz = await startFuzzFederation();
  const targets = await pageTargets(fuzz, code);
  for (const target of targets.filter(({ name }) => options.only.test(name))) {
    await fuzzTarget(target);
  }
  reportAll(`the pages of ${code}`, await faultsAfter(fuzz));
  await fuzz.federation.stop();
}

/** SPB's keys are in other hands: its side of the books is nobody's. */
async function fuzzPeerPort(code: FuzzedCode): Promise<void> {
  const fuzz = await startFuzzFederation();
  await fuzz.federation.stopNode('SPB');
  const targets = await peerTargets(fuzz, code);
  const chosen = targets.filter(({ name }) => options.only.test(name));
  for (const target of chosen) await fuzzTarget(target);
  if (chosen.length > 0) reportAll(`the peers of ${code}`, await faultsHere(fuzz));
  await fuzz.federation.stop();
}

async function fuzzSockets(code: FuzzedCode): Promise<void> {
  const fuzz = await startFuzzFederation();
  const targets = await socketTargets(fuzz, code);
  for (const target of targets.filter(({ name }) => options.only.test(name))) {
    await fuzzTarget(target);
  }
  reportAll(`the ports of ${code}`, await faultsAfter(fuzz));
  await fuzz.federation.stop();
}

/** What was told in SPB's name about its stream makes its books nobody's. */
async function fuzzAnswers(): Promise<void> {
  const fuzz = await startFuzzFederation();
  const targets = await answerTargets(fuzz);
  for (const target of targets.filter(({ name }) => options.only.test(name))) {
    await fuzzTarget(target);
  }
  const { federation } = fuzz.node('MSK');
  await fuzz.federation.startNode('NSK');
  await until('the recovery ends', () => !federation.isRecovering());
  reportAll('the answers', await faultsHere(fuzz));
  await fuzz.federation.stop();
}

async function fuzzFiles(): Promise<void> {
  const fuzz = await startFuzzFederation();
  const targets = await allFileTargets(fuzz);
  for (const target of targets.filter(({ name }) => options.only.test(name))) {
    await fuzzTarget(target);
  }
  reportAll('the files', await faultsHere(fuzz));
  await fuzz.federation.stop();
}

function reportAll(what: string, found: readonly string[]): void {
  faults += found.length;
  for (const fault of found) print(`FAULT after ${what}: ${fault}`);
}

async function fuzzTarget(target: Target): Promise<void> {
  if (progress.has(target)) return;
  const before = process.cpuUsage();
  const report = await target.run(options);
  total += report.inputs;
  const { user, system } = process.cpuUsage(before);
  const seconds = ((user + system) / 1_000_000).toFixed(1);
  const heap = Math.round(process.memoryUsage().rss / mebibyte);
  const grown =
    report.growth === undefined ? '' : ` ${(report.growth / mebibyte).toFixed(1)} kept,`;
  const cost = `${report.inputs} in ${seconds} CPU s,${grown} ${heap} MiB`;
  print(`${nameOf(report)}: ${cost}: ${outcomesText(report.outcomes)}`);
  const unreached = report.kind === 'valid' && !report.fault && !cameThrough(report);
  const fault = report.fault ?? (unreached ? 'no valid input came past the schema' : undefined);
  if (fault === undefined) return progress.note(report, options.seed);
  faults += 1;
  print(`FAULT ${nameOf(report)}: ${fault}`);
}

/** Still serves, and its own books are right. */
async function faultsHere({ federation }: FuzzFederation): Promise<string[]> {
  const branch = federation.branch('MSK');
  const msisdn = await registerSubscriber(branch);
  const paid = await branch.manager.post('/api/v1/payments', { msisdn, ...cash('5.00') });
  return [
    ...(paid.status === 201 ? [] : [`a payment is refused: ${JSON.stringify(paid.body)}`]),
    ...(await verifyStore(federation.running('MSK').store)).map((fault) => `MSK: ${fault}`),
    ...(await verifyStore(federation.centre().store)).map((fault) => `HQ: ${fault}`),
  ];
}

/** The books are right everywhere, and mirror each other. */
async function faultsAfter(fuzz: FuzzFederation): Promise<string[]> {
  const { federation } = fuzz;
  const here = await faultsHere(fuzz);
  await federation.startNode('NSK');
  await federation.untilQuiet();
  const branches = ['MSK', 'SPB', 'NSK'].map((code) => ({
    code,
    store: federation.running(code).store,
  }));
  return [...here, ...(await moneyFaults(branches))];
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
