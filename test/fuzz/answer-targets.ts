import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { z } from 'zod';
import { followSuccessors } from '../../branch-node/keys/head-office-successors.ts';
import {
  subscriberCard,
  subscriberHistory,
  verifiedPayability,
} from '../../branch-node/subscribers/subscriber-card.ts';
import { renewalAnswer, successorsAnswer } from '../../shared/federation/enrolment-messages.ts';
import { renewIfDue } from '../../shared/federation/enrolment-renewal.ts';
import { loadIdentity } from '../../shared/federation/identity.ts';
import type { PeerClient, PeerRequest, PeerResponse } from '../../shared/federation/peers.ts';
import { setRecovering } from '../../shared/federation/recovery-store.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import { codeVersion, type Node } from '../../shared/node/node.ts';
import { isDomainError } from '../../shared/problem/problem.ts';
import { createReleaseFetcher, followLatest } from '../../shared/reference/release-fetcher.ts';
import { instantOf, systemClock } from '../../shared/time/clock.ts';
import { sha256 } from '../../shared/wire/canonical.ts';
import {
  hello,
  recoveryAnswer,
  recoveryType,
  streamAnswer,
} from '../../shared/wire/peer-messages.ts';
import { cash, until } from '../support/federation.ts';
import { endpointProbe } from './api-targets.ts';
import { type Target, targetOf, type Verdict } from './campaign.ts';
import { type FuzzFederation, numberOf } from './fuzz-federation.ts';
import { jsonText, spoilt, tampered } from './hostile-values.ts';
import { type Schema, validValues } from './valid-values.ts';

const asking = 'MSK';
const peer = 'SPB';
/** The turns until a node has asked, and those in which it does what it does with an answer. */
const turnsMax = 2_000;
const turnsAfter = 20;
/** How often the same may be sent again without a pause. */
const repeatsMax = 80;

const problem = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum([
    'unexpected-position',
    'broken-chain',
    'stale-start',
    'set-back',
    'recovering',
    'peer-refused',
    'not-signed-in',
    'internal',
    'unknown-number',
    'subscriber-moved',
    'locked-out',
  ]),
  expected: z.int().optional(),
  newest: z.string().optional(),
  proof: z.string().optional(),
  movedTo: z.string().optional(),
});

/** Answers as a question's schema describes them, refusals, and what is neither. */
function answersOf(fuzz: FuzzFederation, schema: z.ZodType, good: readonly string[] = []) {
  const special = {
    node: fc.constantFrom(peer, peer, headOffice, asking, 'ZZZ'),
    previous: fc.constant([]),
    activatedAt: fc.constant(instantOf(systemClock.nowMs())),
  };
  const arbitraryOf = (each: z.ZodType) => {
    const document: Schema = z.toJSONSchema(each, { io: 'input', unrepresentable: 'any' });
    const { vocabulary } = fuzz;
    return validValues({ vocabulary, definitions: document.$defs ?? {}, special }).values(document);
  };
  const bodies = arbitraryOf(schema);
  const refusals = arbitraryOf(problem);
  const answer = (status: fc.Arbitrary<number>, body: fc.Arbitrary<string | Buffer>) =>
    fc.record({ status, body: body.map(String), headers: fc.constant({}) });
  const ok = fc.constantFrom(200, 200, 201);
  const refused = fc.constantFrom(400, 401, 403, 404, 409, 409, 429, 500, 503);
  const strange = fc.constantFrom(100, 204, 206, 301, 302, 304, 418, 599);
  const texts = fc.oneof(bodies.map(jsonText), ...good.map((text) => fc.constant(text)));
  return {
    valid: fc.oneof(answer(ok, texts), answer(refused, refusals.map(jsonText))),
    hostile: fc.oneof(
      answer(ok, spoilt(bodies)),
      answer(ok, tampered(texts)),
      answer(refused, spoilt(refusals)),
      answer(refused, tampered(refusals.map(jsonText))),
      answer(strange, texts),
    ),
  };
}

function pairOf(
  name: string,
  inputs: { valid: fc.Arbitrary<PeerResponse>; hostile: fc.Arbitrary<PeerResponse> },
  probe: (answer: PeerResponse) => Promise<Verdict>,
): Target[] {
  const common = { name: `answer ${name}`, inOrder: true, probe };
  return [
    targetOf({ ...common, kind: 'valid', inputs: inputs.valid }),
    targetOf({ ...common, kind: 'hostile', inputs: inputs.hostile }),
  ];
}

/** What a peer and head office say to MSK when it asks them. SPB's side of the books is nobody's afterwards. */
export async function answerTargets(fuzz: FuzzFederation): Promise<Target[]> {
  return [
    ...(await viewAnswers(fuzz)),
    ...helloAnswers(fuzz),
    ...releaseAnswers(fuzz),
    ...(await keyAnswers(fuzz)),
    ...(await streamAnswers(fuzz)),
    ...(await recoveryAnswers(fuzz)),
  ];
}

function helloAnswers(fuzz: FuzzFederation): Target[] {
  const { liveness } = fuzz.node(asking).federation;
  const path = '/peer/v1/hello';
  const members: readonly string[] = [peer, 'NSK', headOffice];
  return pairOf('hello', answersOf(fuzz, hello), async (answer) => {
    await fuzz.bench.forging({ asking, peer, path, answer: () => answer }, liveness.probe);
    const statuses = liveness.statuses();
    const forged = statuses.find(
      (status) =>
        !members.includes(status.peer) ||
        (status.peer !== peer && (status.codeVersion ?? codeVersion) !== codeVersion),
    );
    const outcome = liveness.isReachable(peer as NodeCode) ? 'heard' : 'not heard';
    if (!forged) return { outcome };
    return { outcome, fault: `${peer} spoke for ${JSON.stringify(forged)}\n${answer.body}` };
  });
}

/** Well signed, whatever they say: nothing but what this node signed itself is kept. */
async function recoveryAnswers(fuzz: FuzzFederation): Promise<Target[]> {
  const { federation, store } = fuzz.node(asking);
  const { dataDir } = fuzz.federation.branch(peer);
  const signer = createSigner(await loadIdentity(join(dataDir, 'identity')));
  const path = '/peer/v1/recovery';
  const asked = z.object({ nonce: z.string() });
  let isPaged = false;

  async function signed(request: PeerRequest, { status, body }: PeerResponse) {
    // A page that says that more follow is followed by silence.
    if (isPaged) return { status: 503, headers: {}, body: '' };
    isPaged = true;
    if (status !== 200) return { status, headers: {}, body };
    const { nonce } = asked.parse(JSON.parse(request.body ?? '{}'));
    const answer = body.replace(/"nonce":"[^"]*"/, `"nonce":"${nonce}"`);
    const signature = await signer.sign(recoveryType, { sha256: sha256(answer) });
    return { status, headers: {}, body: JSON.stringify({ answer, signature }) };
  }

  const inputs = answersOf(fuzz, recoveryAnswer);
  return pairOf('recovery', inputs, async (answer) => {
    await setBack(federation, store);
    isPaged = false;
    const told = (request: PeerRequest) => signed(request, answer);
    const count = await fuzz.bench.forging({ asking, peer, path, answer: told }, async () => {
      federation.recovery.run();
      await swallowed(fuzz);
    });
    const kept = await store.read((tx) => tx.all('SELECT epoch FROM recovered_entries LIMIT 1'));
    const outcome = count > 0 ? 'told' : 'not asked';
    return kept.length === 0
      ? { outcome }
      : { outcome, fault: `something was kept of ${answer.body}` };
  });
}

/** The node takes itself to be set back, and has nobody's answer: what was told before counts no more. */
async function setBack(federation: Node['federation'], store: Node['store']): Promise<void> {
  await store.write(async (tx) => {
    await setRecovering(tx, { reason: 'to be asked', since: instantOf(systemClock.nowMs()) });
    await tx.run('DELETE FROM recovery_answers');
  });
  await federation.recovery.load({ continues: false });
}

/** Until the node has asked, and has done what it does with the answer. */
async function swallowed({ bench }: FuzzFederation): Promise<void> {
  const before = bench.told();
  for (let turn = 0; turn < turnsMax && bench.told() === before; turn += 1) await nextTurn();
  for (let turn = 0; turn < turnsAfter; turn += 1) await nextTurn();
}

/** What the home branch answers to a person's question is shown or refused, and never stored. */
async function viewAnswers(fuzz: FuzzFederation): Promise<Target[]> {
  const [msisdn] = fuzz.vocabulary.of(numberOf(peer));
  const views = [
    { id: 'showSubscriber', at: `/api/v1/subscribers/${msisdn}`, schema: subscriberCard },
    {
      ...{ id: 'listSubscriberChanges', at: `/api/v1/subscribers/${msisdn}/changes` },
      schema: subscriberHistory,
    },
    { id: 'checkPayability', at: `/api/v1/payability/${msisdn}`, schema: verifiedPayability },
  ];
  const targets: Target[] = [];
  for (const { id, at, schema } of views) {
    const probe = await endpointProbe(fuzz, asking, id);
    const judged = async (answer: PeerResponse): Promise<Verdict> => {
      const path = '/peer/v1/subscribers';
      let verdict: Verdict = { outcome: 'not asked' };
      await fuzz.bench.forging({ asking, peer, path, answer: () => answer }, async () => {
        verdict = await probe({ method: 'GET', path: at, caller: 'able', headers: {} });
      });
      const isOurs = /^(401|500)/.test(verdict.outcome);
      const fault = verdict.fault ?? (isOurs ? `the peer made it ${verdict.outcome}` : undefined);
      return fault ? { ...verdict, fault: `${fault}\n${answer.status} ${answer.body}` } : verdict;
    };
    targets.push(...pairOf(id, answersOf(fuzz, schema), judged));
  }
  return targets;
}

const clientOf = (answer: PeerResponse): PeerClient => ({ request: async () => answer });

async function readWith(work: () => Promise<string>): Promise<Verdict> {
  try {
    return { outcome: await work() };
  } catch (error) {
    if (isDomainError(error)) return { outcome: error.code };
    return { outcome: 'error', fault: String(Object(error).stack) };
  }
}

/** Of releases only what head office has signed. */
function releaseAnswers(fuzz: FuzzFederation): Target[] {
  const { references } = fuzz.node(asking);
  const text = z.record(z.string(), z.unknown());
  return pairOf('releases', answersOf(fuzz, text), async (answer) => {
    const fetcher = createReleaseFetcher({ peerClient: clientOf(answer), from: headOffice });
    const verdict = await readWith(async () => {
      return (await followLatest({ fetcher, references, clock: systemClock })).applied
        ? 'applied'
        : 'held';
    });
    // One that head office has made meanwhile may come in by itself.
    const published = fuzz.node('HQ').references.current()?.version ?? 0;
    const isOurs = (references.current()?.version ?? 0) <= published;
    return isOurs && verdict.outcome !== 'applied'
      ? verdict
      : { ...verdict, fault: `a release was taken: ${answer.body}` };
  });
}

/** A certificate is taken for the own key by the own authority, head office's key by the one before. */
async function keyAnswers(fuzz: FuzzFederation): Promise<Target[]> {
  const dir = mkdtempSync(join(tmpdir(), 'sbms-answers-'));
  // A key that is being changed may be copied with the certificate of another.
  await until('its identity is of one piece', async () => {
    cpSync(join(fuzz.federation.branch(asking).dataDir, 'identity'), dir, { recursive: true });
    return loadIdentity(dir).then(
      () => true,
      () => false,
    );
  });
  const identity = await loadIdentity(dir);
  const { headOfficeKey } = identity;
  const signer = createSigner(identity);
  const stranger = await loadIdentity(join(fuzz.federation.branch(peer).dataDir, 'identity'));
  const others = [identity, stranger].map((each) => JSON.stringify({ certPem: each.certPem }));
  const renewals = answersOf(fuzz, renewalAnswer, others);
  const successors = answersOf(fuzz, successorsAnswer);
  return [
    ...pairOf('renewal', renewals, async (answer) => {
      let { certPem } = identity;
      const verdict = await readWith(async () => {
        const client = clientOf(answer);
        const wanted = { client, signer, clock: systemClock, identity, now: true };
        certPem = (await renewIfDue(wanted)) ?? certPem;
        return 'renewed';
      });
      const isSame = certPem === identity.certPem;
      return isSame ? verdict : { ...verdict, fault: `it was taken: ${answer.body}` };
    }),
    ...pairOf('head office keys', successors, (answer) =>
      readWith(async () => {
        const { x } = await followSuccessors({ client: clientOf(answer), headOfficeKey });
        if (x !== headOfficeKey.x) throw new Error(`followed to ${x}`);
        return 'the same';
      }),
    ),
  ];
}

/** What is said to have been taken of the stream: paused, told again, or given up; the rest of the node lives. */
async function streamAnswers(fuzz: FuzzFederation): Promise<Target[]> {
  const { federation } = fuzz.node(asking);
  const branch = fuzz.federation.branch(asking);
  const [msisdn] = fuzz.vocabulary.of(numberOf(peer));
  const path = '/peer/v1/stream';

  async function waiting(): Promise<number> {
    const { outbound } = await federation.streams();
    const mine = outbound.filter((stream) => stream.peer === peer);
    return mine.reduce((sum, each) => sum + Number(each.position - each.acknowledged), 0);
  }

  return pairOf('stream', answersOf(fuzz, streamAnswer), async (answer) => {
    const told = await fuzz.bench.forging(
      { asking, peer, path, answer: () => answer },
      async () => {
        if ((await waiting()) === 0) {
          await branch.manager.post('/api/v1/payments', { msisdn, ...cash('1.00') });
        }
        (await federation.streams()).lanes.get(peer as NodeCode)?.heard();
        await swallowed(fuzz);
      },
    );
    const isLooping = told > repeatsMax;
    const outcome = told > 0 ? `told, ${(await waiting()) === 0 ? 'taken' : 'waits'}` : 'not sent';
    return isLooping ? { outcome, fault: `sent ${told} times: ${answer.body}` } : { outcome };
  });
}
