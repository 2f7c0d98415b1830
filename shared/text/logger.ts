import { type DestinationStream, type Logger, pino } from 'pino';
import { type Clock, now } from '../time/clock.ts';
import { maskJson, maskText } from './masking.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly clock: Clock;
  /** The node's code, on every line. */
  readonly node: string;
  readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Standard output if absent. */
  readonly destination?: DestinationStream;
}

/**
 * A JSON logger whose lines hold no secret and no full identifier. The finished line is masked, not
 * its parts, so that nothing gets past: error messages, stacks, causes, child bindings. A line
 * below the level costs nothing.
 */
export function createLogger({ clock, node, level, destination }: LoggerOptions): Logger {
  const options = {
    level: level ?? 'info',
    base: { node },
    timestamp: () => `,"time":"${now(clock)}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: maskLine },
  };
  return destination ? pino(options, destination) : pino(options);
}

function maskLine(line: string): string {
  try {
    return `${JSON.stringify(maskJson(JSON.parse(line)))}\n`;
  } catch {
    return maskText(line);
  }
}
