/** What one side of a round came to. */
export interface Sample {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of what is measured for each piece of work, in ms: says less about what else the machine does. */
  readonly cpuMs: number;
}

/** What is measured and its yardstick, right after each other. */
export interface Round {
  readonly measured: Sample;
  readonly yardstick?: Sample;
}

export interface Bench {
  readonly name: string;
  /** What is done, with what, and what the yardstick is. */
  readonly method: string;
  readonly goal: string;
  /**
   * A round that warms up comes first and does not count, where work is repeated. `note` tells what is not a round's
   * figure; `scale` is the share of the work that is to be done by benches that take many minutes.
   */
  run(rounds: number, note: (text: string) => void, scale: number): Promise<Round[]>;
}
