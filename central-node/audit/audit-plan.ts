import type { BundleScope } from '../../shared/audit/bundle.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Reader, Store } from '../../shared/store/store.ts';
import {
  inboundDates,
  inboundStarts,
  legPlaces,
  outboundPlaces,
  outboundRows,
  outboundStarts,
  reversedPayment,
  type StreamName,
} from './audit-store.ts';

const positionsPerLook = 1_000;

/** Which entries of one stream are asked for: a stretch of it, or single ones. */
export interface PlannedStream extends StreamName {
  readonly direction: 'in' | 'out';
  readonly wanted: { readonly first: number; readonly last: number } | ReadonlySet<number>;
}

interface Planned {
  readonly operationId: string;
  readonly isAdjustment: boolean;
}

type Direction = PlannedStream['direction'];
type Start = StreamName & { readonly position: bigint };

/** Which stretches of which streams a third party is given for what it asked. */
export function createAuditPlan(deps: { store: Store }) {
  const { store } = deps;

  async function ofPeriod(scope: BundleScope): Promise<PlannedStream[]> {
    const { from = '', to = '9', branch } = scope;
    const isAsked = ({ peer }: Start) => branch === undefined || peer === branch;
    const starts: [Direction, Start[]][] = [
      ['in', (await store.read(inboundStarts)).filter(isAsked)],
      ['out', (await store.read(outboundStarts)).filter(isAsked)],
    ];
    const plan: PlannedStream[] = [];
    for (const [direction, list] of starts) {
      for (const peer of new Set(list.map((start) => start.peer))) {
        const own = list.filter((start) => start.peer === peer);
        plan.push(...(await stretchesOf(direction, own, { from, to })));
      }
    }
    return plan;
  }

  /** From the first entry of the period to the last, over all starts between: nothing is left out. */
  async function stretchesOf(
    direction: Direction,
    starts: readonly Start[],
    period: { from: string; to: string },
  ): Promise<PlannedStream[]> {
    const found: { start: Start; first: number; last: number }[] = [];
    for (const start of starts) {
      const within = await boundsOf(direction, start, period);
      if (within) found.push({ start, ...within });
    }
    const ends = [found[0], found.at(-1)];
    return starts.flatMap((start) => {
      const [first, last] = ends;
      const index = starts.indexOf(start);
      if (!first || !last) return [];
      const [begins, stops] = [starts.indexOf(first.start), starts.indexOf(last.start)];
      if (index < begins || index > stops) return [];
      const wanted = {
        first: index === begins ? first.first : 1,
        last: index === stops ? last.last : Number(start.position),
      };
      return [{ direction, peer: start.peer, epoch: start.epoch, wanted }];
    });
  }

  async function boundsOf(
    direction: Direction,
    { peer, epoch, position }: Start,
    { from, to }: { from: string; to: string },
  ): Promise<{ first: number; last: number } | undefined> {
    const rows = direction === 'in' ? inboundDates : outboundRows;
    let bounds: { first: number; last: number } | undefined;
    for (let first = 1; first <= Number(position); first += positionsPerLook) {
      const stretch = { peer, epoch, first, last: first + positionsPerLook - 1 };
      for (const row of await store.read((tx) => rows(tx, stretch))) {
        if (row.date < from || row.date > to) continue;
        const at = Number(row.position);
        bounds = { first: bounds?.first ?? at, last: at };
      }
    }
    return bounds;
  }

  /** Single entries: of an operation, or of all operations of a settlement and of the settlement itself. */
  async function ofOperations(
    operations: AsyncIterable<Planned>,
    settlement?: string,
  ): Promise<PlannedStream[]> {
    const streams = new Map<string, PlannedStream & { wanted: Set<number> }>();
    function want(direction: Direction, { peer, epoch, position }: Start): void {
      const key = `${direction} ${peer} ${epoch}`;
      const known = streams.get(key) ?? { direction, peer, epoch, wanted: new Set<number>() };
      known.wanted.add(Number(position));
      streams.set(key, known);
    }
    const wantAll = async (direction: Direction, find: (tx: Reader) => Promise<Start[]>) => {
      for (const place of await store.read(find)) want(direction, place);
    };
    if (settlement !== undefined) await wantAll('out', (tx) => outboundPlaces(tx, settlement));
    for await (const { operationId, isAdjustment } of operations) {
      if (isAdjustment) {
        await wantAll('out', (tx) => outboundPlaces(tx, operationId));
        continue;
      }
      await wantAll('in', (tx) => legPlaces(tx, operationId));
      const payment = await store.read((tx) => reversedPayment(tx, operationId));
      if (payment !== undefined) await wantAll('in', (tx) => legPlaces(tx, payment));
    }
    return [...streams.values()].sort(byName);
  }

  return { ofPeriod, ofOperations };
}

const nameOf = ({
  direction,
  peer,
  epoch,
}: {
  direction: Direction;
  peer: NodeCode;
  epoch: string;
}) => `${direction} ${peer} ${epoch}`;
const byName = (one: PlannedStream, other: PlannedStream) => (nameOf(one) < nameOf(other) ? -1 : 1);
