import { Gauge, type Registry } from 'prom-client';
import type { NodeKind } from '../access/permissions.ts';
import type { Alarms } from '../federation/alarms.ts';
import { certificateFacts } from '../federation/certificates.ts';
import type { Federation } from '../federation/federation.ts';
import { touchState } from '../federation/recovery-store.ts';
import type { ReferenceService } from '../reference/reference-service.ts';
import { describeRelease, releasePolicy } from '../reference/release-policy.ts';
import type { Store } from '../store/store.ts';
import { stateSentences } from '../text/state-sentences.ts';
import { type Clock, instantOf } from '../time/clock.ts';
import type { Readiness } from '../web/observability.ts';
import type { Backups } from './backups.ts';
import { diskFreeMinBytes, freeBytes } from './disk-room.ts';
import type { NodeConfig } from './node-config.ts';

type Check = Readiness['checks'][string];

/** A commit that hangs hangs all that waits for it; whoever asks how the node is does not hang with it. */
const storeAnswersMaxMs = 3_000;
const certificateMinMs = 7 * 24 * 60 * 60_000;
const mebibyte = 1024 * 1024;

export interface HealthDeps {
  readonly kind: NodeKind;
  readonly config: Pick<NodeConfig, 'dataDir' | 'storeUrl'>;
  readonly store: Pick<Store, 'read' | 'write'>;
  readonly federation: Pick<Federation, 'isRecovering'> & {
    readonly liveness: Pick<Federation['liveness'], 'statuses' | 'clockDoubt'>;
    readonly log: Pick<Federation['log'], 'clockSetBackMs'>;
  };
  readonly references: Pick<ReferenceService, 'current' | 'freshness'>;
  readonly alarms: Pick<Alarms, 'list'>;
  readonly backups: Pick<Backups, 'state'>;
  readonly clock: Clock;
  /** The certificate that this node shows to its peers now. */
  readonly certPem: () => string;
}

/**
 * One named check for each thing that can go wrong with a node and its surroundings. Only a store that takes nothing and
 * a release that is missing take the node out of service; the rest says what to look at.
 */
export function createHealth(deps: HealthDeps) {
  const { kind, config, federation, references, clock } = deps;

  async function readiness(): Promise<Readiness> {
    const [store, disk, clockChecked] = await Promise.all([
      storeCheck(),
      diskCheck(),
      clockCheck(),
    ]);
    const checks = {
      store,
      disk,
      clock: clockChecked,
      release: releaseCheck(),
      recovery: federation.isRecovering()
        ? { ok: false, detail: stateSentences.say('recovering', {}) }
        : { ok: true },
      peers: peersCheck(),
      certificate: certificateCheck(),
      backup: deps.backups.state(),
      alarms: alarmsCheck(),
    };
    // HQ has no release before its first publication, and is ready to make one.
    const hasRelease = references.current() !== undefined;
    return { ready: store.ok && (hasRelease || kind === 'centre'), checks };
  }

  let asked: Promise<Check> | undefined;

  /** What hangs is not asked again beside itself. */
  function storeCheck(): Promise<Check> {
    asked ??= askStore().finally(() => {
      asked = undefined;
    });
    const seconds = String(storeAnswersMaxMs / 1_000);
    const detail = stateSentences.say('storeSilent', { seconds });
    return inTime(asked, { ok: false, detail });
  }

  function inTime<T>(answer: Promise<T>, otherwise: T): Promise<T> {
    return new Promise((resolve) => {
      const stop = clock.after(storeAnswersMaxMs, () => resolve(otherwise));
      void answer.then((value) => {
        stop();
        resolve(value);
      });
    });
  }

  async function askStore(): Promise<Check> {
    try {
      await deps.store.write((tx) => touchState(tx));
      return { ok: true };
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      return { ok: false, detail: stateSentences.say('takesNothing', { cause: messageOf(cause) }) };
    }
  }

  async function diskCheck(): Promise<Check> {
    try {
      const free = await freeBytes(config);
      const mebibytes = String(Math.floor(free / mebibyte));
      const detail = stateSentences.say('diskFree', { mebibytes });
      return { ok: free >= diskFreeMinBytes, detail };
    } catch (error) {
      return { ok: false, detail: messageOf(error) };
    }
  }

  async function clockCheck(): Promise<Check> {
    const behind = deps.store.read(federation.log.clockSetBackMs).catch(() => 0);
    const behindMs = await inTime(behind, 0);
    const doubt = federation.liveness.clockDoubt(behindMs);
    return doubt === undefined ? { ok: true } : { ok: false, detail: doubt };
  }

  /** An old release is not well, but takes a branch out of no service: money in is never stopped. */
  function releaseCheck(): Check {
    const version = references.current()?.version;
    if (version === undefined) {
      return { ok: false, detail: stateSentences.say('noRelease', {}) };
    }
    // HQ needs nobody to confirm what it published.
    const ageMs = kind === 'centre' ? 0 : (references.freshness()?.ageMs ?? 0);
    const ok = releasePolicy(ageMs).plansMayChange;
    return { ok, detail: describeRelease(version, ageMs) };
  }

  function peersCheck(): Check {
    const away = federation.liveness.statuses().filter(({ reachable }) => !reachable);
    if (away.length === 0) return { ok: true };
    const lines = away.map(({ peer, failure }) =>
      stateSentences.say('told', { peer, told: failure ?? stateSentences.say('silent', {}) }),
    );
    return { ok: false, detail: lines.join('; ') };
  }

  function certificateCheck(): Check {
    const { notAfter } = certificateFacts(deps.certPem());
    const leftMs = notAfter - clock.nowMs();
    const at = { at: instantOf(notAfter) };
    const detail = stateSentences.say(leftMs > 0 ? 'expires' : 'expired', at);
    return { ok: leftMs > certificateMinMs, detail };
  }

  function alarmsCheck(): Check {
    const alarmed = deps.alarms.list();
    if (alarmed.length === 0) return { ok: true };
    return { ok: false, detail: [...new Set(alarmed.map(({ code }) => code))].join(', ') };
  }

  return { readiness };
}

/** For Prometheus: every check of `/readyz` as 1 or 0, and the age of the newest backup. */
export function registerHealthMetrics(
  registry: Registry,
  { readiness, backups }: { readiness: () => Promise<Readiness>; backups: Backups },
): void {
  new Gauge({
    name: 'sbms_check_ok',
    help: 'A check of /readyz: 1 when it is well',
    labelNames: ['check'],
    registers: [registry],
    async collect() {
      for (const [check, { ok }] of Object.entries((await readiness()).checks)) {
        this.set({ check }, ok ? 1 : 0);
      }
    },
  });
  new Gauge({
    name: 'sbms_backup_age_seconds',
    help: 'Age of the newest backup that was looked through',
    registers: [registry],
    collect() {
      const age = backups.ageSeconds();
      if (age !== undefined) this.set(age);
    },
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'fails';
}
