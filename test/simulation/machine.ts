import { type Branch, openBranch } from '../../branch-node/branch.ts';
import { readBranchConfig } from '../../branch-node/config.ts';
import { type Centre, openCentre } from '../../central-node/centre.ts';
import { readCentreConfig } from '../../central-node/config.ts';
import type { CertificateFacts } from '../../shared/federation/certificates.ts';
import { headOffice, type Ids, type NodeCode } from '../../shared/ids/ids.ts';
import type { NodePorts } from '../../shared/node/node-ports.ts';
import { isDomainError } from '../../shared/problem/problem.ts';
import { createLogger, type Logger } from '../../shared/text/logger.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { Chance } from './chance.ts';
import { type Disk, openSimulatedStore, type Slot, soundDisk } from './disk.ts';
import { certificateOf, identityOf, theAuthority } from './keys.ts';
import type { Network } from './network.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';
import type { OpenBranch } from './version-before.ts';

/** What a crash leaves, and a start goes on from. */
export interface Snapshot {
  readonly image: Buffer;
  readonly sentinel: bigint | undefined;
}

export type Machine = ReturnType<typeof createMachine>;

export interface MachineDeps {
  readonly code: NodeCode;
  readonly slot: Slot;
  readonly timeline: Timeline;
  readonly network: Network;
  readonly chance: Chance;
  readonly trace: Trace;
  readonly caseGraceMs: number;
  /** A branch's code until it is upgraded, where that is not the present one. */
  readonly before?: OpenBranch | undefined;
  /** A node that died for a reason of its own. */
  readonly died: (machine: NodeCode, why: string) => void;
  /** Something that the product itself calls an error. */
  readonly fault: (text: string) => void;
}

interface Life {
  alive: boolean;
  started: boolean;
  node?: Branch | Centre;
}

const silent = createLogger({
  clock: { nowMs: () => 0, after: () => () => {} },
  node: '',
  level: 'silent',
});

/** Copies are taken of disks, not of folders. */
const noBackups = {
  take: () => never(),
  load: async () => {},
  ageSeconds: () => undefined,
  state: () => ({ ok: true, detail: '' }),
};
const never = () => new Promise<never>(() => {});

/** A computer with a disk and a clock of its own, and a node's process on it: the real one, on simulated ports. */
export function createMachine(deps: MachineDeps) {
  const { code, timeline, network, trace } = deps;
  const disk: Disk = { slot: deps.slot, sentinel: 0n, mark: undefined, faults: soundDisk };
  const chance = deps.chance.fork('ids');
  const time = createShiftingTime(timeline);
  let certificate: CertificateFacts = certificateOf(code);
  let life: Life | undefined;
  let starts = 0;
  let { before } = deps;

  const ids: Ids = {
    uuid: () => uuidAt(timeline.nowMs(), chance),
    secret: (byteLength) => Buffer.from(chance.hex(byteLength), 'hex').toString('base64url'),
    hex: chance.hex,
    fraction: chance.fraction,
  };

  function portsOf(own: Life): Partial<NodePorts> {
    const isAlive = () => own.alive;
    const clock: Clock = {
      nowMs: time.nowMs,
      after: (delayMs, fn) => timeline.after(delayMs, () => void (own.alive && fn())),
    };
    const process = {
      isAlive,
      later: timeline.later,
      crash: (where: string) => {
        if (own.alive) kill(where);
      },
    };
    const link = network.join(code, () => certificate, isAlive);
    return {
      clock,
      ids,
      loadIdentity: async () => identityOf(code),
      createLogger: () => loggerOf(own),
      openStore: (options) => openSimulatedStore(disk, process, options),
      createPeerClient: link.connect,
      createPeerServer: link.listen,
      createBackups: () => noBackups,
      createFrontServer: () => ({
        listen: async (address) => address,
        close: async () => {},
      }),
    };
  }

  /** Errors are faults; warnings are worth a line. */
  function loggerOf(own: Life): Logger {
    const told = (told: object, text: string, level: string) => {
      if (!own.alive) return;
      const err = 'err' in told ? told.err : undefined;
      const more = err instanceof Error ? String(err) : JSON.stringify(told);
      // Where it was thrown is for people: a trace is the same with source maps and without.
      const where = err instanceof Error ? (err.stack ?? '') : '';
      if (level === 'error' && !isDomainError(err, 'store-unavailable'))
        deps.fault(`${code} logs: ${text} ${more}\n${where}`);
      else trace.note(code, `warns: ${text} ${more}`);
    };
    return Object.assign(Object.create(silent), {
      error: (what: object, text: string) => told(what, text, 'error'),
      warn: (what: object, text: string) => told(what, text, 'warn'),
    });
  }

  function open(own: Life): Promise<Branch | Centre> {
    const environment = environmentOf(code, { ...deps, folder: deps.slot.folder });
    const ports = portsOf(own);
    if (code !== headOffice) return (before ?? openBranch)(readBranchConfig(environment), ports);
    return openCentre(readCentreConfig(environment), {
      ...ports,
      openAuthority: async () => theAuthority(),
      openHeadOfficeIdentity: async () => identityOf(headOffice),
    });
  }

  /** Begins a start; how it goes on is the timeline's. */
  function start(): void {
    if (life) return;
    const own: Life = { alive: true, started: false };
    life = own;
    starts += 1;
    trace.note(code, `starts for the ${starts}. time`);
    open(own)
      .then((node) => {
        if (!own.alive) return undefined;
        own.node = node;
        return node.start();
      })
      .then(
        () => {
          own.started = own.alive;
        },
        (error: unknown) => {
          if (!own.alive) return;
          kill(`start failed: ${String(error)}`);
        },
      );
  }

  function kill(why: string): void {
    if (!life) return;
    life.alive = false;
    life = undefined;
    trace.note(code, `dies ${why}`);
    network.ended(code);
    deps.died(code, why);
  }

  return {
    code,
    disk,
    time,
    start,
    kill,
    isOld: () => before !== undefined,
    /** From its next start on it runs the present code. */
    upgrade(): void {
      if (!before) return;
      before = undefined;
      trace.note(code, 'is upgraded');
    },
    isUp: () => life !== undefined,
    isStarted: () => life?.started === true,
    /** The running node; none while it starts. */
    node: () => (life?.started ? life.node : undefined),
    branch(): Branch | undefined {
      const node = life?.started ? life.node : undefined;
      return node && 'payments' in node ? node : undefined;
    },
    centre(): Centre | undefined {
      const node = life?.started ? life.node : undefined;
      return node && 'drafts' in node ? node : undefined;
    },
    snapshot: (): Snapshot => ({ image: disk.slot.image(), sentinel: disk.sentinel }),
    mount({ image, sentinel }: Snapshot): void {
      if (life) throw new Error(`${code} is running`);
      disk.slot.mount(image);
      disk.sentinel = sentinel;
      // What is put back is the whole machine.
      disk.mark = undefined;
    },
    showCertificate(changes: Partial<CertificateFacts>): void {
      certificate = { ...certificateOf(code), ...changes };
    },
    /** The process ends without a word, also for the judge's sake. */
    abandon(): void {
      if (life) life.alive = false;
      life = undefined;
    },
  };
}

export type ShiftingTime = ReturnType<typeof createShiftingTime>;

/** A machine's own time of day, which may be off, jump and stand still. Its timers run as they should. */
function createShiftingTime(timeline: Timeline) {
  let offMs = 0;
  let frozenAt: number | undefined;
  return {
    nowMs: () => frozenAt ?? timeline.nowMs() + offMs,
    shift(ms: number): void {
      offMs += ms;
    },
    freeze(): void {
      frozenAt ??= timeline.nowMs() + offMs;
    },
    setRight(): void {
      offMs = 0;
      frozenAt = undefined;
    },
  };
}

function uuidAt(nowMs: number, chance: Chance): string {
  const time = nowMs.toString(16).padStart(12, '0');
  const rest = chance.hex(9);
  const [a, b, c] = [rest.slice(0, 3), rest.slice(3, 6), rest.slice(6)];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${a}-8${b}-${c}`;
}

/** As a node reads it from its environment. Of what it names on real disks, only what it writes itself is there. */
function environmentOf(
  code: NodeCode,
  { folder, caseGraceMs }: { folder: string; caseGraceMs: number },
): Record<string, string> {
  return {
    NODE_CODE: code,
    DATA_DIR: folder,
    FRONT_PORT: '0',
    FRONT_URL: 'http://127.0.0.1',
    PEER_PORT: '0',
    PEER_URL: peerUrlOf(code),
    CENTRE_URL: peerUrlOf(headOffice),
    LOG_LEVEL: 'silent',
    CASE_GRACE_MS: String(caseGraceMs),
  };
}

export function peerUrlOf(code: NodeCode): string {
  return `https://${code.toLowerCase()}.example:9443`;
}
