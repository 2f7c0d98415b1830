import type { Ids, NodeCode } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Reader, Store, Transaction } from '../store/store.ts';
import { stateSentences } from '../text/state-sentences.ts';
import { type Clock, now } from '../time/clock.ts';
import { canonicalJson, sha256 } from '../wire/canonical.ts';
import { nextChain } from '../wire/chain.ts';
import {
  headType,
  type LogEntry,
  logEntry,
  type RecoveryAnswer,
  recoveryAnswer,
  recoverySignature,
  recoveryType,
  type StreamHead,
  signedRecoveryAnswer,
  startedHeader,
  startKind,
  streamHead,
} from '../wire/peer-messages.ts';
import { forgottenStarts, type StartLine } from './forgotten-starts.ts';
import type { EntryHandler } from './inbox.ts';
import type { Log } from './log.ts';
import { insertForgottenStart, restoreEntry } from './log-store.ts';
import type { PeerClient, PeerDirectory, Signer, Verifier } from './peers.ts';
import {
  answeredPeers,
  heldStreams,
  holdsRecovered,
  keepRecovered,
  knownStarts,
  markApplied,
  overriders,
  recordAnswer,
  recordOverride,
  recoveredUnderKey,
  recoveringReason,
  setRecovering,
  unappliedEntries,
} from './recovery-store.ts';

const requestTimeoutMs = 60_000;
const retryPauseMs = 1_000;
const entriesPerTransaction = 256;
const maxPages = 100_000;
const overridesNeeded = 2;

export interface RecoveryDeps {
  node: NodeCode;
  store: Store;
  log: Log;
  client: PeerClient;
  directory: PeerDirectory;
  signer: Signer;
  verifier: Verifier;
  clock: Clock;
  ids: Ids;
  /** Does again what one of this node's own entries says it once did, by operation id. */
  replayers: ReadonlyMap<string, EntryHandler>;
  /** As the peer last said of itself. */
  isRecovering(peer: NodeCode): boolean;
  /** Tells the peers of this start that have not been told of it. */
  introduce(): Promise<void>;
  /** The peer has told this start what it holds of this node. */
  told(peer: NodeCode): void;
  /** In the transaction that marks this node as set back. */
  marked(tx: Transaction): Promise<void>;
  /** In the transaction that ends a recovery. */
  ending(tx: Transaction): Promise<void>;
  /** All that was lost is back: what had to wait goes on. */
  recovered(): void;
  /** This start is certain of its past: every active peer has told it what it holds, or the machine's memory says so. */
  certain(): void;
  alarm(code: string, detail: string): void;
}

export type Recovery = ReturnType<typeof createRecovery>;

/**
 * Brings a node that was set back to an old backup to where it was: every active peer gives back what it holds of this
 * node's own entries, all of it is gathered first, then applied in the order in which it was once written. Until then
 * the node takes money in but decides nothing.
 */
export function createRecovery(deps: RecoveryDeps) {
  const { store, log, clock } = deps;
  let recovering = false;
  /** Why this node is to be marked as set back, until its store has it. */
  let unmarked: string | undefined;
  /** Nothing that this node forgot is held by any peer, or two people have answered for those that are silent. */
  let certain = false;
  /** Nothing was forgotten since a start that was certain. */
  let isContinued = false;
  let working = false;
  let stopped = false;
  /** Peers that have taken something of this start, and are still to be asked. */
  const due = new Set<NodeCode>();
  const compared = new Set<NodeCode>();
  /** Starts that stand on a peer's word alone, by the peer: what it said once it need not say again, and it says no more. */
  const unproven = new Map<NodeCode, readonly string[]>();
  /** Every peer has been asked once, and has answered or was not to be reached. */
  let haveAllBeenAsked = false;
  /** An own entry has come back, now or once; few nodes ever had one. */
  let mayHoldRecovered = true;
  let nonce = '';

  /** From now on, and after any restart, the node knows that it does not know everything. */
  async function mark(tx: Transaction, reason: string): Promise<void> {
    recovering = true;
    certain = false;
    isContinued = false;
    haveAllBeenAsked = false;
    unmarked = reason;
    tx.afterCommit(() => {
      unmarked = undefined;
    });
    deps.alarm('set-back', reason);
    await setRecovering(tx, { reason, since: now(clock) });
    await deps.marked(tx);
  }

  async function enter(reason: string): Promise<void> {
    if (recovering) return;
    recovering = true;
    unmarked = reason;
    try {
      await keepMarked();
    } finally {
      // A store that fails now is no reason to wait for ever: it is told again.
      run();
    }
  }

  /** A recovery begins in memory; the store that could not take it then takes it before anything else. */
  async function keepMarked(): Promise<void> {
    const reason = unmarked;
    if (reason !== undefined) await store.write((tx) => mark(tx, reason));
  }

  /** A later report of the same set-back, by a peer that has answered this start, is no news. */
  async function suspect(peer: NodeCode, evidence: string): Promise<void> {
    const answered = await store.read((tx) => answeredPeers(tx, log.epoch()));
    if (!answered.includes(peer)) await enter(stateSentences.say('told', { peer, told: evidence }));
  }

  function run(): void {
    if (working || stopped || !recovering) return;
    working = true;
    work()
      .catch((error: unknown) => deps.alarm('recovery-failed', String(error)))
      .finally(() => {
        working = false;
        if (recovering && !stopped) clock.after(retryPauseMs, run);
      });
  }

  async function work(): Promise<void> {
    await keepMarked();
    await deps.introduce();
    await Promise.allSettled((await store.read(unanswered)).map(ask));
    haveAllBeenAsked = true;
    if (!(await isAnswered())) return;
    while ((await store.write(applySome)) > 0);
    const isOver = await store.write(async (tx) => {
      // A peer may have given more back meanwhile.
      if ((await unappliedEntries(tx, 1)).length > 0) return false;
      await deps.ending(tx);
      await setRecovering(tx, undefined);
      return true;
    });
    if (!isOver) return;
    recovering = false;
    deps.recovered();
    reviewSoon();
  }

  async function isAnswered(): Promise<boolean> {
    return store.read(async (tx) => {
      if ((await unanswered(tx)).length === 0) return true;
      return (await overriders(tx, log.epoch())).length >= overridesNeeded;
    });
  }

  /**
   * Has this start become certain of its past? For good: a node does not forget while it runs, and who becomes a member
   * later holds nothing of what it forgot before.
   */
  async function review(): Promise<void> {
    if (recovering || certain || stopped || !(isContinued || (await isAnswered()))) return;
    // A peer may have shown meanwhile that something is missing.
    if (recovering || certain) return;
    certain = true;
    deps.certain();
  }

  function reviewSoon(): void {
    review().catch(() => {
      if (!stopped) clock.after(retryPauseMs, reviewSoon);
    });
  }

  async function unanswered(tx: Reader): Promise<NodeCode[]> {
    const answered = await answeredPeers(tx, log.epoch());
    const active = deps.directory.peers().filter((peer) => peer.active);
    return active.map(({ code }) => code).filter((code) => !answered.includes(code));
  }

  /** The peer has taken something of this start: from now on it takes nothing of earlier ones. */
  function taken(peer: NodeCode): void {
    if (compared.has(peer)) return;
    due.add(peer);
    compare(peer);
  }

  /**
   * Once with each peer in each start: who was set back and cannot tell by itself is told again what it forgot of the
   * peer, and learns what it forgot of its own.
   */
  async function compare(peer: NodeCode): Promise<void> {
    if (recovering || stopped || !due.delete(peer)) return;
    try {
      await ask(peer);
      reviewSoon();
    } catch {
      // It is heard again soon.
      due.add(peer);
    }
    run();
  }

  async function ask(peer: NodeCode): Promise<void> {
    const { known, received } = await store.read(async (tx) => ({
      known: await knownStarts(tx),
      received: await heldStreams(tx, peer),
    }));
    nonce ||= deps.ids.secret(24);
    let after: RecoveryAnswer['next'] = null;
    const lines = new Map<string, StartLine>();
    for (let page = 0; page < maxPages; page += 1) {
      const response = await deps.client.request(peer, {
        method: 'POST',
        path: '/peer/v1/recovery',
        headers: { 'content-type': 'application/json', [startedHeader]: log.epoch() },
        body: JSON.stringify({
          node: deps.node,
          nonce,
          started: log.epoch(),
          known: known.map(({ epoch, seq }) => ({ epoch, seq: Number(seq) })),
          received: received.map(({ epoch, position }) => ({ epoch, position: Number(position) })),
          ...(after ? { after } : {}),
        }),
        timeoutMs: requestTimeoutMs,
      });
      if (response.status !== 200) throw new DomainError('peer-unreachable');
      const answer = await readAnswer(peer, response.body);
      const proven = await Promise.all(answer.batches.map(provenBatch));
      for (const { head } of proven) lines.set(head.started, lineOf(head));
      const entries = proven.flatMap((batch) => batch.entries);
      const found = forgottenStarts(answer.starts, [...lines.values()], unproven.get(peer));
      if (answer.next === null) unproven.set(peer, found.unproven);
      const { all: starts } = found;
      await store.write((tx) => keep(tx, { answer, entries, starts }));
      if (answer.next === null) return;
      after = answer.next;
    }
    throw new DomainError('overloaded', 'The recovery has too many pages.');
  }

  async function readAnswer(peer: NodeCode, body: string): Promise<RecoveryAnswer> {
    const { answer, signature } = signedRecoveryAnswer.parse(JSON.parse(body));
    const payload = await deps.verifier.verify(signature, { node: peer, typ: recoveryType });
    if (recoverySignature.parse(payload).sha256 !== sha256(answer)) {
      throw new DomainError('peer-refused', 'The recovery answer is not what was signed.');
    }
    const parsed = recoveryAnswer.parse(JSON.parse(answer));
    if (parsed.node !== peer || parsed.for !== deps.node || parsed.nonce !== nonce) {
      throw new DomainError('replayed', 'The recovery answer is not to this start.');
    }
    return parsed;
  }

  /** What a peer gives back counts only as far as this node's own signature proves it. */
  async function provenBatch({ head: jws, entries }: RecoveryAnswer['batches'][number]) {
    const payload = await deps.verifier.verify(jws, { node: deps.node, typ: headType });
    const head = streamHead.parse(payload);
    const chain = entries.map((entry) => sha256(canonicalJson(entry))).reduce(nextChain, head.base);
    const isProven = chain === head.chain && entries.every((entry) => entry.epoch === head.epoch);
    if (!isProven) throw new DomainError('broken-chain', 'A recovered batch does not add up.');
    return { head, entries };
  }

  async function keep(
    tx: Transaction,
    told: { answer: RecoveryAnswer; entries: readonly LogEntry[]; starts: readonly string[] },
  ): Promise<void> {
    const { answer, entries, starts } = told;
    const { node: peer } = answer;
    const current = log.epoch();
    for (const entry of entries) {
      const text = canonicalJson(entry);
      const { epoch, seq } = entry;
      const row = { epoch, seq, hash: sha256(text), text, holder: peer };
      mayHoldRecovered = true;
      const kept = await keepRecovered(tx, row);
      if (kept === 'forked')
        deps.alarm('forked', stateSentences.say('ownEntry', { place: `${epoch}/${seq}` }));
      if (kept === 'lost' && !recovering)
        await mark(tx, stateSentences.say('gaveBackUnknown', { peer }));
    }
    if (answer.next !== null) return;
    // With the last page: only then is it known what all of them prove.
    for (const epoch of starts) {
      await insertForgottenStart(tx, { epoch, startedAt: now(clock), current });
      tx.afterCommit(() => log.nameEarlierStart(epoch));
    }
    // Until it takes this start it may still take what an earlier one had sent; a peer that recovers takes nothing.
    if (answer.starts.at(-1) !== current && !deps.isRecovering(peer)) return;
    await recordAnswer(tx, { epoch: current, peer, at: now(clock) });
    tx.afterCommit(() => {
      compared.add(peer);
      deps.told(peer);
    });
  }

  async function applySome(tx: Transaction): Promise<number> {
    const rows = await unappliedEntries(tx, entriesPerTransaction);
    for (const row of rows) {
      const entry = logEntry.parse(JSON.parse(row.entry));
      const holders = entry.to.filter((peer) => row.holders.split(' ').includes(peer));
      await restoreEntry(tx, { entry, text: row.entry, holders });
      await deps.replayers.get(entry.kind)?.(tx, entry);
      const missing = entry.to.filter((peer) => !holders.includes(peer));
      // Facts that somebody has not heard are told again; what hears them twice knows them by operation id.
      if (missing.length > 0 && entry.kind !== startKind) {
        const { kind, operationId, occurredAt, businessDate, body } = entry;
        const draft = { kind, to: missing, occurredAt, businessDate, body };
        await log.append(tx, operationId === undefined ? draft : { ...draft, operationId });
      }
      await markApplied(tx, row.epoch, row.seq);
    }
    return rows.length;
  }

  /**
   * The operation that this node accepted under a key before it was set back.
   * @throws DomainError `recovering` while it is not applied, or may still come from a peer that is there.
   */
  async function recalled(tx: Reader, key: string): Promise<string | undefined> {
    const found = mayHoldRecovered ? await recoveredUnderKey(tx, key) : undefined;
    const mayCome = found ? !found.isApplied : recovering && !haveAllBeenAsked;
    if (mayCome) throw new DomainError('recovering');
    return found?.operationId;
  }

  return {
    isRecovering: () => recovering,
    isCertain: () => certain && !recovering,
    /** Whether the peer has told this start what it holds of this node. */
    hasTold: (peer: NodeCode) => compared.has(peer),
    /** Whom this start has not heard what they hold of this node. */
    unanswered,
    /** After a change of the members. */
    review: reviewSoon,
    recalled,
    mark,
    taken,
    compare,
    suspect,
    /** Tries the peers again at once. */
    run,
    /** At start: a recovery that a crash interrupted goes on. */
    async load({ continues }: { continues: boolean }): Promise<void> {
      await store.read(async (tx) => {
        recovering = (await recoveringReason(tx)) !== undefined;
        mayHoldRecovered = await holdsRecovered(tx);
      });
      isContinued = continues;
    },
    /** One of the two people who may answer for a peer that is dead, in a recovery or before money goes out. */
    async override(
      tx: Transaction,
      person: { operator: string; reason: string },
    ): Promise<{ given: number; needed: number }> {
      if (certain) {
        throw new DomainError('operation-conflict', 'The node waits for nobody.');
      }
      await recordOverride(tx, { epoch: log.epoch(), at: now(clock), ...person });
      tx.afterCommit(() => {
        run();
        reviewSoon();
      });
      const { length: given } = await overriders(tx, log.epoch());
      return { given, needed: overridesNeeded };
    },
    status: () =>
      store.read(async (tx) => ({
        recovering,
        certain,
        answered: await answeredPeers(tx, log.epoch()),
        awaited: await unanswered(tx),
        overriddenBy: await overriders(tx, log.epoch()),
      })),
    stop(): void {
      stopped = true;
    },
  };
}

/** The start that signed a head after those that it names, and the one whose entries it tells. */
function lineOf({ previous, started }: StreamHead): StartLine {
  return [...previous.toReversed(), started];
}
