import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { MigrationSet } from '../../shared/store/migrations.ts';
import { openStore } from '../../shared/store/open-store.ts';
import { previousDays } from '../../shared/time/clock.ts';
import {
  cash,
  customer,
  nextNumber,
  receiveSim,
  registerSubscriber,
  startFederation,
  type TestClient,
  type TestFederation,
  until,
} from '../support/federation.ts';
import type { Place } from './judge.ts';
import { createRecorder, type Recorder, type Recording, untilReady } from './recording.ts';

/** A branch's life under the recorder: each kind of transaction that it knows, several times. */

const rounds = 1;
const timesPerRound = 5;
const atOnce = 24;
const notePeersMs = 40;
const subject = 'MSK';
const witness = 'SPB';

const answeredOperation = 'SELECT id AS value FROM operations';
const answeredKey = 'SELECT key AS value FROM idempotency_keys';
const takenPayment = 'SELECT operation_id AS value FROM payments';
const releasedPayout = `SELECT payment_id AS value FROM payouts WHERE state = 'released'`;
const closedDay = 'SELECT date AS value FROM business_days';
const heldOfPeers = `SELECT peer || ' ' || epoch || ' ' || position AS value FROM inbound_entries`;
const saidToPeers = `SELECT peer || ' ' || epoch || ' ' || position AS value FROM outbound_entries`;
const knownOperator = 'SELECT login AS value FROM operators';
const stockedCard = 'SELECT iccid AS value FROM sim_cards';
const knownRelease = 'SELECT CAST(version AS TEXT) AS value FROM releases';

export interface Recordings {
  readonly recordings: readonly Recording[];
  readonly migrations: readonly MigrationSet[];
}

/** Records everything; the federation is gone afterwards. */
export async function recordBranch(options: {
  folder: string;
  isNormal: boolean;
}): Promise<Recordings> {
  let migrations: readonly MigrationSet[] = [];
  const federation = await startFederation(
    [subject, witness],
    {},
    {
      openStore: (asked) => {
        migrations = asked.migrations;
        return openStore(asked);
      },
    },
  );
  try {
    const day = await recordDay(federation, options);
    const first = await recordFirstStart(federation, { ...options, migrations });
    const later = await recordFirstStart(federation, {
      ...{ ...options, migrations },
      appliedBefore: Math.floor(migrations.length / 2),
    });
    return { recordings: [day, first, later], migrations };
  } finally {
    await federation.stop();
  }
}

/** A store that is made, or brought up to date from an older release, by the first command. */
async function recordFirstStart(
  federation: TestFederation,
  options: {
    folder: string;
    isNormal: boolean;
    migrations: readonly MigrationSet[];
    appliedBefore?: number;
  },
): Promise<Recording> {
  const { folder, isNormal, migrations, appliedBefore = 0 } = options;
  const { environment, dataDir } = federation.branch(subject);
  const home = join(folder, `old-${appliedBefore}`);
  const place: Place = { store: join(home, 'store.db'), sentinel: join(home, 'apart', subject) };
  if (appliedBefore > 0) {
    const url = `file:${place.store}`;
    const old = migrations.slice(0, appliedBefore);
    const { store } = await openStore({ url, sentinel: place.sentinel, migrations: old });
    await store.close();
  }
  const trace = join(folder, `first-${appliedBefore}.trace`);
  const recorder = createRecorder({ place, trace, isNormal });
  const env = {
    ...environment,
    ...{ DATA_DIR: home, STORE_SENTINEL: place.sentinel },
    IDENTITY_DIR: join(dataDir, 'identity'),
  };
  const kind = appliedBefore > 0 ? 'migration of an old store' : 'first start';
  const role = ['--role', 'branch-admin'];
  await recorder.phase(kind, async () => {
    for (const login of ['first', 'second', 'third']) {
      const args = ['add-operator', '--login', login, '--name', login, ...role];
      const program = { script: 'branch-node/cli.js', args, env, input: 'a long password indeed' };
      await recorder.run(program).end();
      recorder.told(knownOperator, login);
    }
  });
  return recorder.finish();
}

async function recordDay(
  federation: TestFederation,
  { folder, isNormal }: { folder: string; isNormal: boolean },
): Promise<Recording> {
  const { environment, url, dataDir } = federation.branch(subject);
  const own = await subscribersAt(federation, subject);
  const theirs = await subscribersAt(federation, witness);
  await federation.untilQuiet();
  await federation.stopNode(subject);
  const place: Place = {
    store: join(dataDir, 'store.db'),
    sentinel: String(environment.STORE_SENTINEL),
  };
  const recorder = createRecorder({ place, trace: join(folder, 'day.trace'), isNormal });
  const start = async () => {
    const node = recorder.run({ script: 'branch-node/main.js', env: environment });
    await untilReady(url, node.child);
    return node;
  };
  let isOver = false;
  const noting = notePeers(federation, recorder, () => isOver);
  let node: Awaited<ReturnType<typeof start>> | undefined;
  try {
    await recorder.phase('start', async () => {
      node = await start();
      await calm(federation);
    });
    for (let round = 0; round < rounds; round += 1) {
      await playRound({ federation, recorder, own, theirs, round });
    }
    await recorder.phase('start after a kill', async () => {
      await node?.stop('SIGKILL');
      node = await start();
      await calm(federation);
    });
    await recorder.phase('stop', async () => node?.stop('SIGTERM'));
    node = undefined;
  } finally {
    isOver = true;
    await noting;
    await node?.stop('SIGKILL');
  }
  const recording = await recorder.finish();
  rmSync(join(dataDir, 'store.db.lock'), { force: true });
  return recording;
}

async function subscribersAt(federation: TestFederation, code: string): Promise<string[]> {
  const numbers: string[] = [];
  for (let index = 0; index < 8; index += 1) {
    numbers.push(await registerSubscriber(federation.branch(code)));
  }
  return numbers;
}

/** What the peers hold of the branch, and what it has acknowledged to them: none of that may be lost either. */
async function notePeers(
  federation: TestFederation,
  recorder: Recorder,
  isOver: () => boolean,
): Promise<void> {
  const noted = new Map<string, number>();
  const note = (
    query: string,
    { peer, epoch, upTo }: { peer: string; epoch: string; upTo: number },
  ) => {
    const name = `${query} ${peer} ${epoch}`;
    for (let position = (noted.get(name) ?? 0) + 1; position <= upTo; position += 1) {
      recorder.told(query, `${peer} ${epoch} ${position}`);
    }
    noted.set(name, Math.max(noted.get(name) ?? 0, upTo));
  };
  while (!isOver()) {
    for (const peer of ['HQ', witness]) {
      const node = peer === 'HQ' ? federation.centre() : runningWitness(federation);
      if (!node) continue;
      const { inbound, outbound } = await node.federation.streams();
      for (const { peer: of, epoch, position } of inbound) {
        if (of === subject) note(saidToPeers, { peer, epoch, upTo: Number(position) });
      }
      for (const { peer: of, epoch, acknowledged } of outbound) {
        if (of === subject) note(heldOfPeers, { peer, epoch, upTo: Number(acknowledged) });
      }
    }
    await pause(notePeersMs);
  }
}

function runningWitness(federation: TestFederation) {
  try {
    return federation.running(witness);
  } catch {
    return undefined;
  }
}

/** Nobody has anything left to say, the recorded branch neither. */
async function calm(federation: TestFederation): Promise<void> {
  await federation.untilQuiet();
  const { manager } = federation.branch(subject);
  await until('the recorded branch is quiet', async () => {
    const { body } = await manager.get('/api/v1/streams');
    return body.items?.every(({ behind }: { behind: number }) => behind === 0) === true;
  });
  await federation.untilQuiet();
}

interface Round {
  readonly federation: TestFederation;
  readonly recorder: Recorder;
  readonly own: readonly string[];
  readonly theirs: readonly string[];
  readonly round: number;
}

let keys = 0;

/** A request to the recorded branch, and what its answer promises. */
async function asked(
  { federation, recorder }: Round,
  path: string,
  body: object,
): Promise<{ operationId: string }> {
  keys += 1;
  const key = `key-${keys}`;
  const { manager } = federation.branch(subject);
  const answer = await manager.post(`/api/v1/${path}`, body, { 'idempotency-key': key });
  if (answer.status !== 201) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
  const { operationId } = answer.body;
  recorder.told(answeredKey, key);
  if (operationId !== undefined) recorder.told(answeredOperation, operationId);
  if (answer.body.receipt) recorder.told(takenPayment, operationId);
  return answer.body;
}

const payment = (msisdn: string, roubles: number) => ({ msisdn, ...cash(`${roubles}.00`) });

async function playRound(round: Round): Promise<void> {
  const { federation, recorder, own, theirs } = round;
  const spb = federation.branch(witness).manager;
  const repeat = (kind: string, work: (index: number) => Promise<void>) =>
    recorder.phase(kind, async () => {
      for (let index = 0; index < timesPerRound; index += 1) await work(index);
      await calm(federation);
    });
  const at = (list: readonly string[], index: number) => list[index % list.length] ?? '';
  const paid: string[] = [];

  await repeat('payment for an own number', async (index) => {
    paid.push((await asked(round, 'payments', payment(at(own, index), 900))).operationId);
  });
  await repeat('payment for another branch', async (index) => {
    paid.push((await asked(round, 'payments', payment(at(theirs, index), 900))).operationId);
  });
  await recorder.phase('payments at once, one transaction', async () => {
    const wishes = Array.from({ length: atOnce }, (_, index) =>
      asked(round, 'payments', payment(at(index % 2 ? own : theirs, index), 10 + index)),
    );
    await Promise.all(wishes);
    await calm(federation);
  });
  await recorder.phase('batch of a peer executed', async () => {
    const wishes = Array.from({ length: atOnce }, (_, index) =>
      spb.post('/api/v1/payments', payment(at(own, index), 10 + index)),
    );
    await Promise.all(wishes);
    await calm(federation);
  });
  await recorder.phase('cancellation and payout', async () => {
    for (const id of paid) await asked(round, `payments/${id}/cancellation`, {});
    await calm(federation);
    await payoutsReleased(round, paid);
  });
  await recorder.phase('backlog: streams acknowledged, answers concluded', async () => {
    await federation.stopNode(witness);
    for (let index = 0; index < timesPerRound; index += 1) {
      await asked(round, 'payments', payment(at(theirs, index), 50));
    }
    await federation.startNode(witness);
    await calm(federation);
  });
  await playSubscribers(round, repeat);
  await playOffice(round);
}

async function payoutsReleased(
  { federation, recorder }: Round,
  ids: readonly string[],
): Promise<void> {
  const { manager } = federation.branch(subject);
  for (const id of ids) {
    await until('the payout is released', async () => {
      const { body } = await manager.get(`/api/v1/payments/${id}`);
      return body.payout?.state === 'released';
    });
    recorder.told(releasedPayout, id);
  }
}

async function playSubscribers(
  round: Round,
  repeat: (kind: string, work: (index: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const { federation, recorder, own, theirs } = round;
  const at = (list: readonly string[], index: number) => list[index % list.length] ?? '';
  const card = async () => {
    const iccid = await receiveSim(federation.branch(subject));
    recorder.told(stockedCard, iccid);
    return iccid;
  };
  await repeat('SIM replacement at home', async (index) => {
    await asked(round, 'payments', payment(at(own, index), 300));
    await asked(round, 'sim-replacements', { msisdn: at(own, index), iccid: await card() });
  });
  await repeat('SIM replacement for another branch', async (index) => {
    await asked(round, 'payments', payment(at(theirs, index), 300));
    await asked(round, 'sim-replacements', { msisdn: at(theirs, index), iccid: await card() });
  });
  await repeat('registration', async () => {
    const msisdn = nextNumber(subject);
    await federation.branch(subject).manager.post('/api/v1/numbers', { numbers: [msisdn] });
    const wish = { msisdn, iccid: await card(), ratePlan: 'BASIC', customer };
    await asked(round, 'subscribers', wish);
  });
  await repeat('rate plan, block and unblock', async (index) => {
    const msisdn = at(own, index);
    const ratePlan = round.round % 2 ? 'BASIC' : 'SMART';
    await asked(round, 'rate-plan-changes', { msisdn, ratePlan });
    await asked(round, 'blocks', { msisdn, action: 'block' });
    await asked(round, 'blocks', { msisdn, action: 'unblock' });
  });
  await repeat('suspense and refund', async () => {
    await federation.stopNode(witness);
    const nobody = nextNumber(witness);
    const { operationId } = await asked(round, 'payments', payment(nobody, 70));
    await federation.startNode(witness);
    await calm(federation);
    await asked(round, `suspense/${operationId}/refund`, {});
    await calm(federation);
    await payoutsReleased(round, [operationId]);
  });
}

async function playOffice({ federation, recorder, round }: Round): Promise<void> {
  const { manager } = federation.branch(subject);
  await recorder.phase('business day closed', async () => {
    // Dates that are over can be closed one after the other.
    const { current } = (await manager.get('/api/v1/business-days')).body;
    for (let turn = timesPerRound; turn > 0; turn -= 1) {
      const date = previousDays(current, turn + timesPerRound * (rounds - round));
      const day = await manager.post(`/api/v1/business-days/${date}/close`, {});
      if (day.status !== 201) throw new Error(JSON.stringify(day.body));
      recorder.told(closedDay, date);
    }
    await calm(federation);
  });
  await recorder.phase('release applied', async () => {
    for (let turn = 0; turn < 3; turn += 1) await publishAnother(federation, round * 3 + turn);
    await calm(federation);
  });
  recorder.told(knownRelease, String((await manager.get('/api/v1/reference')).body.version));
  await recorder.phase('people: signing in, a new operator', async () => {
    for (let turn = 0; turn < 4; turn += 1)
      await addOperator(manager, recorder, `${round}-${turn}`);
  });
}

async function addOperator(manager: TestClient, recorder: Recorder, name: string): Promise<void> {
  const login = `clerk-${name}`;
  const body = { login, name: login, role: 'cashier', password: 'a long password indeed' };
  const answer = await manager.post('/api/v1/operators', body);
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  recorder.told(knownOperator, login);
}

/** A release that differs from the last one by a ported number; the branch has applied it when this returns. */
async function publishAnother(federation: TestFederation, index: number): Promise<void> {
  const { hq } = federation;
  const path = '/api/v1/reference-draft/datasets/ported-numbers';
  const { rows } = (await hq.manager.get(path)).body;
  const ported = { msisdn: String(79_161_000_000 + index), branch: witness };
  const changed = await hq.manager.put(path, { rows: [...rows, ported] });
  if (changed.status >= 300) throw new Error(JSON.stringify(changed.body));
  await federation.publish();
  const { items } = (await hq.manager.get('/api/v1/reference-releases')).body;
  await until('the branch has the release', async () => {
    const { body } = await federation.branch(subject).manager.get('/api/v1/reference');
    return body.version === items[0].version;
  });
}
