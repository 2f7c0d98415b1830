import { join } from 'node:path';
import fc from 'fast-check';
import { z } from 'zod';
import { searchPath, searchRequest } from '../../branch-node/subscribers/subscriber-list-view.ts';
import { actorHeader, signActor } from '../../shared/federation/actor.ts';
import { certificateFacts, createRequest } from '../../shared/federation/certificates.ts';
import {
  enrolmentAnswer,
  enrolmentRequest,
  keysAdoption,
  keysRequest,
  lateRenewalRequest,
  renewalAnswer,
  renewalRequest,
  successorsAnswer,
} from '../../shared/federation/enrolment-messages.ts';
import { loadIdentity, type NodeIdentity } from '../../shared/federation/identity.ts';
import { headOffice, type NodeCode, systemIds } from '../../shared/ids/ids.ts';
import { instantOf, systemClock } from '../../shared/time/clock.ts';
import {
  hello,
  recoveryRequest,
  signedRecoveryAnswer,
  startedHeader,
} from '../../shared/wire/peer-messages.ts';
import { tamperedCursors } from './api-inputs.ts';
import { harvestLists } from './api-targets.ts';
import { type Target, targetOf, type Verdict } from './campaign.ts';
import type { FuzzedCode, FuzzFederation } from './fuzz-federation.ts';
import {
  deepLevels,
  hostileTexts,
  jsonText,
  limitsIn,
  spoilt,
  tampered,
} from './hostile-values.ts';
import { documented, faultOf, type Judge } from './judge.ts';
import { keyMessages } from './key-messages.ts';
import { createPeerStart, type PeerStart } from './peer-start.ts';
import { streamJudge, streamTargets } from './stream-targets.ts';
import { type Schema, validValues } from './valid-values.ts';

const maxShownLength = 2_000;
const maxPreviousStarts = 32;
const routesOfNobody = new Set(['ALL /peer/*']);
/** What a branch answers to head office alone. */
const headOfficeAsks = /\/obligations$|\/days\//;

export interface PeerInput {
  readonly method: string;
  readonly path: string;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Nobody has shown a certificate. */
  readonly isNobody?: boolean;
  /** A person's assertion goes with it. */
  readonly asPerson?: boolean;
  /** Head office has shown its certificate. */
  readonly asHeadOffice?: boolean;
}

/** A rogue that holds the keys of SPB, which is off, and speaks to one node. */
export interface Rogue {
  readonly identity: NodeIdentity;
  start(): PeerStart;
  restart(): void;
  ask(input: PeerInput, judge: Judge): Promise<Verdict & { text: string; status: number }>;
}

interface Message {
  readonly method: 'GET' | 'POST';
  /** As Hono has it. */
  readonly route: string;
  readonly request?: z.ZodType;
  readonly answer?: z.ZodType;
  readonly status?: number;
  readonly asPerson?: boolean;
  readonly maxInputs?: number;
  /** Which of the messages that are signed beforehand go with those that the schema makes. */
  readonly signed?: keyof Awaited<ReturnType<typeof keyMessages>>;
}

const customerRequest = z.strictObject({
  requestId: z.string().min(1).max(100),
  customer: z.strictObject({
    name: z.string().min(2).max(200),
    document: z.strictObject({
      type: z.string().min(1).max(40),
      number: z.string().min(3).max(40),
    }),
    birthDate: z.string().optional(),
    address: z.string().min(1).max(500).optional(),
    contact: z.string().min(1).max(500).optional(),
  }),
  msisdn: z.string().optional(),
});

/** Each valid one costs an RSA signature. */
const issuing = { answer: renewalAnswer, status: 201 };

/** Every message but the stream; a route without a row fails the run. */
const messages: readonly Message[] = [
  { method: 'POST', route: '/peer/v1/hello', request: hello, answer: hello },
  {
    method: 'POST',
    route: '/peer/v1/recovery',
    request: recoveryRequest,
    answer: signedRecoveryAnswer,
  },
  { method: 'GET', route: '/peer/v1/releases/latest' },
  { method: 'GET', route: '/peer/v1/releases/:version{\\d{1,9}}' },
  { method: 'GET', route: '/peer/v1/datasets/:sha256{[0-9a-f]{64}}' },
  { method: 'GET', route: '/peer/v1/subscribers/:msisdn', asPerson: true },
  { method: 'GET', route: '/peer/v1/subscribers/:msisdn/changes', asPerson: true },
  { method: 'GET', route: '/peer/v1/subscribers/:msisdn/payability', asPerson: true },
  { method: 'POST', route: searchPath, request: searchRequest, asPerson: true },
  { method: 'POST', route: '/peer/v1/customers', request: customerRequest, asPerson: true },
  { method: 'GET', route: '/peer/v1/settlements/:id/obligations' },
  { method: 'GET', route: '/peer/v1/days/:date/minutes' },
  { method: 'GET', route: '/peer/v1/days/:date/minutes/:minute/legs' },
  { method: 'GET', route: '/enrolment/ca.pem' },
  { method: 'GET', route: '/peer/v1/head-office-keys', answer: successorsAnswer },
  {
    ...{ method: 'POST', route: '/enrolment/renewals', signed: 'renewals', ...issuing },
    request: lateRenewalRequest,
  },
  {
    ...{ method: 'POST', route: '/peer/v1/keys', signed: 'announced', ...issuing },
    request: keysRequest,
  },
  {
    ...{ method: 'POST', route: '/peer/v1/keys/adoption', signed: 'adoptions' },
    request: keysAdoption,
    answer: z.strictObject({}),
  },
  {
    method: 'POST',
    route: '/enrolment/requests',
    request: enrolmentRequest,
    answer: enrolmentAnswer,
    status: 201,
  },
  { method: 'POST', route: '/peer/v1/certificates', request: renewalRequest, ...issuing },
];

export async function peerTargets(fuzz: FuzzFederation, code: FuzzedCode): Promise<Target[]> {
  await harvestLists(fuzz, code);
  const rogue = await rogueAt(fuzz, code);
  await introduce(rogue);
  const { peerApp } = fuzz.node(code);
  const routes = peerApp.routes.map(({ method, path }) => `${method} ${path}`);
  const served = [...new Set(routes)].filter((route) => !routesOfNobody.has(route));
  const known = served.flatMap((route) =>
    messages.filter((each) => `${each.method} ${each.route}` === route),
  );
  const covered = new Set([
    'POST /peer/v1/stream',
    ...known.map(({ method, route }) => `${method} ${route}`),
  ]);
  const missing = served.filter((route) => !covered.has(route));
  if (missing.length > 0) throw new Error(`no inputs are made for ${missing.join(', ')}`);
  const signed = await keyMessages(rogue.identity);
  const targets = known.flatMap((message) =>
    messageTargets(fuzz, {
      code,
      rogue,
      message,
      signed: message.signed && signed[message.signed],
    }),
  );
  return [...targets, ...streamTargets(fuzz, code, rogue)];
}

/** From here on the node knows this start. */
async function introduce(rogue: Rogue): Promise<void> {
  const start = rogue.start();
  const entries = [start.entry('node.started', { codeVersion: '0' }, 0)];
  const body = JSON.stringify(await start.batch(entries));
  const answer = await rogue.ask({ method: 'POST', path: '/peer/v1/stream', body }, streamJudge);
  if (answer.status !== 200) throw new Error(answer.text);
  start.took(entries);
}

async function rogueAt(fuzz: FuzzFederation, code: FuzzedCode): Promise<Rogue> {
  const { federation } = fuzz;
  const identity = await loadIdentity(join(federation.branch('SPB').dataDir, 'identity'));
  const { body } = await federation.branch(code).manager.get('/api/v1/streams');
  const inbound: { epoch: string }[] = body.items.find(
    ({ peer }: { peer: string }) => peer === 'SPB',
  ).inbound;
  const earlier = inbound.map(({ epoch }) => epoch);
  let current = createPeerStart({
    identity,
    to: code,
    previous: earlier,
  });
  const { peerApp } = fuzz.node(code);
  const { serial } = certificateFacts(identity.certPem);
  const centre = await loadIdentity(join(federation.branch('HQ').dataDir, 'identity'));
  const members = {
    SPB: { caller: 'SPB' as NodeCode, serial },
    HQ: { caller: headOffice, serial: certificateFacts(centre.certPem).serial },
  };

  async function signed({ path, method, body: sent }: PeerInput): Promise<string> {
    const { pathname, search } = new URL(`http://node${path}`);
    const text = sent === undefined ? undefined : Buffer.from(sent).toString();
    return signActor(
      { signer: current.signer, clock: systemClock, ids: systemIds },
      {
        to: code as NodeCode,
        actor: {
          operator: 'rogue',
          name: 'Rogue',
          permissions: [
            'subscriber.read',
            'subscriber.personal',
            'subscriber.register',
            'payment.take',
          ],
        },
        request: { method, path: pathname + search, body: text },
      },
    );
  }

  return {
    identity,
    start: () => current,
    restart() {
      earlier.push(current.started);
      const previous = earlier.slice(-maxPreviousStarts).reverse();
      current = createPeerStart({ identity, to: code, previous });
    },
    async ask(input, judge) {
      const { method, path, body: sent, isNobody } = input;
      const person = input.asPerson ? { [actorHeader]: await signed(input) } : {};
      const start = input.asHeadOffice ? {} : { [startedHeader]: current.started };
      const request = new Request(`http://node${path}`, {
        method,
        headers: { ...start, ...person, ...input.headers },
        ...(sent === undefined || method === 'GET' ? {} : { body: sent as string }),
      });
      const proved = isNobody ? {} : members[input.asHeadOffice ? 'HQ' : 'SPB'];
      const address = `10.0.${Math.floor(Math.random() * 256)}.${Math.floor(Math.random() * 256)}`;
      const { made, wrote } = await fuzz.watch.watch(async () => {
        const response = await peerApp.fetch(request, { ...proved, address });
        return { response, text: await response.text() };
      });
      const { response, text } = made;
      const { status } = response;
      const contentType = response.headers.get('content-type') ?? '';
      const said = status >= 400 ? ` ${/"code":"([a-z-]+)"/.exec(text)?.[1]}` : '';
      const fault = faultOf(
        { method, status, contentType, text, wrote },
        { ...judge, isPeer: true },
      );
      const what = `${method} ${path}\n${String(sent ?? '').slice(0, maxShownLength)}`;
      return { outcome: `${status}${said}`, fault: fault && `${fault}\n${what}`, text, status };
    },
  };
}

function messageTargets(
  fuzz: FuzzFederation,
  given: {
    code: FuzzedCode;
    rogue: Rogue;
    message: Message;
    signed: readonly object[] | undefined;
  },
): Target[] {
  const { code, rogue, message, signed = [] } = given;
  const { method, route, request, answer, status = 200, asPerson = false, maxInputs } = message;
  const judge: Judge = { success: new Map([[status, answer && documentedAnswer(answer)]]) };
  const probe = (input: PeerInput) => rogue.ask(input, judge);
  const paths = pathsOf(fuzz, route);
  const nobody = fc.nat({ max: 24 }).map((at) => at === 0);
  const asHeadOffice = code !== headOffice && headOfficeAsks.test(route);
  const base = { method, asPerson, asHeadOffice };
  const name = `${code} ${method} ${route}`;
  const slow = maxInputs === undefined ? {} : { maxInputs };
  if (!request) {
    const inputs = (path: fc.Arbitrary<string>) =>
      fc.record({ path, isNobody: nobody }).map((made) => ({ ...base, ...made }));
    return [
      targetOf({ name, kind: 'valid', inputs: inputs(paths.valid), probe }),
      targetOf({ name, kind: 'hostile', inputs: inputs(paths.hostile), probe }),
    ];
  }
  const schema: Schema = z.toJSONSchema(request, { io: 'input', unrepresentable: 'any' });
  const { values, resolved } = validValues({
    vocabulary: fuzz.vocabulary,
    definitions: schema.$defs ?? {},
    special: specials(rogue),
  });
  const made = values(schema);
  const bodies = signed.length === 0 ? made : fc.oneof(made, fc.constantFrom(...signed));
  const withBody = (body: fc.Arbitrary<string | Buffer>) =>
    fc.record({ body, isNobody: nobody }).map((made) => ({ ...base, path: route, ...made }));
  const hostile = fc.oneof(
    { arbitrary: spoilt(bodies, limitsIn(schema, resolved)), weight: 8 },
    { arbitrary: tampered(bodies.map(jsonText)), weight: 2 },
  );
  return [
    targetOf({ name, kind: 'valid', inputs: withBody(bodies.map(jsonText)), probe, ...slow }),
    targetOf({ name, kind: 'hostile', inputs: withBody(hostile), probe, ...slow }),
  ];
}

const documentedAnswer = (answer: z.ZodType): z.ZodType =>
  documented(z.toJSONSchema(answer, { io: 'input', unrepresentable: 'any' }), {
    components: { schemas: {} },
  });

/** What may stand in each place of a route's path. */
function wordsFor({ vocabulary }: FuzzFederation): Readonly<Record<string, fc.Arbitrary<string>>> {
  const seen = (...names: readonly string[]) =>
    fc.nat({ max: 1 << 20 }).map((at) => {
      const words = vocabulary.of(...names);
      return words[at % words.length] ?? 'x';
    });
  const number = fc.integer({ min: 0, max: 999_999_999 });
  return {
    msisdn: seen('subscribers.msisdn', 'msisdn'),
    version: number.map((each) => String(each % 3 === 0 ? 1 : each)),
    sha256: fc.oneof(seen('sha256'), fc.stringMatching(/^[0-9a-f]{64}$/)),
    id: seen('settlements.id', 'id'),
    date: fc.oneof(seen('businessDate'), fc.constantFrom('2024-02-29', '9999-12-31')),
    minute: fc.oneof(
      fc.nat({ max: 60 }).map((ago) => String(Math.floor(systemClock.nowMs() / 60_000) - ago)),
      number.map(String),
    ),
  };
}

function pathsOf(fuzz: FuzzFederation, route: string) {
  const words = wordsFor(fuzz);
  const names = [...route.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  const filled = (wordOf: (name: string) => fc.Arbitrary<string>) =>
    fc
      .record(Object.fromEntries(names.map((name) => [name, wordOf(name)])))
      .map((places) =>
        route.replaceAll(/:(\w+)(?:\{.*?\}+)?(?=\/|$)/g, (_, name) => places[name] ?? ''),
      );
  const good = (name: string) => words[name] ?? fc.constant('x');
  const bad = fc
    .constantFrom(...hostileTexts, '9007199254740991', '9007199254740992', '1e3', '0x10')
    .map((text) => (/\p{Surrogate}/u.test(text) ? '%ED%A0%80' : encodeURIComponent(text)));
  const plain = ['', '?limit=1', '?limit=500', '?limit=0', '?limit=501', '?from=0', '?bogus'];
  const cursors = tamperedCursors(fuzz.vocabulary).map((text) => `?after=${text}`);
  const queries = fc.oneof(
    fc.constantFrom(...plain, '?after=x', '?after=e30', '?after=', '?after=a&after=b'),
    bad.map((text) => `?from=${text}`),
    cursors,
  );
  const at = (places: fc.Arbitrary<string>, query: fc.Arbitrary<string>) =>
    fc.tuple(places, query).map((parts) => parts.join(''));
  return {
    valid: at(filled(good), fc.constantFrom(...plain)),
    hostile: at(
      filled((name) => fc.oneof(bad, good(name))),
      queries,
    ),
  };
}

function specials(rogue: Rogue): Readonly<Record<string, fc.Arbitrary<unknown>>> {
  const { code, tlsKeyPem } = rogue.identity;
  const csr = createRequest({ code, keyPem: tlsKeyPem });
  const der = Buffer.from(csr.replaceAll(/-----.*-----|\s/g, ''), 'base64');
  const pem = (bytes: Buffer) =>
    `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  const flipped = fc
    .tuple(fc.nat({ max: der.length - 1 }), fc.nat({ max: 255 }))
    .map(([place, byte]) => {
      const copy = Buffer.from(der);
      copy[place] = byte;
      return pem(copy);
    });
  const cut = fc.nat({ max: der.length }).map((length) => pem(der.subarray(0, length)));
  const nested = pem(Buffer.alloc(8_000, Buffer.from([0x30, 0x80])));
  return {
    node: fc.constant(code),
    at: fc.constantFrom(0, 1_000, -90_000).map((offset) => instantOf(systemClock.nowMs() + offset)),
    code: fc.constantFrom('KZN', code),
    token: fc.stringMatching(/^[A-Za-z0-9_-]{43}\.[0-9a-f]{64}$/),
    peerUrl: fc.constantFrom('https://127.0.0.1:9', 'https://kzn.example', 'https://[::1]:1'),
    frontUrl: fc.constantFrom('http://127.0.0.1:9', 'https://kzn.example'),
    started: fc.nat({ max: 8 }).map((at) => (at === 0 ? 'f'.repeat(32) : rogue.start().started)),
    previous: fc.constant([]),
    csrPem: fc.oneof(
      fc.constant(csr),
      flipped,
      cut,
      fc.constant(nested),
      fc.constant('['.repeat(deepLevels)),
    ),
  };
}
