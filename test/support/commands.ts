import { spawn } from 'node:child_process';
import { programPath } from '../../shared/store/assets.ts';

export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a node's own command as an operator would. */
export function runCommand(
  node: 'branch-node' | 'central-node',
  args: readonly string[],
  given: { env: Readonly<Record<string, string>>; input?: string },
): Promise<Ended> {
  const cli = programPath(`${node}/cli.js`);
  const env = { ...process.env, ...given.env };
  const child = spawn(process.execPath, [cli, ...args], { env });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  child.stdin.end(given.input ?? '');
  return new Promise((resolve) => {
    child.once('close', (status) => resolve({ status, out: out.trim(), err: err.trim() }));
  });
}
