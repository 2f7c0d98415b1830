import { createHash } from 'node:crypto';

/** What happened, as a hash over every event and, on demand, as lines for people. */
export interface Trace {
  note(node: string, what: string): void;
  hash(): string;
  readonly lines: readonly string[];
}

export function createTrace(options: {
  nowMs: () => number;
  startMs: number;
  isKept: boolean;
}): Trace {
  const hash = createHash('sha256');
  const lines: string[] = [];
  return {
    lines,
    note(node, what) {
      const line = `${options.nowMs() - options.startMs} ${node} ${what}`;
      hash.update(`${line}\n`);
      if (options.isKept) lines.push(line);
    },
    hash: () => hash.copy().digest('hex').slice(0, 16),
  };
}
