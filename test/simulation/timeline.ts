/** Simulated time: what happens is a list of events, and nothing waits for real time. */

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

export type Timeline = ReturnType<typeof createTimeline>;

export function createTimeline(startMs: number) {
  const heap: Event[] = [];
  const turns: (() => void)[] = [];
  let nowMs = startMs;
  let order = 0;
  let events = 0;

  function after(delayMs: number, run: () => void): () => void {
    order += 1;
    const event = { atMs: nowMs + Math.max(0, delayMs), order, run, cancelled: false };
    push(heap, event);
    return () => {
      event.cancelled = true;
    };
  }

  /** Lets everything that was begun go on until it waits for time or for a message. */
  async function settle(): Promise<void> {
    do {
      for (const turn of turns.splice(0)) turn();
      await macrotask();
    } while (turns.length > 0);
  }

  return {
    nowMs: () => nowMs,
    events: () => events,
    after,
    settle,
    /** A stretch of work that a store's queue wants done when everything else had its turn. */
    later(turn: () => void): void {
      turns.push(turn);
    },
    /** Runs everything that is due up to `untilMs`, or until `isDone` says so after an event. */
    async run(untilMs: number, isDone: () => boolean = () => false): Promise<void> {
      await settle();
      while (!isDone()) {
        const next = heap[0];
        if (!next || next.atMs > untilMs) break;
        pop(heap);
        if (next.cancelled) continue;
        nowMs = Math.max(nowMs, next.atMs);
        events += 1;
        next.run();
        await settle();
      }
      if (!isDone()) nowMs = Math.max(nowMs, untilMs);
    },
    /** Works on what was begun until it has its answer; time passes as it must. */
    async until<T>(work: Promise<T>): Promise<T> {
      let isDone = false;
      const ended = work.finally(() => {
        isDone = true;
      });
      ended.catch(() => undefined);
      await this.run(nowMs + untilMaxMs, () => isDone);
      if (!isDone) throw new Error('what was begun does not end');
      return ended;
    },
  };
}

const untilMaxMs = 3_600_000;

function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

function push(heap: Event[], event: Event): void {
  heap.push(event);
  let index = heap.length - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent];
    if (!above || !isBefore(event, above)) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let index = 0;
  for (;;) {
    const left = 2 * index + 1;
    const right = left + 1;
    const one = heap[left];
    const other = heap[right];
    const lesser = other && one && isBefore(other, one) ? right : left;
    const child = heap[lesser];
    if (!child || !isBefore(child, last)) break;
    heap[index] = child;
    index = lesser;
  }
  heap[index] = last;
}
