import { readdirSync, readFileSync, readlinkSync as readlink, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { send } from '../support/federation.ts';
import {
  type DescribedNode,
  type Desk,
  demoPlace,
  deskAt,
  type RunningDemo,
  storedFaults,
  untilCalm,
} from '../support/processes.ts';
import { judge, type Sample } from './trend.ts';

/** A federation of real processes under a steady, mixed load, watched for what grows: `npm run soak -- --minutes 20`. */

const sampleSeconds = 5;
const warmUpShare = 0.4;
const peoplePerDesk = 4;
const pageBytes = 4_096;
/** On a machine that gives it little, what waits takes a while. */
const calmMaxMs = 900_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    /** Between two requests of one person, in milliseconds: on a machine that others need too. */
    breath: { type: 'string', default: '20' },
  },
});
const [minutes, breathMs] = [Number(values.minutes), Number(values.breath)];
if (!(minutes > 0 && breathMs > 0)) throw new Error('--minutes and --breath are numbers');

let operations = 0;
let refusals = 0;
let isOver = false;

/** One person: pays here and there, looks at cards, switches a service, makes mistakes, signs in again. */
async function work(node: DescribedNode, numbers: readonly string[], from: number): Promise<void> {
  let desk = await deskAt(node);
  for (let turn = from; !isOver; turn += 1) {
    const msisdn = String(numbers[turn % numbers.length]);
    switch (turn % 8) {
      case 5:
        await desk.get(`/api/v1/subscribers/${msisdn}`);
        break;
      case 6:
        await refuse(node);
        break;
      case 7:
        if (turn % 800 === 7) desk = await deskAt(node);
        else await desk.get('/api/v1/streams');
        break;
      default:
        await desk.pay(msisdn, '1.00');
        operations += 1;
    }
    await pause(breathMs);
  }
}

async function refuse({ url }: DescribedNode): Promise<void> {
  const answer = await send(url, 'POST', '/api/v1/payments', { body: { nonsense: true } });
  if (answer.status === 401) refusals += 1;
}

async function sampleOf(node: DescribedNode, second: number): Promise<Sample> {
  const text: string = (await send(node.url, 'GET', '/metrics')).body;
  const metric = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
  const size = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const pages = readFileSync(`/proc/${node.pid}/statm`, 'utf8').split(' ')[1];
  return {
    second,
    rss: Number(pages) * pageBytes,
    heap: metric('nodejs_heap_size_used_bytes'),
    ...descriptorsOf(node.pid),
    wal: size(`${node.store}-wal`),
    store: size(node.store),
    lagSeconds: metric('nodejs_eventloop_lag_p99_seconds'),
  };
}

/** Connections come and go with who is served; files, timers' and epoll's handles must not. */
function descriptorsOf(pid: number): { handles: number; sockets: number } {
  const folder = `/proc/${pid}/fd`;
  const targets = readdirSync(folder).flatMap((name) => {
    try {
      return [readlink(`${folder}/${name}`)];
    } catch {
      return [];
    }
  });
  const sockets = targets.filter((target) => target.startsWith('socket:')).length;
  return { handles: targets.length - sockets, sockets };
}

async function soak(demo: RunningDemo): Promise<boolean> {
  const { nodes } = demo.description;
  const branches = nodes.filter(({ role }) => role === 'branch');
  const numbers: string[] = [];
  const desks: Desk[] = [];
  for (const node of nodes) {
    const desk = await deskAt(node);
    desks.push(desk);
    if (node.role === 'centre') continue;
    const { items } = await desk.get('/api/v1/subscribers?limit=20');
    numbers.push(...items.map(({ msisdn }: { msisdn: string }) => msisdn));
  }
  const people = branches.flatMap((node, index) =>
    Array.from({ length: peoplePerDesk }, (_, person) => work(node, numbers, 7 * index + person)),
  );
  const samples = new Map(nodes.map(({ code }) => [code, [] as Sample[]]));
  const begun = performance.now();
  const secondsNow = () => (performance.now() - begun) / 1000;
  while (secondsNow() < 60 * minutes) {
    await pause(1000 * sampleSeconds);
    for (const node of nodes) samples.get(node.code)?.push(await sampleOf(node, secondsNow()));
  }
  isOver = true;
  await Promise.all(people);
  const seconds = secondsNow();
  say(`${operations} payments (${(operations / seconds).toFixed(1)}/s), ${refusals} refusals`);
  const faults: string[] = [];
  for (const [code, all] of samples) {
    const verdict = judge(code, all.slice(Math.floor(warmUpShare * all.length)));
    say(verdict.line);
    faults.push(...verdict.faults);
  }
  await untilCalm(desks, calmMaxMs);
  await demo.interrupt();
  faults.push(...(await storedFaults(nodes)));
  for (const fault of faults) say(`NOT FLAT OR NOT SOUND: ${fault}`);
  if (faults.length === 0) say('Flat, and the books balance.');
  return faults.length === 0;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const place = await demoPlace(4);
const demo = await place.up();
try {
  if (!(await soak(demo))) process.exitCode = 1;
} finally {
  await demo.killAll();
  place.remove();
}
