import { lookup } from 'node:dns/promises';
import { existsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { certificateFacts } from '../federation/certificates.ts';
import { loadIdentity } from '../federation/identity.ts';
import { namedFile } from '../store/embedded-store.ts';
import { type Clock, instantOf } from '../time/clock.ts';
import { diskFreeMinBytes, freeBytes } from './disk-room.ts';
import type { NodeConfig } from './node-config.ts';
import { readinessAnswer } from './running-node.ts';

/** One thing that was looked at, and what to do when it is not well. */
export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly advice?: string;
}

const certificateMinMs = 7 * 24 * 60 * 60_000;
const connectMaxMs = 3_000;
const mebibyte = 1024 * 1024;

/**
 * Looks at a node from outside, running or not, and changes nothing: environment, keys, store, disk, names, ports. What
 * only the running node knows (clock and peers among it) is asked of its `/readyz`.
 */
export async function examine(
  config: NodeConfig,
  { clock, centreUrl }: { clock: Clock; centreUrl: string | undefined },
): Promise<Finding[]> {
  const running = await readinessAnswer(config.front);
  const findings = [
    { what: 'environment', ok: true, detail: `${config.code}, data in ${config.dataDir}` },
    await keys(config, clock),
    store(config),
    sentinel(config),
    await disk(config),
    await name('peer address', config.peer.url),
    ...(centreUrl === undefined ? [] : [await reach('head office', centreUrl)]),
  ];
  if (running === undefined) {
    const detail = `nobody answers at ${config.front.url}`;
    const advice = 'start the node, or set FRONT_PORT and FRONT_URL right';
    return [...findings, { what: 'node', ok: false, detail, advice }];
  }
  const asked = Object.entries(running.checks).map(([check, { ok, detail = 'well' }]) => ({
    ...{ what: `readyz: ${check}`, ok, detail },
    ...(advices[check] === undefined ? {} : { advice: advices[check] }),
  }));
  return [...findings, await reach('own peer port', config.peer.url), ...asked];
}

const advices: Readonly<Record<string, string>> = {
  store: 'make room on the disk or mend it; the node goes on by itself',
  disk: 'make room: remove old backups, or enlarge the volume',
  clock: 'set this host to the right time (chrony, ntpd)',
  release: 'let head office publish, or mend the way to it',
  recovery: 'wait for the peers; see `recovery status`',
  peers: 'look at the name, the way and the node itself',
  certificate: 'mend the way to head office: it renews itself; else enrol again',
  backup: 'take one: `backup --login LOGIN`',
  alarms: 'see the log for each of them',
};

async function keys({ identityDir }: NodeConfig, clock: Clock): Promise<Finding> {
  const what = 'keys and certificate';
  try {
    const { certPem } = await loadIdentity(identityDir);
    const { notAfter, code } = certificateFacts(certPem);
    const ok = notAfter - clock.nowMs() > certificateMinMs;
    const advice = 'it renews itself when head office can be reached';
    return { what, ok, detail: `of ${code}, until ${instantOf(notAfter)}`, advice };
  } catch (error) {
    const advice = 'enrol this branch, or put its identity folder back';
    return { what, ok: false, detail: messageOf(error), advice };
  }
}

function store({ storeUrl }: NodeConfig): Finding {
  const what = 'store';
  const path = namedFile(storeUrl);
  if (path === undefined) return { what, ok: true, detail: `on ${storeUrl}` };
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size !== undefined) {
    return { what, ok: true, detail: `${path}, ${Math.ceil(size / mebibyte)} MiB` };
  }
  const advice = 'restore a backup, unless this node never ran';
  return { what, ok: false, detail: `${path} is not there`, advice };
}

function sentinel({ sentinel: path, dataDir }: NodeConfig): Finding {
  const isApart = !path.startsWith(join(dataDir, '/'));
  const advice = isApart
    ? 'a start without it makes the node recover from its peers'
    : 'set STORE_SENTINEL to another disk than the store: one lost disk takes both';
  return { what: 'sentinel', ok: isApart && existsSync(path), detail: path, advice };
}

async function disk(config: NodeConfig): Promise<Finding> {
  try {
    const free = await freeBytes(config);
    const detail = `${Math.floor(free / mebibyte)} MiB free`;
    return { what: 'disk', ok: free >= diskFreeMinBytes, detail, advice: advices.disk ?? '' };
  } catch (error) {
    return { what: 'disk', ok: false, detail: messageOf(error), advice: 'make the data folder' };
  }
}

/** IPv6 without brackets, as all but URLs want it. */
const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, '');

async function name(what: string, url: string): Promise<Finding> {
  const hostname = hostOf(url);
  const advice = 'mend DNS or PEER_URL: the other nodes use this name';
  return lookup(hostname).then(
    ({ address }) => ({ what, ok: true, detail: `${url} is ${address}` }),
    (error) => ({ what, ok: false, detail: messageOf(error), advice }),
  );
}

async function reach(what: string, url: string): Promise<Finding> {
  const { port } = new URL(url);
  const hostname = hostOf(url);
  const failure = await new Promise<string | undefined>((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || 443), timeout: connectMaxMs });
    const end = (reason?: string) => {
      socket.destroy();
      resolve(reason);
    };
    socket.once('connect', () => end());
    socket.once('timeout', () => end('does not answer'));
    socket.once('error', (error) => end(messageOf(error)));
  });
  const advice = 'look at the node, its port and the firewall between';
  if (failure === undefined) return { what, ok: true, detail: `${url} takes connections` };
  return { what, ok: false, detail: `${url}: ${failure}`, advice };
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ('code' in error ? String(error.code) : error.name);
}
