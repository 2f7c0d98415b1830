import type { Verifier } from '../federation/peers.ts';
import { headOffice, type NodeCode } from '../ids/ids.ts';
import { isDomainError } from '../problem/problem.ts';
import { sha256 } from '../wire/canonical.ts';
import { nextChain } from '../wire/chain.ts';
import {
  headType,
  type LogEntry,
  logEntry,
  type StreamHead,
  startKind,
  streamHead,
} from '../wire/peer-messages.ts';
import type { LineOf } from './bundle.ts';

/** Where a bundle fails: the entry, as far as one can be named. */
export interface FailedPlace {
  readonly node: NodeCode;
  readonly to: NodeCode;
  readonly epoch: string;
  readonly position: number;
  readonly seq?: number;
}

/** A bundle that proves nothing: the first thing that does not hold. */
export class BundleFault extends Error {
  readonly place: FailedPlace | undefined;

  constructor(why: string, place?: FailedPlace) {
    super(why);
    this.name = 'BundleFault';
    this.place = place;
  }
}

interface Open {
  readonly line: LineOf<'stream'>;
  position: number;
  chain: string;
  seq: number;
  head: StreamHead | undefined;
}

/**
 * Follows the streams of a bundle, entry by entry: hashes, places, chains, and the signed heads at their ends. Keeps no
 * entry.
 */
export function createBundleStreams(deps: {
  verifier: Verifier;
  /** Of what was asked for every entry is there, and once. */
  isWhole: boolean;
  /** An entry whose text is there; whether its head holds is known only at the head's end. */
  onEntry(entry: LogEntry, place: FailedPlace): void;
}) {
  /** How far each start of a node was followed to head office, by `node epoch`. */
  const reached = new Map<string, number>();
  /** Where the last stretch of each stream ended. */
  const ends = new Map<string, number>();
  let open: Open | undefined;

  function placeIn(stream: Open, position: number, seq?: number): FailedPlace {
    const { from: node, to, epoch } = stream.line;
    return { node, to, epoch, position, ...(seq === undefined ? {} : { seq }) };
  }

  function beginStream(line: LineOf<'stream'>): void {
    endStream();
    open = { line, position: line.first - 1, chain: '', seq: 0, head: undefined };
    const { from, to, epoch, first, last } = line;
    const stream = `${from} ${to} ${epoch}`;
    if (deps.isWhole && first <= (ends.get(stream) ?? 0)) {
      throw new BundleFault('the entry stands in it twice', placeIn(open, first));
    }
    ends.set(stream, last);
  }

  function endStream(): void {
    if (!open) return;
    assertHeadEnded(open);
    if (open.position !== open.line.last) {
      throw new BundleFault('the entry is missing', placeIn(open, open.position + 1));
    }
    const { from, to, epoch, last } = open.line;
    if (to === headOffice) reached.set(`${from} ${epoch}`, Math.max(open.seq, last));
    open = undefined;
  }

  function assertHeadEnded(stream: Open): void {
    const { head, position } = stream;
    if (head && position < head.position) {
      throw new BundleFault('the entry is missing', placeIn(stream, position + 1));
    }
  }

  async function beginHead({ jws }: LineOf<'head'>): Promise<void> {
    const stream = opened();
    assertHeadEnded(stream);
    const next = stream.position + 1;
    const head = await signedHead(stream, jws, next);
    const { from, to, epoch } = stream.line;
    if (head.from !== from || head.to !== to || head.epoch !== epoch) {
      throw new BundleFault('the head is of another stream', placeIn(stream, next));
    }
    if (head.first > next || head.position < next) {
      throw new BundleFault('the entry is not covered by the head', placeIn(stream, next));
    }
    const isFirst = stream.chain === '';
    if (isFirst && head.first !== next) {
      throw new BundleFault(
        'the entries before it in its batch are missing',
        placeIn(stream, next),
      );
    }
    if (!isFirst && head.first === next && head.base !== stream.chain) {
      throw new BundleFault('the head does not continue the one before', placeIn(stream, next));
    }
    if (isFirst) stream.chain = head.base;
    stream.head = head;
  }

  async function signedHead(stream: Open, jws: string, next: number): Promise<StreamHead> {
    const { from: node } = stream.line;
    try {
      return streamHead.parse(await deps.verifier.verify(jws, { node, typ: headType }));
    } catch (error) {
      const why = isDomainError(error) ? error.message : 'is not well formed';
      throw new BundleFault(
        `the head of its batch is not ${node}'s: ${why}`,
        placeIn(stream, next),
      );
    }
  }

  function takeEntry(line: LineOf<'entry'>): void {
    const stream = opened();
    const { head } = stream;
    const position = stream.position + 1;
    const place = placeIn(stream, position);
    if (line.position !== position) throw new BundleFault('the entry is missing', place);
    if (!head || position > head.position) throw new BundleFault('no head covers the entry', place);
    if (deps.isWhole && line.entry === undefined) {
      throw new BundleFault('the entry was left out', place);
    }
    const entry = line.entry === undefined ? undefined : readEntry(stream, line, place);
    stream.position = position;
    stream.chain = nextChain(stream.chain, line.hash);
    if (entry) stream.seq = entry.seq;
    if (position === head.position && stream.chain !== head.chain) {
      const range = head.first === position ? '' : `, or one before it down to ${head.first},`;
      throw new BundleFault(`the entry${range} is not what was signed`, {
        ...place,
        ...(entry ? { seq: entry.seq } : {}),
      });
    }
    if (entry) deps.onEntry(entry, { ...place, seq: entry.seq });
  }

  function readEntry(stream: Open, line: LineOf<'entry'>, place: FailedPlace): LogEntry {
    const text = line.entry ?? '';
    const parsed = safeEntry(text);
    const at = parsed ? { ...place, seq: parsed.seq } : place;
    if (!parsed || sha256(text) !== line.hash) throw new BundleFault('the entry was changed', at);
    const { from, to, epoch } = stream.line;
    const belongs = parsed.node === from && parsed.epoch === epoch && parsed.to.includes(to);
    if (!belongs || parsed.seq <= stream.seq) {
      throw new BundleFault('the entry does not belong in this stream', at);
    }
    assertFollowsStart(parsed, at);
    return parsed;
  }

  /** A start names the last entry of the one before: what is missing of that was left out. */
  function assertFollowsStart({ kind, node, body }: LogEntry, at: FailedPlace): void {
    if (kind !== startKind || at.to !== headOffice) return;
    const previous: unknown = body.previous;
    if (typeof previous !== 'object' || previous === null) return;
    const epoch = String(Reflect.get(previous, 'epoch'));
    const seq = Number(Reflect.get(previous, 'seq'));
    const known = reached.get(`${node} ${epoch}`);
    if (known === undefined || known >= seq) return;
    throw new BundleFault('the entry is missing: the next start names a later end', {
      ...at,
      epoch,
      position: known + 1,
    });
  }

  function opened(): Open {
    if (!open) throw new BundleFault('the line belongs to no stream');
    return open;
  }

  return { beginStream, beginHead, takeEntry, end: endStream };
}

function safeEntry(text: string): LogEntry | undefined {
  try {
    return logEntry.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
