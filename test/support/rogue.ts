import { randomBytes } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { type Authority, createAuthority } from '../../shared/federation/certificates.ts';
import {
  createKeys,
  loadIdentity,
  type NodeIdentity,
  publicKeyOf,
} from '../../shared/federation/identity.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import { headOffice, type NodeCode, systemIds } from '../../shared/ids/ids.ts';
import { instantOf, systemClock } from '../../shared/time/clock.ts';
import { canonicalJson, sha256 } from '../../shared/wire/canonical.ts';
import { emptyChain, nextChain } from '../../shared/wire/chain.ts';
import { headType, startedHeader } from '../../shared/wire/peer-messages.ts';
import type { Answer, TestNode } from './federation.ts';
import { certificateFor } from './federation-keys.ts';

/** Somebody who holds a node's keys and says what he likes with them. */

/** The keys of a real node, as they lie in its folder. */
export const stolenIdentity = (node: TestNode): Promise<NodeIdentity> =>
  loadIdentity(join(node.dataDir, 'identity'));

/** A node of this code made by an authority of one's own: everything right but who signed it. */
export async function forgedIdentity(code: string): Promise<NodeIdentity> {
  const authority: Authority = await createAuthority({
    commonName: 'Another CA',
    clock: systemClock,
    ids: systemIds,
    validDays: 30,
  });
  const keys = await createKeys(code as NodeCode);
  const certPem = certificateFor(authority, keys);
  const headOfficeKey = publicKeyOf(keys.signingKey);
  return { ...keys, certPem, caPem: authority.certPem, headOfficeKey };
}

export interface PeerRequestOptions {
  /** Who shows a certificate; nobody without. */
  readonly identity?: NodeIdentity | undefined;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** One raw request to a node's peer port, over real TLS. */
export function askPeerPort(
  peerUrl: string,
  path: string,
  { identity, method = 'GET', headers = {}, body = '' }: PeerRequestOptions,
): Promise<Answer> {
  const tls = identity ? { key: identity.tlsKeyPem, cert: identity.certPem } : {};
  const options = { method, headers, rejectUnauthorized: false, agent: false, ...tls };
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(peerUrl + path, options, async (incoming) => {
      let text = '';
      for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
      const isJson = (incoming.headers['content-type'] ?? '').includes('json');
      resolve({
        status: incoming.statusCode ?? 0,
        headers: new Headers(),
        body: isJson ? JSON.parse(text) : text,
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

// biome-ignore lint/suspicious/noExplicitAny: a rogue puts anything anywhere
export type Anything = any;

export type Rogue = ReturnType<typeof createRogue>;

/**
 * A start of a node in a rogue's hands. It keeps a log of its own towards one victim, so that what it sends is in order
 * and well signed, except for what a test changes.
 */
export function createRogue(options: {
  identity: NodeIdentity;
  victim: TestNode;
  /** The starts before this one that it names, the newest first. */
  previous?: readonly string[];
  /** Signs instead of the identity's own key. */
  signAs?: NodeIdentity;
}) {
  const { identity, victim, previous = [] } = options;
  const { code } = identity;
  const started = randomBytes(16).toString('hex');
  const signer = createSigner({ ...identity, ...options.signAs, code });
  const log: Anything[] = [];
  let chain = emptyChain;

  /** An entry with the next place in the log; sent or not, it takes the place. */
  function entry(kind: string, body: Anything, changes: Anything = {}): Anything {
    const at = instantOf(systemClock.nowMs());
    const made = {
      ...{ node: code, epoch: started, seq: log.length + 1, id: systemIds.uuid(), kind },
      ...{ to: [victim.code, headOffice], occurredAt: at, recordedAt: at },
      ...{ businessDate: at.slice(0, 10), body, ...changes },
    };
    log.push(made);
    return made;
  }

  /** The operation that a `payment.accepted` tells. */
  function payment(msisdn: string, amount: string, changes: Anything = {}): Anything {
    const at = instantOf(systemClock.nowMs());
    return {
      ...{ id: systemIds.uuid(), kind: 'payment', serving: code, home: victim.code, attempt: 1 },
      ...{ msisdn, businessDate: at.slice(0, 10), occurredAt: at, release: 1 },
      actor: { id: 'rogue', name: 'Rogue' },
      request: { money: { amount, currency: 'RUB' }, tender: { kind: 'cash' } },
      ...changes,
    };
  }

  /** A signed batch that continues what was sent; `head` and `batch` change what is said of it. */
  async function batchOf(
    entries: readonly Anything[],
    changes: {
      head?: Anything;
      batch?: Anything;
      first?: number;
      base?: string;
      typ?: string;
    } = {},
  ): Promise<Anything> {
    const first = changes.first ?? Number(entries[0]?.seq ?? log.length);
    const base = changes.base ?? chain;
    const said = { from: code, to: victim.code, started, epoch: started, first };
    const head = {
      ...{ ...said, previous: [...previous], base, position: first + entries.length - 1 },
      chain: entries.map((each) => sha256(canonicalJson(each))).reduce(nextChain, base),
      at: instantOf(systemClock.nowMs()),
      ...changes.head,
    };
    const jws = await signer.sign(changes.typ ?? headType, head);
    return { ...said, entries, head: jws, ...changes.batch };
  }

  function post(path: string, body: string | Buffer, headers: Record<string, string> = {}) {
    return askPeerPort(victim.peerUrl, path, {
      identity,
      method: 'POST',
      headers: { 'content-type': 'application/json', [startedHeader]: started, ...headers },
      body,
    });
  }

  const sendBatch = (batch: Anything): Promise<Answer> =>
    post('/peer/v1/stream', JSON.stringify(batch));

  return {
    code,
    started,
    signer,
    entry,
    payment,
    batchOf,
    post,
    sendBatch,
    chain: () => chain,
    position: () => log.length,
    /** Takes the newest entries back, as if they had never been. */
    forget(count = 1): void {
      log.splice(log.length - count, count);
    },
    /** Sends entries as an honest node would. */
    async send(entries: readonly Anything[]): Promise<Answer> {
      const answer = await sendBatch(await batchOf(entries));
      if (answer.status === 200) {
        chain = entries.map((each) => sha256(canonicalJson(each))).reduce(nextChain, chain);
      }
      return answer;
    },
    accepted: (operation: Anything, changes: Anything = {}) =>
      entry('payment.accepted', { operation, details: {} }, changes),
  };
}
