import type { NodeCode } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Store, Transaction } from '../store/store.ts';
import { canonicalJson, sha256 } from '../wire/canonical.ts';
import { nextChain } from '../wire/chain.ts';
import {
  headType,
  type LogEntry,
  type StreamBatch,
  type StreamHead,
  startKind,
  streamBatch,
  streamHead,
} from '../wire/peer-messages.ts';
import {
  type InboundStream,
  inboundHash,
  inboundStream,
  insertHead,
  insertInboundEntry,
  lastHead,
  saveInboundStream,
} from './inbox-store.ts';
import type { PeerStarts } from './peer-starts.ts';
import type { Verifier } from './peers.ts';
import { unreadable } from './set-aside.ts';
import { insertSetAside } from './set-aside-store.ts';

/**
 * Applies one received fact, in the transaction that moves the cursor past it. A body that cannot be read may be thrown
 * out of it: what it did is undone, the entry stays stored and is set aside, the stream goes on.
 */
export type EntryHandler = (tx: Transaction, entry: LogEntry) => Promise<void>;

/** What is reported beside the answer. */
export interface InboxEvents {
  forked(peer: NodeCode, at: number): void;
  /** It would be told more, and has yet to tell itself what it holds of this node. */
  early(peer: NodeCode): void;
  /** An entry of an unknown kind, or one that says nothing its handler can apply, for this reason. */
  setAside(entry: LogEntry, reason?: string): void;
}

export interface StreamAnswer {
  readonly epoch: string;
  readonly position: number;
}

type Received =
  | { readonly outcome: 'taken'; readonly position: number }
  | { readonly outcome: 'expected'; readonly expected: number }
  | { readonly outcome: 'forked'; readonly at: number };

interface ProvenBatch {
  readonly batch: StreamBatch;
  readonly head: StreamHead;
  /** The canonical text of each entry. */
  readonly texts: readonly string[];
}

/** Of a batch that has to be taken again, entry by entry. */
class EntryFailed extends Error {}

export type Inbox = ReturnType<typeof createInbox>;

/**
 * Receives the streams of the peers: each entry is verified, stored word for word and applied exactly once, in order,
 * with the cursor in the same transaction.
 */
export function createInbox(deps: {
  node: NodeCode;
  store: Store;
  verifier: Verifier;
  peerStarts: PeerStarts;
  handlers: ReadonlyMap<string, EntryHandler>;
  /** This node's code: what it cannot apply, other code may. */
  codeVersion: string;
  /** Awaited before a verified batch is applied; throws nothing and ends soon. */
  prepare(from: NodeCode, entries: readonly LogEntry[]): Promise<void>;
  /** Whether the peer has told this start what it holds of this node: nothing of it is applied before. */
  hasTold(peer: NodeCode): boolean;
  events: InboxEvents;
}) {
  const { node, store, verifier, peerStarts, handlers, events } = deps;

  /**
   * Takes a batch from the peer that the TLS connection proved; of one who has yet to tell what it holds of this node,
   * nothing but its starts, for the answer must not wait for the answer to its own question.
   * @returns how far the stream is held now.
   * @throws DomainError `peer-refused`, `broken-chain`, `unexpected-position`, `forked`, `stale-start`, `set-back`.
   */
  async function receive(caller: NodeCode, message: unknown): Promise<StreamAnswer> {
    const batch = parseBatch(message);
    const head = await verifiedHead(caller, batch);
    const texts = batch.entries.map(canonicalText);
    if (!deps.hasTold(caller) && !batch.entries.every(isStart)) return held(batch, head);
    await deps.prepare(caller, batch.entries);
    const received = await takeBatch({ batch, head, texts });
    switch (received.outcome) {
      case 'taken':
        return { epoch: batch.epoch, position: received.position };
      case 'expected':
        throw new DomainError('unexpected-position', undefined, {
          members: { expected: received.expected },
        });
      case 'forked':
        events.forked(caller, received.at);
        throw new DomainError('forked', undefined, {
          members: {
            at: received.at,
            proof: await store.read((tx) => lastHead(tx, caller, batch.epoch)),
          },
        });
    }
  }

  /** @throws DomainError `stale-start`, `set-back` */
  async function held({ from, epoch }: StreamBatch, head: StreamHead): Promise<StreamAnswer> {
    peerStarts.check(from, head);
    events.early(from);
    const { position } = await store.read((tx) => inboundStream(tx, from, epoch));
    return { epoch, position };
  }

  /** Nearly every entry can be applied; only a batch with one that cannot is worth a savepoint for each. */
  async function takeBatch(proven: ProvenBatch): Promise<Received> {
    try {
      return await store.write((tx) => take(tx, proven, { oneByOne: false }));
    } catch (error) {
      if (!(error instanceof EntryFailed)) throw error;
      return store.write((tx) => take(tx, proven, { oneByOne: true }));
    }
  }

  async function verifiedHead(caller: NodeCode, batch: StreamBatch): Promise<StreamHead> {
    if (batch.from !== caller || batch.to !== node) {
      throw new DomainError(
        'peer-refused',
        'The batch is not from the caller or not for this node.',
      );
    }
    const payload = await verifier.verify(batch.head, { node: caller, typ: headType });
    const parsed = streamHead.safeParse(payload);
    if (!parsed.success) throw new DomainError('peer-refused', 'The head is not well formed.');
    const head = parsed.data;
    const agrees =
      head.from === batch.from &&
      head.to === batch.to &&
      head.started === batch.started &&
      head.epoch === batch.epoch &&
      head.first === batch.first &&
      head.position === batch.first + batch.entries.length - 1;
    if (!agrees) throw new DomainError('peer-refused', 'The head does not speak of this batch.');
    return head;
  }

  async function take(
    tx: Transaction,
    { batch, head, texts }: ProvenBatch,
    { oneByOne }: { oneByOne: boolean },
  ): Promise<Received> {
    const { from, epoch } = batch;
    await peerStarts.admit(tx, from, head);
    const stream = await inboundStream(tx, from, epoch);
    if (stream.forked) return { outcome: 'forked', at: stream.position };
    if (batch.first > stream.position + 1) {
      return { outcome: 'expected', expected: stream.position + 1 };
    }
    const hashes = texts.map((text) => sha256(text));
    assertSelfConsistent(hashes, head);
    const fork = await findFork(tx, { batch, head, stream, hashes });
    if (fork !== undefined) {
      await saveInboundStream(tx, { peer: from, epoch, stream: { ...stream, forked: true } });
      return { outcome: 'forked', at: fork };
    }
    let { position, chain, seq } = stream;
    for (const [index, entry] of batch.entries.entries()) {
      if (batch.first + index <= stream.position) continue;
      const hash = hashes[index] ?? '';
      assertBelongs(entry, batch, seq);
      position += 1;
      chain = nextChain(chain, hash);
      seq = entry.seq;
      const text = texts[index] ?? '';
      const { kind } = entry;
      await insertInboundEntry(tx, { peer: from, epoch, position, seq, kind, hash, text });
      await apply(tx, entry, { position, oneByOne });
    }
    if (position > stream.position) {
      const moved = { position, chain, seq, forked: false };
      await saveInboundStream(tx, { peer: from, epoch, stream: moved });
      await insertHead(tx, { peer: from, epoch, position, head: batch.head });
    }
    return { outcome: 'taken', position };
  }

  async function apply(
    tx: Transaction,
    entry: LogEntry,
    { position, oneByOne }: { position: number; oneByOne: boolean },
  ): Promise<void> {
    const handler = handlers.get(entry.kind);
    if (!handler) return setAside(tx, entry, position);
    try {
      await (oneByOne ? tx.attempt(() => handler(tx, entry)) : handler(tx, entry));
    } catch (error) {
      const reason = unreadable(error);
      if (reason === undefined) throw error;
      if (!oneByOne) throw new EntryFailed();
      await setAside(tx, entry, position, reason);
    }
  }

  async function setAside(tx: Transaction, entry: LogEntry, position: number, reason?: string) {
    const { node: peer, epoch, kind } = entry;
    const { codeVersion } = deps;
    await insertSetAside(tx, { peer, epoch, position, kind, reason, codeVersion });
    tx.afterCommit(() => events.setAside(entry, reason));
  }

  /** An entry must say of itself what the stream says of it. */
  function assertBelongs(entry: LogEntry, batch: StreamBatch, lastSeq: number): void {
    const belongs =
      entry.node === batch.from &&
      entry.epoch === batch.epoch &&
      entry.to.includes(node) &&
      entry.seq > lastSeq;
    if (!belongs) throw new DomainError('peer-refused', 'An entry does not belong in this stream.');
  }

  return { receive };
}

const isStart = ({ kind }: LogEntry): boolean => kind === startKind;

function parseBatch(message: unknown): StreamBatch {
  const parsed = streamBatch.safeParse(message);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  throw new DomainError(
    'invalid-input',
    `The batch is not well formed at ${field || 'its root'}.`,
    {
      errors: [{ field, message: issue?.message ?? 'is not valid' }],
    },
  );
}

/** @throws DomainError `invalid-input` for JSON that no canonical text has: lone surrogates, 1e999, too deep. */
function canonicalText(entry: LogEntry): string {
  try {
    return canonicalJson(entry);
  } catch (cause) {
    throw new DomainError('invalid-input', 'An entry has no canonical form.', { cause });
  }
}

/** The signed head must follow from the entries; otherwise they were changed on the way. */
function assertSelfConsistent(hashes: readonly string[], head: StreamHead): void {
  if (hashes.reduce(nextChain, head.base) !== head.chain) {
    throw new DomainError('broken-chain', 'The entries do not add up to the signed head.');
  }
}

/**
 * The first position at which the sender signs another history than the one that it signed before. The batch is known
 * to be consistent and signed, so a difference is proof, not an accident on the way.
 */
async function findFork(
  tx: Transaction,
  seen: { batch: StreamBatch; head: StreamHead; stream: InboundStream; hashes: readonly string[] },
): Promise<number | undefined> {
  const { batch, head, stream, hashes } = seen;
  const { from: peer, epoch, first } = batch;
  for (const [index, hash] of hashes.entries()) {
    const position = first + index;
    if (position > stream.position) break;
    if ((await inboundHash(tx, { peer, epoch, position })) !== hash) return position;
  }
  const added = hashes.slice(stream.position - first + 1);
  const isNew = added.length > 0;
  return isNew && added.reduce(nextChain, stream.chain) !== head.chain ? first - 1 : undefined;
}
