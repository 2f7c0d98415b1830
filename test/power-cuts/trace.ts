import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { DiskEvent } from './disk.ts';

/** The writes and syncs of a process, as strace saw them. */

/** Longer than any write of a store. */
const stringMax = 1_048_576;

/** What strace is told, before the program: only what touches these paths. */
export function straceArgs(output: string, paths: readonly string[]): string[] {
  const calls = [
    ...['openat', 'open', 'creat', 'write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'],
    ...['fsync', 'fdatasync', 'sync_file_range', 'msync', 'ftruncate', 'truncate', 'fallocate'],
    ...['unlink', 'unlinkat', 'rename', 'renameat', 'renameat2', 'mmap'],
  ];
  const watched = paths.flatMap((path) => ['-P', path]);
  const form = ['-f', '-qq', '-ttt', '-y', '-xx', '-s', String(stringMax)];
  return [...form, '-e', `trace=${calls.join(',')}`, '-e', 'signal=none', ...watched, '-o', output];
}

interface Call {
  readonly atMs: number;
  readonly name: string;
  readonly args: string;
  readonly result: string;
}

/** @throws Error for a call that the model of a disk does not know. */
export async function readTrace(file: string): Promise<DiskEvent[]> {
  const events: DiskEvent[] = [];
  const begun = new Map<string, Omit<Call, 'result'>>();
  const positions = new Map<string, number>();
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const [, pid = '', seconds = '', rest = ''] = /^(\d+) +(\d+\.\d+) (.*)$/s.exec(line) ?? [];
    const atMs = Number(seconds) * 1_000;
    const resumed = /^<\.\.\. (\w+) resumed>/.exec(rest);
    if (resumed) {
      const call = begun.get(pid);
      begun.delete(pid);
      // A write may be on the disk from its beginning, a sync is over at its end.
      const isLate = call && /^(fsync|fdatasync|openat|open)$/.test(call.name);
      if (isLate) push({ ...call, atMs, result: rest.slice(rest.lastIndexOf(' = ')) });
      continue;
    }
    const [, name = '', tail = ''] = /^(\w+)\((.*)$/s.exec(rest) ?? [];
    if (name === '') continue;
    if (tail.endsWith('<unfinished ...>')) {
      const call = { atMs, name, args: tail };
      begun.set(pid, call);
      if (!/^(fsync|fdatasync|openat|open)$/.test(name)) push({ ...call, result: ' = 0' });
      continue;
    }
    const end = tail.lastIndexOf(' = ');
    push({ atMs, name, args: tail.slice(0, end), result: tail.slice(end) });
  }
  return events;

  function push(call: Call): void {
    if (call.result.startsWith(' = -1')) return;
    const event = eventOf(call, positions);
    if (event) events.push(event);
  }
}

function eventOf(call: Call, positions: Map<string, number>): DiskEvent | undefined {
  const { atMs, name, args, result } = call;
  const [, fd = '', annotated = ''] = /^(\d+)<([^>]*)>/.exec(args) ?? [];
  const opened = textOf(annotated);
  const [path = '', to = ''] = opened === '' ? [...quoted(args)].map(textOf) : [];
  switch (name) {
    case 'openat':
    case 'open':
      positions.set(/= (\d+)/.exec(result)?.[1] ?? '', 0);
      if (/O_TRUNC/.test(args) && !/O_EXCL/.test(args)) throw new Error(`${path} is opened anew`);
      return /O_CREAT/.test(args) ? { atMs, type: 'create', path } : undefined;
    case 'pwrite64':
      return { atMs, type: 'write', path: opened, offset: lastNumber(args), data: dataOf(args) };
    case 'write': {
      const data = dataOf(args);
      const offset = positions.get(fd) ?? 0;
      positions.set(fd, offset + data.length);
      return { atMs, type: 'write', path: opened, offset, data };
    }
    case 'ftruncate':
      return { atMs, type: 'truncate', path: opened, size: lastNumber(args) };
    case 'fsync':
    case 'fdatasync':
      return { atMs, type: 'sync', path: opened };
    case 'rename':
    case 'renameat':
    case 'renameat2':
      return { atMs, type: 'rename', path, to };
    case 'unlink':
    case 'unlinkat':
      return { atMs, type: 'unlink', path };
    case 'mmap':
      // The WAL's index is shared memory, made anew after a cut; the store itself must not be mapped for writing.
      if (/PROT_WRITE/.test(args) && !/-shm/.test(textOf(args)))
        throw new Error('mapped for writing');
      return undefined;
    default:
      throw new Error(`what does ${name} do to a disk?`);
  }
}

function lastNumber(args: string): number {
  return Number(/(\d+)\)?(?: <unfinished \.\.\.>)?\s*$/.exec(args)?.[1]);
}

function* quoted(args: string): Generator<string> {
  for (const [, text = ''] of args.matchAll(/"([^"]*)"/g)) yield text;
}

function dataOf(args: string): Buffer {
  const text = args.slice(args.indexOf('"') + 1, args.lastIndexOf('"'));
  return Buffer.from(text.replaceAll('\\x', ''), 'hex');
}

function textOf(text: string): string {
  return text.replaceAll(/(?:\\x[0-9a-f]{2})+/g, (hex) =>
    Buffer.from(hex.replaceAll('\\x', ''), 'hex').toString(),
  );
}
