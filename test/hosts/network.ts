import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/**
 * A network of hosts on this machine: a namespace each, joined by a bridge. A packet is lost by sending it to an Ethernet
 * address that nobody has, so a cut works in one direction, and nobody is told.
 */

const bridge = 'sbms-bridge';
const subnet = '10.77.0';
const ownHost = 254;
const nobody = '02:00:00:00:00:00';
const burst = '2kb';
const queueMs = 400;
const filtered = '/proc/sys/net/bridge/bridge-nf-call-iptables';

export interface Network {
  hostOf(code: string): string;
  /** What a command stands behind to run on that host. */
  enter(code: string): readonly string[];
  cut(from: string, to: string): void;
  mend(from: string, to: string): void;
  /** Both ways at so many kbit/s; what does not fit into a short queue is lost. */
  slow(code: string, kbits: number): void;
  quicken(code: string): void;
  remove(): void;
}

/** @throws Error that says what is missing. */
export function checkNetworkTools(): void {
  if (process.getuid?.() !== 0) throw new Error('network namespaces need root: run it with sudo');
  for (const tool of ['ip', 'tc']) {
    if (find(tool) === undefined) throw new Error(`${tool} is missing: apt-get install iproute2`);
  }
  // A container engine's firewall would drop what goes from host to host.
  if (existsSync(filtered) && readFileSync(filtered, 'utf8').trim() === '1') {
    throw new Error('a firewall filters bridges: sysctl -w net.bridge.bridge-nf-call-iptables=0');
  }
}

function find(tool: string): string | undefined {
  return ['/usr/sbin', '/sbin', '/usr/bin', '/bin']
    .map((folder) => `${folder}/${tool}`)
    .find(existsSync);
}

function run(tool: 'ip' | 'tc', line: string): void {
  execFileSync(find(tool) ?? tool, line.split(' '), { stdio: 'pipe' });
}

function attempt(tool: 'ip' | 'tc', line: string): void {
  try {
    run(tool, line);
  } catch {
    // It is not there: that is what was wanted.
  }
}

const spaceOf = (code: string) => `sbms-${code}`;
const plugOf = (code: string) => `sbms-${code.toLowerCase()}`;

function removeAll(codes: readonly string[]): void {
  for (const code of codes) attempt('ip', `netns delete ${spaceOf(code)}`);
  for (const code of codes) attempt('ip', `link delete ${plugOf(code)}`);
  attempt('ip', `link delete ${bridge}`);
}

export function createNetwork(codes: readonly string[]): Network {
  removeAll(codes);
  run('ip', `link add ${bridge} type bridge`);
  run('ip', `address add ${subnet}.${ownHost}/24 dev ${bridge}`);
  run('ip', `link set ${bridge} up`);
  const hostOf = (code: string) => `${subnet}.${codes.indexOf(code) + 1}`;
  for (const code of codes) {
    run('ip', `netns add ${spaceOf(code)}`);
    run('ip', `link add ${plugOf(code)} type veth peer name eth0 netns ${spaceOf(code)}`);
    run('ip', `link set ${plugOf(code)} master ${bridge} up`);
    run('ip', `-n ${spaceOf(code)} address add ${hostOf(code)}/24 dev eth0`);
    run('ip', `-n ${spaceOf(code)} link set lo up`);
    run('ip', `-n ${spaceOf(code)} link set eth0 up`);
  }
  return {
    hostOf,
    enter: (code) => [find('ip') ?? 'ip', 'netns', 'exec', spaceOf(code)],
    cut(from, to) {
      const wrong = `lladdr ${nobody} dev eth0 nud permanent`;
      run('ip', `-n ${spaceOf(from)} neighbour replace ${hostOf(to)} ${wrong}`);
    },
    mend(from, to) {
      attempt('ip', `-n ${spaceOf(from)} neighbour delete ${hostOf(to)} dev eth0`);
    },
    slow(code, kbits) {
      const bucket = `root tbf rate ${kbits}kbit burst ${burst} latency ${queueMs}ms`;
      run('tc', `-n ${spaceOf(code)} qdisc replace dev eth0 ${bucket}`);
      run('tc', `qdisc replace dev ${plugOf(code)} ${bucket}`);
    },
    quicken(code) {
      attempt('tc', `-n ${spaceOf(code)} qdisc delete dev eth0 root`);
      attempt('tc', `qdisc delete dev ${plugOf(code)} root`);
    },
    remove: () => removeAll(codes),
  };
}
