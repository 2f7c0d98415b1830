import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { createHeapWatch } from './heap.ts';

/** One thing that takes input: an endpoint, a message, a file. */
interface TargetSpec<Input> {
  readonly name: string;
  readonly kind: 'valid' | 'hostile';
  readonly inputs: fc.Arbitrary<Input>;
  /** Gives it one input and looks at all that follows. */
  probe(input: Input): Promise<Verdict>;
  /** Fewer than asked for, where each one is slow on purpose. */
  readonly maxInputs?: number;
  /** One at a time, for what has an order. */
  readonly inOrder?: boolean;
}

/** A target as it is run, whatever its inputs are. */
export interface Target extends Pick<TargetSpec<never>, 'name' | 'kind' | 'maxInputs'> {
  run(options: { inputs: number; seed: number }): Promise<Report>;
}

export function targetOf<Input>(spec: TargetSpec<Input>): Target {
  const { name, kind, maxInputs } = spec;
  return {
    ...{ name, kind },
    ...(maxInputs === undefined ? {} : { maxInputs }),
    run: (options) => runTarget(spec, options),
  };
}

export interface Verdict {
  /** E.g. `201`, `400 invalid-input`. */
  readonly outcome: string;
  /** What is wrong with it, and the input as text. */
  readonly fault?: string | undefined;
}

export interface Report {
  readonly name: string;
  readonly kind: Target['kind'];
  readonly inputs: number;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly fault?: string;
  /** Bytes that stay in memory from a quarter of a long run to its end. */
  readonly growth?: number;
}

const inputsAtOnce = 32;
const turnMs = 100;
const turnsMax = 600;

/** Runs a property over a target until it fails once or all inputs are through. */
async function runTarget<Input>(
  target: TargetSpec<Input>,
  { inputs, seed }: { inputs: number; seed: number },
): Promise<Report> {
  const wanted = Math.min(inputs, target.maxInputs ?? inputs);
  const size = target.inOrder ? 1 : Math.min(inputsAtOnce, wanted);
  const outcomes = new Map<string, number>();
  const heap = createHeapWatch(wanted);
  let count = 0;

  async function judged(input: Input): Promise<string | undefined> {
    const { outcome, fault } = await timely(target.probe(input));
    count += 1;
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    return fault;
  }

  const batches = fc.array(target.inputs, { minLength: size, maxLength: size, size: 'max' });
  const property = fc.asyncProperty(batches, async (batch) => {
    const faults = await Promise.all(batch.map(judged));
    const first = faults.find((fault) => fault !== undefined);
    if (first !== undefined) throw new Error(first);
    // What answers without waiting would let nothing else have a turn, and weak references be kept.
    await nextTurn();
    heap.after(count);
  });
  // A node remembers what it was told, so a smaller input would not be the same experiment.
  const checked = await fc.check(property, {
    seed,
    numRuns: Math.ceil(wanted / size),
    endOnFailure: true,
  });
  const { name, kind } = target;
  const made = { name, kind, inputs: count, outcomes };
  return checked.failed
    ? { ...made, fault: String(checked.errorInstance) }
    : { ...made, ...heap.end() };
}

/** A machine that is busy with others slows both down: the answer and the turns that are counted. */
async function timely(probed: Promise<Verdict>): Promise<Verdict> {
  let isAnswered = false;
  const hung = async (): Promise<Verdict> => {
    for (let turn = 0; turn < turnsMax && !isAnswered; turn += 1) await pause(turnMs);
    return { outcome: 'hung', fault: `no answer in ${turnsMax} turns of ${turnMs} ms` };
  };
  try {
    return await Promise.race([probed, hung()]);
  } finally {
    isAnswered = true;
  }
}

/** E.g. `8127 × 400 invalid-input, 1873 × 404 not-found`. */
export function outcomesText(outcomes: ReadonlyMap<string, number>): string {
  return [...outcomes]
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, count]) => `${count} × ${outcome}`)
    .join(', ');
}

/** Whether valid inputs came past the schema: otherwise nothing behind it was tried. */
export function cameThrough({ outcomes }: Report): boolean {
  return [...outcomes.keys()].some((outcome) => !/^((400 )?invalid-input|415|413)/.test(outcome));
}
