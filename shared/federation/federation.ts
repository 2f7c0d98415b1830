import type { Ids, NodeCode } from '../ids/ids.ts';
import { DomainError, isDomainError } from '../problem/problem.ts';
import type { Reader, Store, Transaction } from '../store/store.ts';
import { stateSentences } from '../text/state-sentences.ts';
import type { BusinessDate, Clock } from '../time/clock.ts';
import { hello as helloSchema, type LogEntry, startKind } from '../wire/peer-messages.ts';
import type { Alarms } from './alarms.ts';
import { createInbox, type EntryHandler } from './inbox.ts';
import { forkedInbound, forkedPeers, inboundStreams, lastHead } from './inbox-store.ts';
import { type Acknowledged, createLane, type Lane } from './lane.ts';
import { createLiveness } from './liveness.ts';
import { createLog, type Opening } from './log.ts';
import { acknowledgedOperations, outboundStreams } from './log-store.ts';
import { createOwnProof } from './own-proof.ts';
import { createPeerStarts } from './peer-starts.ts';
import type { PeerClient, PeerDirectory, Signer, Verifier } from './peers.ts';
import { createRecovery } from './recovery.ts';
import { createRecoveryAnswers } from './recovery-answers.ts';
import { createSetAside } from './set-aside.ts';

const followUpPauseMs = 5_000;

/** Called in the transaction that records that another node now holds an entry of this kind. */
export type HeldHandler = (tx: Transaction, operationId: string) => Promise<void>;

/** Gets ready for a verified batch of a peer. Throws nothing, and has a limit of its own: the peer's stream waits. */
export type PrepareBatch = (from: NodeCode, entries: readonly LogEntry[]) => Promise<void>;

type InTransaction = (tx: Transaction) => Promise<void>;

export interface FederationDeps {
  node: NodeCode;
  codeVersion: string;
  store: Store;
  clock: Clock;
  ids: Ids;
  signer: Signer;
  verifier: Verifier;
  client: PeerClient;
  directory: PeerDirectory;
  alarms: Alarms;
  /** The version of the reference release in force; 0 for none. */
  release: () => number;
  businessDate(tx: Reader): Promise<BusinessDate>;
}

export type Federation = ReturnType<typeof createFederation>;

/**
 * A node's place among the others: its log, a lane to every peer, the inbox, liveness and recovery. Rooms register what
 * they do with facts by kind, before `start`.
 */
export function createFederation(deps: FederationDeps) {
  const { node, store, clock, ids, signer, verifier, client, directory, alarms } = deps;
  // A start is known by the head that it came with; the entry itself is for who reads the log.
  const handlers = new Map<string, EntryHandler>([[startKind, async () => {}]]);
  const replayers = new Map<string, EntryHandler>();
  const heldHandlers = new Map<string, HeldHandler>();
  const onRecovered: (() => void | Promise<void>)[] = [];
  const onCertain: (() => void | Promise<void>)[] = [];
  const [onSetBack, onRecoveryEnd]: [InTransaction[], InTransaction[]] = [[], []];
  let prepareBatch: PrepareBatch = async () => {};
  const lanes = new Map<NodeCode, Lane>();
  /** Whose streams came before their senders had told what they hold of this node. */
  const early = new Set<NodeCode>();
  let isOpen = false;
  let isStopped = false;

  const log = createLog({ node, clock, ids });
  const peerStarts = createPeerStarts();
  const recovery = createRecovery({
    ...{ node, store, log, client, directory, signer, verifier, clock, ids, replayers },
    introduce: () => introduce(),
    told(peer) {
      // A lane that was sent away tries again as soon as it hears of this node.
      if (early.delete(peer)) void liveness.greet(peer);
    },
    async marked(tx) {
      for (const listener of onSetBack) await listener(tx);
    },
    async ending(tx) {
      for (const listener of onRecoveryEnd) await listener(tx);
    },
    recovered() {
      for (const code of ['set-back', 'recovery-failed']) alarms.clear(code);
      void setAside.workOff();
      tellRecovered();
      wakeAll();
    },
    certain() {
      for (const listener of onCertain) followUp(listener);
    },
    isRecovering: (peer) =>
      liveness.statuses().some((each) => each.peer === peer && each.recovering),
    alarm: alarms.raise,
  });
  /** Nobody else would do it before the next start, so a store that fails now is no reason to leave it. */
  async function followUp(listener: () => void | Promise<void>): Promise<void> {
    try {
      await listener();
      alarms.clear('recovery-unfinished');
    } catch (error) {
      alarms.raise('recovery-unfinished', String(error));
      if (!isStopped) clock.after(followUpPauseMs, () => followUp(listener));
    }
  }
  const ownProof = createOwnProof({ node, store, verifier });
  const recoveryAnswers = createRecoveryAnswers({ store, signer });
  const setAside = createSetAside({ ...deps, handlers });
  const inbox = createInbox({
    node,
    store,
    verifier,
    peerStarts,
    handlers,
    codeVersion: deps.codeVersion,
    prepare: (from, entries) => prepareBatch(from, entries),
    hasTold: recovery.hasTold,
    events: {
      early: (peer) => void early.add(peer),
      forked: (peer, place) =>
        alarms.raise('forked', stateSentences.say('twoHistories', { peer, place: String(place) })),
      setAside: setAside.report,
    },
  });
  const liveness = createLiveness({
    node,
    codeVersion: deps.codeVersion,
    release: deps.release,
    store,
    log,
    client,
    directory,
    peerStarts,
    clock,
    isRecovering: recovery.isRecovering,
    heard(peer) {
      lanes.get(peer)?.heard();
      recovery.compare(peer);
    },
    setBack: suspect,
    alarm: alarms.raise,
    calm: alarms.clear,
  });

  /** A peer claims that this node was set back: believed only with this node's own signature. */
  async function suspect(peer: NodeCode, evidence: string, proof: unknown): Promise<void> {
    if (await ownProof.ofSetBack(peer, proof)) return recovery.suspect(peer, evidence);
    alarms.raise('unproven-set-back', stateSentences.say('told', { peer, told: evidence }));
  }

  /** Who is told that it was set back gets the head that it once signed: it need not take a peer's word. */
  async function withProof<T>(caller: NodeCode, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const newest = peerStarts.current(caller);
      if (!isDomainError(error, 'set-back') || newest === undefined) throw error;
      const proof = await store.read((tx) => lastHead(tx, caller, newest));
      throw new DomainError('set-back', error.message, { members: { ...error.members, proof } });
    }
  }

  function lane(peer: NodeCode): Lane {
    const known = lanes.get(peer);
    if (known) return known;
    const created = createLane({
      peer,
      log,
      store,
      client,
      signer,
      clock,
      ids,
      events: {
        acknowledged: onAcknowledged,
        setBack: (from, evidence, claim) => {
          // A store that fails now hears it again with the next batch.
          suspect(from, evidence, claim).catch((error: unknown) =>
            alarms.raise('set-back-unread', `${from}: ${String(error)}`),
          );
        },
        forked(from, epoch, isProven) {
          const code = isProven ? 'forked' : 'unproven-fork';
          alarms.raise(code, stateSentences.say('otherHeld', { peer: from, place: epoch }));
        },
        provesFork: ownProof.ofFork,
        failed: () => {},
      },
    });
    lanes.set(peer, created);
    return created;
  }

  async function onAcknowledged(tx: Transaction, stretch: Acknowledged): Promise<void> {
    tx.afterCommit(() => recovery.taken(stretch.peer));
    if (heldHandlers.size === 0) return;
    const kinds = [...heldHandlers.keys()];
    for (const held of await acknowledgedOperations(tx, { ...stretch, kinds })) {
      await heldHandlers.get(held.kind)?.(tx, held.operationId);
    }
  }

  function tellRecovered(): void {
    for (const listener of onRecovered) followUp(listener);
  }

  function wakeAll(): void {
    if (!isOpen) return;
    for (const peer of directory.peers()) lane(peer.code).wake();
  }

  log.onAppended((peer) => {
    if (isOpen) lane(peer).wake();
  });

  async function opening(tx: Reader): Promise<Opening> {
    const to = directory.peers().map((peer) => peer.code);
    const { codeVersion } = deps;
    return { to, codeVersion, businessDate: await deps.businessDate(tx) };
  }

  const introduce = () => store.write(async (tx) => log.introduce(tx, await opening(tx)));

  /**
   * Opens this start: its epoch, and the check whether the node was set back. Before a peer can reach this node: a write
   * that came earlier would take from the sentinel what it says.
   * @param start.setBack what the store's sentinel says
   * @param start.continues what its mark says: nothing was forgotten since a start that was certain of its past
   */
  async function begin({ setBack, continues }: { setBack: boolean; continues: boolean }) {
    await store.read(peerStarts.load);
    await recovery.load({ continues });
    await store.write(async (tx) => {
      await log.start(tx, await opening(tx));
      // In the first write after opening: from here on the sentinel has nothing more to say.
      if (setBack) await markSetBack(tx);
    });
    await reportForks();
  }

  const markSetBack = (tx: Transaction) => recovery.mark(tx, stateSentences.say('olderStore', {}));

  /** Opens the lanes. */
  async function start(): Promise<void> {
    await liveness.probe();
    if (!recovery.isRecovering()) {
      await setAside.workOff();
      // A crash may have come between the end of a recovery and what was to follow it.
      tellRecovered();
    }
    isOpen = true;
    if (recovery.isRecovering()) recovery.run();
    else recovery.review();
    wakeAll();
    liveness.start();
  }

  /** A fork outlives the start that saw it. */
  async function reportForks(): Promise<void> {
    const told = await store.read(async (tx) => [
      ...(await forkedInbound(tx)),
      ...(await outboundStreams(tx)).filter(({ forked }) => forked === 1n),
    ]);
    for (const { peer, epoch } of told) {
      const place = epoch.slice(0, 8);
      alarms.raise('forked', stateSentences.say('historiesWith', { peer, place }));
    }
  }

  /** Money leaves only a node that is certain of its own past and whose streams with all members are sound. */
  async function mayPayOut(tx: Reader): Promise<boolean> {
    return recovery.isCertain() && !(await isForked(tx));
  }

  async function isForked(tx: Reader): Promise<boolean> {
    return (await forkedPeers(tx)).some((peer) => directory.peer(peer)?.active);
  }

  /**
   * Of what only leads to a payout: that one waits by itself until this node is certain of its past.
   * @throws DomainError `recovering`, `forked`
   */
  async function assertMayOwe(tx: Reader): Promise<void> {
    if (recovery.isRecovering()) throw new DomainError('recovering');
    if (await isForked(tx)) {
      throw new DomainError('forked', 'A stream has two histories: nothing is paid out.');
    }
  }

  /**
   * Of money, a number or a card that stands here and is to go on by this node's word alone: a set-back
   * that nobody has shown yet may have forgotten that it went already.
   * @throws DomainError `recovering`, `past-uncertain`
   */
  async function assertCertain(tx: Reader): Promise<void> {
    if (recovery.isRecovering()) throw new DomainError('recovering');
    if (recovery.isCertain()) return;
    const peers = (await recovery.unanswered(tx)).sort().join(', ');
    throw new DomainError('past-uncertain', stateSentences.say('unheard', { peers }));
  }

  async function streams() {
    const [outbound, inbound] = await store.read(async (tx) => [
      await outboundStreams(tx),
      await inboundStreams(tx),
    ]);
    return { outbound, inbound, lanes };
  }

  return {
    node,
    log,
    begin,
    markSetBack,
    start,
    /** The streams to the others, as far as they count. */
    outbound: () => store.read(outboundStreams),
    streams,
    mayPayOut,
    assertMayOwe,
    assertCertain,
    recovery,
    liveness,
    alarms,
    isRecovering: recovery.isRecovering,
    isCertain: recovery.isCertain,
    /** What a room does with a fact of this kind that another node reports. */
    onEntry(kind: string, handler: EntryHandler): void {
      if (handlers.has(kind)) throw new Error(`two handlers for ${kind}`);
      handlers.set(kind, handler);
    },
    /** What a room does again when this node's own fact of this kind had been lost with a backup. */
    onReplay(kind: string, handler: EntryHandler): void {
      if (replayers.has(kind)) throw new Error(`two replayers for ${kind}`);
      replayers.set(kind, handler);
    },
    /** Called when a first other node holds this node's entry of this kind, and again for each further one. */
    onHeld(kind: string, handler: HeldHandler): void {
      heldHandlers.set(kind, handler);
    },
    /** What is to be there before a peer's entries are applied; one for the node. */
    onBatch(prepare: PrepareBatch): void {
      prepareBatch = prepare;
    },
    /**
     * Called when this node has become sure of its own past, at each start or at the end of its
     * recovery; tried until it is done.
     */
    onRecovered(listener: () => void | Promise<void>): void {
      onRecovered.push(listener);
    },
    /** Called in the transaction that marks this node as set back: what must not be believed any more ends with it. */
    onSetBack(listener: InTransaction): void {
      onSetBack.push(listener);
    },
    /** Called in the transaction that ends a recovery: what the set-back leaves in doubt is decided with it. */
    onRecoveryEnd(listener: InTransaction): void {
      onRecoveryEnd.push(listener);
    },
    /**
     * Called when this start is certain of its past: every active peer has told it what it holds of this node, people have
     * answered for it, or the machine's memory says that nothing was forgotten. In each start once, and again after a
     * recovery; tried until it is done.
     */
    onCertain(listener: () => void | Promise<void>): void {
      onCertain.push(listener);
    },
    /** All nodes but this one, as the directory has them now. */
    peers: (): NodeCode[] => directory.peers().map((peer) => peer.code),
    /** A member once, and no more: it takes nothing, and decides nothing. */
    isCutOff: (peer: NodeCode): boolean => directory.peer(peer)?.active === false,
    /** The directory changed: new peers get a lane. */
    peersChanged(): void {
      wakeAll();
      if (!isOpen) return;
      followUp(introduce);
      recovery.review();
    },
    /** Every request of a peer passes here first. */
    admit(caller: NodeCode, started: string | undefined): void {
      if (started !== undefined) peerStarts.checkHeader(caller, started);
    },
    async receiveStream(caller: NodeCode, message: unknown) {
      const refuseRecovering = () => {
        if (recovery.isRecovering()) throw new DomainError('recovering');
      };
      refuseRecovering();
      await setAside.caughtUp();
      refuseRecovering();
      return withProof(caller, () => inbox.receive(caller, message));
    },
    async receiveHello(caller: NodeCode, message: unknown) {
      const parsed = helloSchema.safeParse(message);
      if (!parsed.success || parsed.data.node !== caller) {
        throw new DomainError('peer-refused', 'The hello is not well formed.');
      }
      return withProof(caller, async () => {
        peerStarts.check(caller, parsed.data);
        return liveness.receive(parsed.data);
      });
    },
    answerRecovery(caller: NodeCode, message: unknown) {
      lanes.get(caller)?.forget();
      return recoveryAnswers.answer(caller, message);
    },
    async stop(): Promise<void> {
      isOpen = false;
      isStopped = true;
      liveness.stop();
      recovery.stop();
      setAside.stop();
      await Promise.all([...lanes.values()].map((each) => each.stop()));
    },
  };
}
