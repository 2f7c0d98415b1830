import { z } from 'zod';
import type { NodeCode } from '../ids/ids.ts';
import { isOfTheStore } from '../store/driver.ts';
import type { Reader, Store } from '../store/store.ts';
import { stateSentences } from '../text/state-sentences.ts';
import { type Clock, type Instant, msOf, now } from '../time/clock.ts';
import { type Hello, hello, startedHeader } from '../wire/peer-messages.ts';
import { inboundStream, lastHead } from './inbox-store.ts';
import type { Log } from './log.ts';
import { outboundStream, outboundStreams, starts } from './log-store.ts';
import { answerIn } from './peer-answer.ts';
import type { PeerStarts } from './peer-starts.ts';
import type { PeerClient, PeerDirectory } from './peers.ts';
import { knownStarts } from './recovery-store.ts';

const helloPauseMs = 3_000;
const helloTimeoutMs = 3_000;
const probeTimeoutMs = 1_500;
/** Beyond this two nodes' clocks are said to disagree; nothing else depends on it. */
const skewAlarmMs = 2_000;

/** What this node last heard of a peer. */
export interface PeerStatus {
  readonly peer: NodeCode;
  readonly reachable: boolean;
  readonly heardAt?: Instant;
  readonly release?: number;
  readonly codeVersion?: string;
  readonly recovering?: boolean;
  readonly started?: string;
  readonly clockSkewMs?: number;
  /** Why it did not answer. */
  readonly failure?: string;
  /** The peer's own outbound streams: entries not acknowledged, by node. */
  readonly behind?: Readonly<Record<string, number>>;
}

export interface LivenessDeps {
  node: NodeCode;
  codeVersion: string;
  release: () => number;
  store: Pick<Store, 'read'>;
  log: Log;
  client: PeerClient;
  directory: PeerDirectory;
  peerStarts: PeerStarts;
  clock: Clock;
  isRecovering: () => boolean;
  /** The peer answered or called: its lane tries at once. */
  heard(peer: NodeCode): void;
  /** The peer holds more of this node than this node knows. */
  setBack(peer: NodeCode, evidence: string, proof: unknown): Promise<void>;
  alarm(code: string, detail: string): void;
  calm(code: string, detail: string): void;
}

const refusal = z.object({
  code: z.literal('set-back'),
  newest: z.string().optional(),
  proof: z.string().optional(),
});

export type Liveness = ReturnType<typeof createLiveness>;

/** Every few seconds each node tells each peer who it is and how far it has heard it, and hears the same. */
export function createLiveness(deps: LivenessDeps) {
  const { store, log, clock } = deps;
  const statuses = new Map<NodeCode, PeerStatus>();
  let cancel: (() => void) | undefined;
  let stopped = false;

  async function compose(to: NodeCode): Promise<Hello> {
    const theirs = deps.peerStarts.current(to);
    return store.read(async (tx) => {
      const [newest] = await starts(tx, 1);
      const behind: Record<string, number> = {};
      for (const stream of await outboundStreams(tx)) {
        const waiting = Number(stream.position - stream.acknowledged);
        behind[stream.peer] = (behind[stream.peer] ?? 0) + waiting;
      }
      const holds = theirs ? await holdingOf(tx, to, theirs) : {};
      return {
        node: deps.node,
        codeVersion: deps.codeVersion,
        release: deps.release(),
        started: log.epoch(),
        previous: [...log.previous()],
        head: { epoch: log.epoch(), seq: Number(newest?.lastSeq ?? 0n) },
        at: now(clock),
        recovering: deps.isRecovering(),
        ...holds,
        behind,
      };
    });
  }

  /** `askedMs` is when it was asked; a message that came unasked may have been long on its way. */
  async function note(message: Hello, askedMs?: number): Promise<void> {
    const peer = message.node;
    const known = statuses.get(peer)?.clockSkewMs;
    const clockSkewMs = skewOf(msOf(message.at), { askedMs, heardMs: clock.nowMs(), known });
    const { release, codeVersion, recovering, started, behind } = message;
    const heardAt = now(clock);
    statuses.set(peer, {
      peer,
      reachable: true,
      heardAt,
      release,
      codeVersion,
      recovering,
      started,
      clockSkewMs,
      behind,
    });
    const doubt = stateSentences.say('clocksDisagree', { one: deps.node, peer });
    if (Math.abs(clockSkewMs) > skewAlarmMs) deps.alarm('clock-skew', doubt);
    else deps.calm('clock-skew', doubt);
    deps.heard(peer);
    if (message.holds) await compareHeld(peer, message.holds);
  }

  /** A peer that knows a start or a position which this node does not shows that this node was set back. */
  async function compareHeld(peer: NodeCode, held: NonNullable<Hello['holds']>): Promise<void> {
    const stream = await store.read((tx) => outboundStream(tx, peer, held.epoch));
    if (held.position > Number(stream?.position ?? 0n)) {
      const what = { count: String(held.position), place: held.epoch.slice(0, 8) };
      const evidence = stateSentences.say('holdsEntries', what);
      await deps.setBack(peer, evidence, held.head);
    }
  }

  /** The peer knows a newer start of this node: either this one forgot it, or merely left it unnamed. */
  async function onRefused(peer: NodeCode, body: string): Promise<void> {
    const problem = refusal.safeParse(JSON.parse(body));
    if (!problem.success) return;
    const { newest, proof } = problem.data;
    const known = newest === undefined ? undefined : await knownStart(newest);
    if (known) log.nameEarlierStart(known);
    else await deps.setBack(peer, stateSentences.say('startForgotten', {}), proof);
  }

  async function knownStart(epoch: string): Promise<string | undefined> {
    const known = await store.read(knownStarts);
    return known.find((start) => start.epoch === epoch)?.epoch;
  }

  async function greet(peer: NodeCode, timeoutMs: number): Promise<boolean> {
    const askedMs = clock.nowMs();
    try {
      const response = await deps.client.request(peer, {
        method: 'POST',
        path: '/peer/v1/hello',
        headers: { 'content-type': 'application/json', [startedHeader]: log.epoch() },
        body: JSON.stringify(await compose(peer)),
        timeoutMs,
      });
      if (response.status === 409) await onRefused(peer, response.body);
      const answer = answerIn(hello, response, peer);
      // Nobody speaks for another node.
      if (answer.node !== peer) throw new Error(`answers as ${answer.node}`);
      await note(answer, askedMs);
      return true;
    } catch (error) {
      // What this node's own store cannot do now is no fault of the peer.
      if (isOfTheStore(error)) return false;
      const known = statuses.get(peer);
      const failure = error instanceof Error ? error.message : String(error);
      statuses.set(peer, { ...(known ?? { peer }), reachable: false, failure });
      return false;
    }
  }

  const active = (): NodeCode[] =>
    deps.directory.peers().flatMap((peer) => (peer.active ? [peer.code] : []));

  function greetAll(peers: readonly NodeCode[], timeoutMs: number): Promise<boolean[]> {
    return Promise.all(peers.map((peer) => greet(peer, timeoutMs)));
  }

  /** Who is no member any more is not asked again: what he said last must hold nobody up. */
  function ofMembers(): readonly PeerStatus[] {
    return [...statuses.values()].filter(({ peer }) => deps.directory.peer(peer)?.active);
  }

  /** Why this node's clock is not to be trusted: most of those that it hears say another time. */
  function clockDoubt(behindLogMs: number): string | undefined {
    if (behindLogMs > skewAlarmMs) {
      return stateSentences.say('behindLog', { seconds: seconds(behindLogMs) });
    }
    const heard = ofMembers().filter(({ reachable }) => reachable);
    const apart = heard.filter(({ clockSkewMs = 0 }) => Math.abs(clockSkewMs) > skewAlarmMs);
    if (apart.length === 0 || 2 * apart.length <= heard.length) return undefined;
    const lines = apart.map(({ peer, clockSkewMs = 0 }) =>
      clockSkewMs > 0
        ? stateSentences.say('behindPeer', { seconds: seconds(clockSkewMs), peer })
        : stateSentences.say('aheadOfPeer', { seconds: seconds(-clockSkewMs), peer }),
    );
    return lines.join(', ');
  }

  function loop(peers: readonly NodeCode[] = active()): void {
    if (stopped) return;
    greetAll(peers, helloTimeoutMs).finally(() => {
      if (!stopped) cancel = clock.after(helloPauseMs, loop);
    });
  }

  /** Whom the probe has just reached knows all that a hello would say, unless this node recovers since. */
  function start(): void {
    const reached = (peer: NodeCode) => statuses.get(peer)?.reachable ?? false;
    loop(deps.isRecovering() ? active() : active().filter((peer) => !reached(peer)));
  }

  return {
    /** Once, before anything is decided: asks every reachable peer how far it has heard this node. */
    probe: () => greetAll(active(), probeTimeoutMs),
    start,
    /** A peer's hello: noted and answered in kind. */
    async receive(message: Hello): Promise<Hello> {
      await note(message);
      return compose(message.node);
    },
    /** Says hello at once; whether the peer answered. */
    greet: (peer: NodeCode) => greet(peer, helloTimeoutMs),
    isReachable: (peer: NodeCode) => statuses.get(peer)?.reachable ?? true,
    clockDoubt,
    statuses: ofMembers,
    stop(): void {
      stopped = true;
      cancel?.();
    },
  };
}

/** A clock that runs as ours says a time between asking and hearing; beyond that it is certainly apart. In milliseconds. */
export function skewOf(
  saidMs: number,
  at: { askedMs: number | undefined; heardMs: number; known: number | undefined },
): number {
  if (saidMs > at.heardMs) return saidMs - at.heardMs;
  const { askedMs = Number.NaN } = at;
  const tookMs = at.heardMs - askedMs;
  // Behind, or long on its way, or this clock jumped meanwhile: what was measured last still counts.
  if (!(tookMs >= 0 && tookMs <= helloTimeoutMs)) return Math.min(0, at.known ?? 0);
  return Math.min(0, saidMs - askedMs);
}

const seconds = (ms: number) => String(Math.ceil(ms / 1000));

/** What is held of a peer's start, with its own signature for it. */
async function holdingOf(tx: Reader, peer: NodeCode, epoch: string): Promise<Pick<Hello, 'holds'>> {
  const { position } = await inboundStream(tx, peer, epoch);
  const head = await lastHead(tx, peer, epoch);
  return { holds: { epoch, position, ...(head === undefined ? {} : { head }) } };
}
