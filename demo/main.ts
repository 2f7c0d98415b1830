import { createFederation } from './federation.ts';
import type { DemoNode } from './node-process.ts';
import { parseOptions } from './options.ts';
import { staffOf } from './staff.ts';

const options = parseOptions(process.argv.slice(2));
const started = performance.now();
const elapsed = () => `${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s`;

/** One line a node, then the people of a branch and of head office. */
function table(nodes: readonly DemoNode[]): string {
  const line = (node: string, url: string, peerUrl: string, login: string) =>
    `  ${node.padEnd(5)} ${url.padEnd(24)} ${peerUrl.padEnd(25)} ${login}`;
  const lines = nodes.map(({ code, url, peerUrl }) =>
    line(code, url, peerUrl, `manager / manager-${code.toLowerCase()}-demo`),
  );
  const logins = (node: DemoNode | undefined) =>
    node
      ? staffOf(node)
          .map(({ login, role }) => `${login} (${role})`)
          .join(', ')
      : '';
  return [
    line('node', 'front office', 'peer address', 'login / password'),
    ...lines,
    '',
    `  At head office: ${logins(nodes[0])}`,
    `  At a branch:    ${logins(nodes[1])}`,
    '  Every password is LOGIN-NODE-demo, the node in small letters.',
  ].join('\n');
}

// A reader that went away, as `head` does, is no reason to leave the nodes alone.
process.stdout.on('error', () => {});
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const federation = createFederation(options, (line) => say(`${elapsed()}  ${line}`));
let isStopping = false;

async function stop(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  say('\nStopping …');
  await federation.stop();
  say('Stopped.');
  process.exit(0);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void stop());
}
// Nothing else keeps this process: the nodes are its children.
setInterval(() => {}, 60_000);

try {
  await federation.start();
  say(
    `\nThe federation is up after ${elapsed().trim()}. Open a front office; its API is described at /docs.\n`,
  );
  say(table(federation.nodes));
  say(
    `\n  ${federation.file} says the same to programs. Ctrl+C stops everything; the state stays.`,
  );
} catch (error) {
  if (!isStopping) {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
