import { expect } from 'chai';
import type { NodeIdentity } from '../../shared/federation/identity.ts';
import { entriesOfOperation } from '../../shared/federation/log-store.ts';
import {
  type Answer,
  cash,
  registerSubscriber,
  startFederation,
  type TestFederation,
  type TestNode,
  until,
} from './federation.ts';
import { type Anything, createRogue, type Rogue, stolenIdentity } from './rogue.ts';

/** MSK and NSK are honest; SPB is off, and a rogue speaks to MSK with its keys. */
export interface Siege {
  readonly federation: TestFederation;
  readonly victim: TestNode;
  /** A subscriber of the victim, with 600.00. */
  readonly msisdn: string;
  readonly spb: NodeIdentity;
  readonly nsk: NodeIdentity;
  /** The start of SPB that speaks now. */
  rogue: Rogue;
}

/** The starts of a peer that the victim has heard of. */
export async function startsOf(victim: TestNode, code: string): Promise<string[]> {
  const { body } = await victim.manager.get('/api/v1/streams');
  const stream = body.items.find(({ peer }: Anything) => peer === code);
  return (stream?.inbound ?? []).map(({ epoch }: Anything) => epoch);
}

export async function layASiege(): Promise<Siege> {
  const federation = await startFederation();
  const victim = federation.branch('MSK');
  const spb = await stolenIdentity(federation.branch('SPB'));
  const nsk = await stolenIdentity(federation.branch('NSK'));
  const msisdn = await registerSubscriber(victim);
  for (const code of ['SPB', 'NSK', 'MSK']) {
    const { manager } = federation.branch(code);
    await manager.post('/api/v1/payments', { msisdn, ...cash('200.00') });
  }
  await federation.untilQuiet();
  await federation.stopNode('SPB');
  const rogue = createRogue({ identity: spb, victim, previous: await startsOf(victim, 'SPB') });
  const first = await rogue.send([rogue.entry('node.started', { codeVersion: '0' })]);
  expect(first.status, JSON.stringify(first.body)).to.equal(200);
  return { federation, victim, msisdn, spb, nsk, rogue };
}

/** What a rogue would like to change, and how far his stream is taken. */
export async function booksOf({ victim, msisdn, rogue }: Siege) {
  const { body: streams } = await victim.manager.get('/api/v1/streams');
  const stream = streams.items.find(({ peer }: Anything) => peer === 'SPB');
  return {
    trial: (await victim.manager.get('/api/v1/trial-balance')).body,
    subscriber: (await victim.manager.get(`/api/v1/subscribers/${msisdn}`)).body.balance,
    position: stream.inbound.find(({ epoch }: Anything) => epoch === rogue.started)?.position,
  };
}

/** The victim's alarms, by code. */
export async function alarmsOf({ victim }: Siege): Promise<string> {
  return (await victim.manager.get('/readyz')).body.checks.alarms.detail ?? '';
}

/** What the victim wrote into its log about an operation. */
export async function answersTo({ federation }: Siege, id: string): Promise<Anything[]> {
  const { store } = federation.running('MSK');
  const rows = await store.read((tx) => entriesOfOperation(tx, id));
  return rows.map(({ entry }) => JSON.parse(entry));
}

/** The refusals of a caller in the victim's audit trail, the newest first. */
export async function refusalsOf({ victim }: Siege, caller: string): Promise<Anything[]> {
  const path = `/api/v1/audit?action=peer.refuse&actor=${caller}&limit=200`;
  return (await victim.manager.get(path)).body.items;
}

/** Refused with this status and code, written down, and nothing else happened. */
export async function expectRefused(
  siege: Siege,
  [status, code]: readonly [number, string],
  send: () => Promise<Answer>,
  caller = 'SPB',
): Promise<Answer> {
  const booksBefore = await booksOf(siege);
  const before = (await refusalsOf(siege, caller)).length;
  const answer = await send();
  expect([answer.status, answer.body.code]).to.deep.equal([status, code]);
  await until('the refusal is in the audit trail', async () => {
    return (await refusalsOf(siege, caller)).length === before + 1;
  });
  const [newest] = await refusalsOf(siege, caller);
  expect(newest).to.include({ action: 'peer.refuse', outcome: 'denied' });
  expect(newest.detail.code).to.equal(code);
  expect(await booksOf(siege)).to.deep.equal(booksBefore);
  return answer;
}
