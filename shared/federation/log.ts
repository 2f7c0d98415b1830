import { headOffice, type Ids, type NodeCode } from '../ids/ids.ts';
import type { Reader, Transaction } from '../store/store.ts';
import { type BusinessDate, type Clock, type Instant, msOf, now } from '../time/clock.ts';
import { canonicalJson, sha256 } from '../wire/canonical.ts';
import { type JsonObject, type LogEntry, logEntry, startKind } from '../wire/peer-messages.ts';
import {
  appendToStream,
  entriesAbout,
  insertEntry,
  insertStart,
  lastRecordedAt,
  outboundStream,
  starts,
  takeSeq,
} from './log-store.ts';

/** A fact that other nodes must know, before it has its place in the log. */
export interface LogDraft {
  readonly kind: string;
  readonly to: readonly NodeCode[];
  readonly operationId?: string;
  readonly occurredAt: Instant;
  readonly businessDate: BusinessDate;
  /** JSON; members that are undefined are left out. */
  readonly body: object;
}

/** A start, and whom it is told to. */
export interface Opening {
  readonly to: readonly NodeCode[];
  readonly businessDate: BusinessDate;
  readonly codeVersion: string;
}

/** How many of its earlier starts a node names with each batch. */
const previousStartsSent = 16;

export type Log = ReturnType<typeof createLog>;

/**
 * A node's append-only log. An entry is written in the transaction of the state change that it reports, and gets its
 * place in the stream of everyone it is meant for. What a start says to a node begins with that start.
 */
export function createLog(deps: { node: NodeCode; clock: Clock; ids: Ids }) {
  const { node, clock, ids } = deps;
  let epoch = '';
  let before: { epoch: string; seq: number } | null = null;
  let previous: readonly string[] = [];
  let codeVersion = '';
  /** Whose stream of this start has begun. */
  const introduced = new Set<NodeCode>();
  const listeners: ((peer: NodeCode) => void)[] = [];

  async function append(tx: Transaction, draft: LogDraft): Promise<LogEntry> {
    const to = [...new Set(draft.to)].filter((peer) => peer !== node);
    const strangers = draft.kind === startKind ? [] : await strangersAmong(tx, to);
    if (strangers.length > 0) await tellStart(tx, { ...draft, to: [...strangers, headOffice] });
    const seq = await takeSeq(tx, epoch);
    const entry: LogEntry = {
      node,
      epoch,
      seq,
      id: ids.uuid(),
      kind: draft.kind,
      to,
      ...(draft.operationId === undefined ? {} : { operationId: draft.operationId }),
      occurredAt: draft.occurredAt,
      recordedAt: now(clock),
      businessDate: draft.businessDate,
      body: draft.body as JsonObject,
    };
    const text = canonicalJson(entry);
    const hash = sha256(text);
    const logId = await insertEntry(tx, {
      ...entry,
      text,
      hash,
    });
    for (const peer of to) await appendToStream(tx, { peer, epoch, logId, hash });
    tx.afterCommit(() => {
      for (const peer of to) {
        introduced.add(peer);
        for (const listener of listeners) listener(peer);
      }
    });
    return entry;
  }

  /** Opens this start's epoch; its first entry names the last one that is known of the start before. */
  async function start(tx: Transaction, opening: Opening): Promise<void> {
    const earlier = await starts(tx, previousStartsSent);
    const last = earlier[0];
    epoch = ids.hex(16);
    previous = earlier.map((row) => row.epoch);
    codeVersion = opening.codeVersion;
    introduced.clear();
    await insertStart(tx, { epoch, startedAt: now(clock), learned: false });
    before = last ? { epoch: last.epoch, seq: Number(last.lastSeq) } : null;
    await tellStart(tx, opening);
  }

  async function tellStart(tx: Transaction, { to, businessDate }: Omit<Opening, 'codeVersion'>) {
    const body = { codeVersion, previous: before };
    await append(tx, { kind: startKind, to, occurredAt: now(clock), businessDate, body });
  }

  async function strangersAmong(tx: Reader, peers: readonly NodeCode[]): Promise<NodeCode[]> {
    const strangers: NodeCode[] = [];
    for (const peer of peers) {
      if (introduced.has(peer)) continue;
      if (!(await outboundStream(tx, peer, epoch))) strangers.push(peer);
    }
    return strangers;
  }

  /** Tells of this start whom nothing of it was meant for yet: a peer that was not known when it began. */
  async function introduce(
    tx: Transaction,
    { to, businessDate }: Omit<Opening, 'codeVersion'>,
  ): Promise<void> {
    const strangers = await strangersAmong(tx, to);
    if (strangers.length > 0) await tellStart(tx, { to: [...strangers, headOffice], businessDate });
  }

  return {
    append,
    start,
    introduce,
    /** What this log says of one point of an operation, in its order, with whether head office holds each. */
    async toldAbout(
      tx: Reader,
      about: { operationId: string; kind: string },
    ): Promise<{ entry: LogEntry; isHeld: boolean }[]> {
      const told = await entriesAbout(tx, { ...about, peer: headOffice });
      return told.map(({ entry, isHeld }) => ({
        entry: logEntry.parse(JSON.parse(entry)),
        isHeld,
      }));
    },
    /** How far the clock stands behind the newest entry, in milliseconds; 0 when it runs as it should. */
    async clockSetBackMs(tx: Reader): Promise<number> {
      const last = await lastRecordedAt(tx);
      return last === undefined ? 0 : Math.max(0, msOf(last) - clock.nowMs());
    },
    /** The last entry of this start so far. */
    async position(tx: Reader): Promise<{ epoch: string; seq: number }> {
      const [newest] = await starts(tx, 1);
      return { epoch, seq: Number(newest?.lastSeq ?? 0n) };
    },
    /** The epoch of this start. */
    epoch: () => epoch,
    /** The starts before this one that are named to peers, the newest first. */
    previous: () => previous,
    /** A start that peers know and a set-back forgot is named from now on. */
    nameEarlierStart(earlier: string): void {
      if (earlier !== epoch) {
        previous = [earlier, ...previous.filter((known) => known !== earlier)].slice(
          0,
          previousStartsSent,
        );
      }
    },
    /** Called after the commit of every entry, once per node it is meant for. */
    onAppended(listener: (peer: NodeCode) => void): void {
      listeners.push(listener);
    },
  };
}
