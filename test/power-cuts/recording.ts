import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../../shared/store/assets.ts';
import { until } from '../support/federation.ts';
import type { DiskEvent } from './disk.ts';
import type { Fact, Place } from './judge.ts';
import { readTrace, straceArgs } from './trace.ts';

/** What one process did to its store, what was told meanwhile, and when which kind of work was done. */
export interface Recording {
  readonly place: Place;
  readonly base: ReadonlyMap<string, Buffer>;
  readonly events: readonly DiskEvent[];
  readonly facts: readonly Fact[];
  readonly phases: readonly Phase[];
}

export interface Phase {
  readonly kind: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Recorder {
  /** Work of this kind goes on until `work` is done. */
  phase(kind: string, work: () => Promise<void>): Promise<void>;
  /** From now on a cut must not take it away. */
  told(query: string, value: string): void;
  /** Runs the program under strace. */
  run(program: Program): RecordedProcess;
  finish(): Promise<Recording>;
}

export interface Program {
  /** Compiled, below `dist`. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Gets what it prints instead of the terminal. */
  readonly onLine?: (line: string) => void;
}

export interface RecordedProcess {
  readonly child: ChildProcess;
  /** Asks the node, not strace, to stop, and waits for the end. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** @throws Error unless it ends well. */
  end(): Promise<void>;
}

const exitMaxMs = 60_000;

export interface RecorderDeps {
  readonly place: Place;
  readonly trace: string;
  /** Runs the store as `synchronous=NORMAL` would have it. */
  readonly isNormal: boolean;
}

/** Later than anything that was noticed up to now; a fact is never dated too early. */
const nowMs = () => Date.now() + 1;

export function createRecorder({ place, trace, isNormal }: RecorderDeps): Recorder {
  const facts: Fact[] = [];
  const phases: Phase[] = [];
  const traces: string[] = [];
  const base = filesOf(place);
  const normal = pathToFileURL(join(projectRoot(), 'dist/test/power-cuts/synchronous-normal.js'));

  function run({ script, args = [], env, input, onLine }: Program): RecordedProcess {
    const output = `${trace}.${traces.length}`;
    traces.push(output);
    const node = [
      process.execPath,
      '--enable-source-maps',
      ...(isNormal ? ['--import', normal.href] : []),
      ...[join(projectRoot(), 'dist', script), ...args],
    ];
    const command = [...straceArgs(output, pathsOf(place)), ...node];
    const child = spawn('strace', command, {
      env: { ...process.env, ...env },
      stdio: ['pipe', onLine ? 'pipe' : 'inherit', 'inherit'],
    });
    child.stdin?.end(input ?? '');
    if (child.stdout && onLine) createInterface({ input: child.stdout }).on('line', onLine);
    // `close`, so that its last line has been read.
    const exited = once(child, 'close');
    return {
      child,
      async stop(signal) {
        process.kill(tracee(child.pid ?? 0), signal);
        const late = setTimeout(() => child.kill('SIGKILL'), exitMaxMs);
        await exited;
        clearTimeout(late);
      },
      async end() {
        const [status] = await exited;
        if (status !== 0) throw new Error(`${script} ended with ${status}`);
      },
    };
  }

  return {
    run,
    async phase(kind, work) {
      const fromMs = Date.now();
      await work();
      phases.push({ kind, fromMs, toMs: nowMs() });
    },
    told: (query, value) => void facts.push({ atMs: nowMs(), query, value }),
    async finish() {
      const events: DiskEvent[] = [];
      for (const file of traces) for (const event of await readTrace(file)) events.push(event);
      return { place, base, events, facts, phases };
    },
  };
}

function tracee(strace: number): number {
  const file = `/proc/${strace}/task/${strace}/children`;
  return Number(readFileSync(file, 'utf8').trim().split(' ')[0]);
}

function pathsOf({ store, sentinel }: Place): string[] {
  const files = [store, ...['-wal', '-journal', '-shm'].map((suffix) => store + suffix)];
  return [...files, dirname(store), sentinel, `${sentinel}.draft`, dirname(sentinel)];
}

function filesOf(place: Place): Map<string, Buffer> {
  const folders = [dirname(place.store), dirname(place.sentinel)];
  const files = pathsOf(place).filter((path) => !folders.includes(path) && !path.endsWith('-shm'));
  return new Map(files.filter(existsSync).map((path) => [path, readFileSync(path)]));
}

/** Waits until the node answers that it is ready. */
export async function untilReady(url: string, child: ChildProcess): Promise<void> {
  await until(`${url} is ready`, async () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    await answer?.body?.cancel();
    return answer?.status === 200;
  });
}
