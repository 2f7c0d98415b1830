import type { Ids, NodeCode } from '../ids/ids.ts';
import { isDomainError } from '../problem/problem.ts';
import type { Store, Transaction } from '../store/store.ts';
import { stateSentences } from '../text/state-sentences.ts';
import { type Clock, now } from '../time/clock.ts';
import {
  headType,
  maxBatchBytes,
  maxBatchEntries,
  type StreamHead,
  startedHeader,
  streamAnswer,
} from '../wire/peer-messages.ts';
import type { Log } from './log.ts';
import { markOutboundForked, nextBatch, type OutboundBatch, setAcknowledged } from './log-store.ts';
import { answerIn } from './peer-answer.ts';
import type { PeerClient, PeerResponse, Signer } from './peers.ts';
import { knownStarts } from './recovery-store.ts';

const requestTimeoutMs = 30_000;
const retryPauseMinMs = 500;
const retryPauseMaxMs = 5 * 60_000;
/** Of a batch, before it is paused: a peer that was set back wants each start's stream again once. */
const repeatsMax = 64;

/** A stretch of a stream that a peer now holds durably. */
export interface Acknowledged {
  readonly peer: NodeCode;
  readonly epoch: string;
  readonly after: number;
  readonly upTo: number;
}

export interface LaneEvents {
  /** In the transaction that records it. */
  acknowledged(tx: Transaction, stretch: Acknowledged): Promise<void>;
  /** The peer holds more of this node than this node remembers. */
  setBack(peer: NodeCode, evidence: string, proof: unknown): void;
  /** The peer says that it holds another history; proven by this node's own head, or not. */
  forked(peer: NodeCode, epoch: string, isProven: boolean): void;
  provesFork(peer: NodeCode, proof: unknown): Promise<boolean>;
  failed(peer: NodeCode, reason: string): void;
}

export type Lane = ReturnType<typeof createLane>;

/**
 * Pushes this node's stream to one peer: one request at a time, everything that waits in one batch, retried for ever
 * with full jitter. A dead peer delays nobody but itself.
 */
export function createLane(deps: {
  peer: NodeCode;
  log: Log;
  store: Store;
  client: PeerClient;
  signer: Signer;
  clock: Clock;
  ids: Ids;
  events: LaneEvents;
}) {
  const { peer, log, store, client, signer, clock, ids, events } = deps;
  let failures = 0;
  let running = false;
  let stopped = false;
  let again = false;
  let cancelPause: (() => void) | undefined;
  let lastError: string | undefined;
  let idle: Promise<void> = Promise.resolve();
  /** How often the peer has asked for what it was just sent. */
  let repeats = 0;
  /** How often the peer has forgotten what it acknowledged. */
  let forgotten = 0;

  function wake(): void {
    if (stopped) return;
    again = true;
    if (running || cancelPause) return;
    running = true;
    idle = drain();
  }

  async function drain(): Promise<void> {
    try {
      while (again && !stopped) {
        again = false;
        while (!stopped && (await sendNext())) failures = 0;
        repeats = 0;
      }
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    } finally {
      // Here and not later: a wake between the last look and this line would be lost.
      running = false;
    }
  }

  function fail(reason: string): void {
    lastError = reason;
    failures += 1;
    events.failed(peer, reason);
    if (stopped) return;
    // Full jitter: AWS Architecture Blog, "Exponential Backoff And Jitter".
    const ceilingMs = Math.min(retryPauseMaxMs, retryPauseMinMs * 2 ** Math.min(failures, 20));
    cancelPause = clock.after(Math.ceil(ids.fraction() * ceilingMs), () => {
      cancelPause = undefined;
      wake();
    });
  }

  /** Answers whether there was anything to send. */
  async function sendNext(): Promise<boolean> {
    const limits = { entries: maxBatchEntries, bytes: maxBatchBytes };
    const batch = await store.read((tx) =>
      nextBatch(tx, peer, { ...limits, started: log.epoch() }),
    );
    if (!batch) return false;
    const forgottenBefore = forgotten;
    const response = await client.request(peer, {
      method: 'POST',
      path: '/peer/v1/stream',
      headers: { 'content-type': 'application/json', [startedHeader]: log.epoch() },
      body: await encode(batch),
      timeoutMs: requestTimeoutMs,
    });
    // An answer from before the peer was set back says nothing of what it holds now.
    if (forgotten === forgottenBefore) await settle(batch, response);
    lastError = undefined;
    return true;
  }

  async function encode(batch: OutboundBatch): Promise<string> {
    const { epoch, first, position, base, chain } = batch;
    const from = signer.node;
    const started = log.epoch();
    const head: StreamHead = {
      from,
      to: peer,
      started,
      previous: [...log.previous()],
      epoch,
      first,
      base,
      position,
      chain,
      at: now(clock),
    };
    const jws = await signer.sign(headType, head);
    const rest = JSON.stringify({ from, to: peer, started, epoch, first, head: jws });
    return `${rest.slice(0, -1)},"entries":[${batch.entries.join(',')}]}`;
  }

  async function settle(batch: OutboundBatch, response: PeerResponse): Promise<void> {
    const { epoch } = batch;
    if (response.status === 200) {
      const { position } = answerIn(streamAnswer, response, peer);
      if (position >= batch.first) return acknowledge(batch, position);
      await rewind(epoch, position + 1);
      throw new Error(stateSentences.say('takesNothingYet', {}));
    }
    const problem = parseProblem(response.body);
    switch (problem.code) {
      case 'unexpected-position':
        return rewind(epoch, Number(problem.expected));
      case 'forked': {
        const isProven = await events.provesFork(peer, problem.proof);
        await store.write((tx) => markOutboundForked(tx, { peer, epoch, isProven }));
        events.forked(peer, epoch, isProven);
        return;
      }
      case 'set-back':
        if (await isOwnStart(problem.newest)) {
          countRepeat();
          log.nameEarlierStart(String(problem.newest));
          return;
        }
        events.setBack(peer, 'it knows a start that is forgotten here', problem.proof);
        break;
    }
    throw new Error(`answered ${response.status} ${problem.code ?? ''}`.trim());
  }

  async function acknowledge(batch: OutboundBatch, position: number): Promise<void> {
    const { epoch } = batch;
    await store.write(async (tx) => {
      await setAcknowledged(tx, { peer, epoch, position });
      await events.acknowledged(tx, { peer, epoch, after: batch.first - 1, upTo: position });
    });
  }

  /** The peer wants another position: an older one after it was set back, a later one after this node was. */
  async function rewind(epoch: string, expected: number): Promise<void> {
    countRepeat();
    if (!Number.isSafeInteger(expected) || expected < 1) throw new Error('no position expected');
    await store.write((tx) => setAcknowledged(tx, { peer, epoch, position: expected - 1 }));
  }

  /** Or a peer that never goes on would be sent the same without end, as fast as it answers. */
  function countRepeat(): void {
    repeats += 1;
    if (repeats > repeatsMax) throw new Error('wants the same again and again');
  }

  async function isOwnStart(epoch: unknown): Promise<boolean> {
    const known = await store.read(knownStarts);
    return known.some((start) => start.epoch === epoch);
  }

  return {
    peer,
    wake,
    /** The peer was heard from: what is retried later is tried now. */
    heard(): void {
      failures = 0;
      cancelPause?.();
      cancelPause = undefined;
      wake();
    },
    /** The peer was set back: what it answered until now does not count. */
    forget(): void {
      forgotten += 1;
    },
    status: () => ({ failures, ...(lastError === undefined ? {} : { lastError }) }),
    async stop(): Promise<void> {
      stopped = true;
      cancelPause?.();
      cancelPause = undefined;
      await idle;
    },
  };
}

function parseProblem(
  body: string,
): Partial<Record<'code' | 'expected' | 'newest' | 'proof', unknown>> {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch (error) {
    if (isDomainError(error)) throw error;
    return {};
  }
}
