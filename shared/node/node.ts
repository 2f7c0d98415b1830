import { join } from 'node:path';
import { createAccess } from '../access/access-service.ts';
import { createAudit } from '../access/audit.ts';
import type { NodeKind } from '../access/permissions.ts';
import { createDuties, createRoles, rolesOf } from '../access/roles.ts';
import { createAlarms } from '../federation/alarms.ts';
import { createFederation } from '../federation/federation.ts';
import {
  type NodeIdentity,
  type PublicSigningKey,
  publicKeyOf,
  signingKeyOf,
} from '../federation/identity.ts';
import { createPeerApp } from '../federation/peer-routes.ts';
import type { PeerDirectory } from '../federation/peers.ts';
import { createChangingSigner, createVerifier } from '../federation/signing.ts';
import type { NodeCode } from '../ids/ids.ts';
import { isDomainError } from '../problem/problem.ts';
import type { Reference } from '../reference/reference.ts';
import { createReferenceService } from '../reference/reference-service.ts';
import { createReleaseApproval } from '../reference/release-approval.ts';
import type { MigrationSet } from '../store/migrations.ts';
import type { Reader } from '../store/store.ts';
import type { Logger } from '../text/logger.ts';
import { type BusinessDate, type Clock, pause } from '../time/clock.ts';
import { createApi } from '../web/api.ts';
import { administrationRoutes } from './administration.ts';
import { type NodeConfig, storePlaceOf } from './node-config.ts';
import { createHealth, registerHealthMetrics } from './node-health.ts';
import { type NodePorts, systemPorts } from './node-ports.ts';
import { createPeerRefusals } from './peer-refusals.ts';

export const codeVersion = '0.1.0';

const purgePauseMs = 60_000;
const lanesMaxMs = 2_000;
const referenceTickMs = 2_000;

export const sharedMigrations: readonly MigrationSet[] = [
  { room: 'federation', directory: 'shared/federation/migrations' },
  { room: 'ledger', directory: 'shared/ledger/migrations' },
  { room: 'access', directory: 'shared/access/migrations' },
  { room: 'web', directory: 'shared/web/migrations' },
  { room: 'reference', directory: 'shared/reference/migrations' },
  { room: 'leg-totals', directory: 'shared/reconciliation/migrations' },
];

export interface NodeOptions {
  readonly kind: NodeKind;
  readonly title: string;
  readonly config: NodeConfig;
  readonly identity: NodeIdentity;
  /** Of all rooms, the shared ones among them. */
  readonly migrations: readonly MigrationSet[];
  /** The peers, given the release in force; asked at every request. */
  readonly directory: (node: () => NodeParts) => PeerDirectory;
  readonly businessDate: (tx: Reader) => Promise<BusinessDate>;
  readonly ports?: Partial<NodePorts>;
}

export type NodeParts = Pick<Node, 'references' | 'store'>;
export type Node = Awaited<ReturnType<typeof openNode>>;

/** What a branch and head office are both made of; the rooms are wired to it, then it starts. */
export async function openNode(options: NodeOptions) {
  const { kind, config, identity } = options;
  const ports = { ...systemPorts, ...options.ports };
  const { clock, ids } = ports;
  const { code } = config;
  const logger = ports.createLogger({ clock, node: code, level: config.logLevel });
  const { store, setBack, continues, keepMark } = await ports.openStore({
    ...storePlaceOf(config),
    migrations: options.migrations,
    clock,
  });
  let material = identity;
  const directory = options.directory(() => ({ references, store }));
  const signer = createChangingSigner(() => material);
  const { headOfficeKey } = identity;
  const self = {
    node: code,
    keys: () => [publicKeyOf(material.signingKey), ...releasedKeys(code, references.current())],
  };
  const verifier = createVerifier({ directory, headOfficeKey, self });
  const historicVerifier = createVerifier({ directory, headOfficeKey, self, historic: true });
  const { releaseKeys: pinned } = config;
  const releaseApproval =
    pinned && createReleaseApproval({ pinned, headOfficeKey: () => material.headOfficeKey });
  const references = createReferenceService({ store, clock, verifier, approval: releaseApproval });
  await references.load();
  const alarms = createAlarms({
    clock,
    report: (alarm, detail) => logger.warn({ alarm, detail }, 'alarm'),
  });
  const client = ports.createPeerClient({ identity: () => material, directory, clock });
  const federation = createFederation({
    ...{ node: code, codeVersion, store, clock, ids },
    ...{ signer, verifier, client, directory, alarms },
    release: () => references.current()?.version ?? 0,
    businessDate: options.businessDate,
  });
  const audit = createAudit({ clock, ids });
  const permissionsOf = createRoles(kind, references.current);
  const access = createAccess({
    store,
    clock,
    ids,
    audit,
    node: kind,
    serverName: code,
    permissionsOf,
    hasDuty: createDuties(kind, references.current),
    cost: ports.passwordCost,
  });
  const backups = ports.createBackups({
    ...{ node: code, store, clock, kept: config.backupsKept },
    folder: join(config.dataDir, 'backups'),
  });
  const { readiness } = createHealth({
    ...{ kind, config, store, federation, references, alarms, backups, clock },
    certPem: () => material.certPem,
  });
  const api = createApi({
    title: options.title,
    version: codeVersion,
    store,
    access,
    audit,
    clock,
    ids,
    logger,
    serverName: code,
    readiness,
    proxies: config.front.proxies,
    metricsToken: config.front.metricsToken,
  });
  const refused = createPeerRefusals({ store, audit, clock, logger });
  const peerApp = createPeerApp({ federation, refused });
  const peerServer = ports.createPeerServer({
    identity: () => material,
    directory,
    fetch: (request, env) => peerApp.fetch(request, env),
    onRefused: ({ reason, claimed, address }) =>
      refused({
        caller: claimed ?? 'unknown',
        path: 'tls',
        code: 'peer-refused',
        detail: `${reason} from ${address}`,
      }),
    onUnread: refused,
    clock,
  });
  const frontServer = ports.createFrontServer({
    fetch: api.fetch,
    ...(config.front.tls ? { tls: config.front.tls } : {}),
    allowPlain: config.front.allowPlain,
    clock,
  });
  const repeats = createRepeats(clock, logger);
  references.onChange(() => {
    peerServer.recheck();
    federation.peersChanged();
  });
  const administration = administrationRoutes(api, {
    ...{ code, store, audit, clock, federation, alarms, backups, readiness },
    certPem: () => material.certPem,
  });
  registerHealthMetrics(api.registry, { readiness, backups });

  return {
    code,
    config,
    clock,
    ids,
    logger,
    store,
    audit,
    access,
    alarms,
    backups,
    api,
    /** As the pages ask them. */
    administration,
    client,
    directory,
    federation,
    peerApp,
    references,
    /** Where releases need more than head office's signature. */
    releaseApproval,
    /** The roles of this kind of node, and what each may do. */
    roles: () => rolesOf(kind, references.current()?.rows('roles') ?? []),
    signer,
    verifier,
    /** As `verifier`, also for what former members signed. */
    historicVerifier,
    /** Runs `work` now and then again `pauseMs` after each end, until the node stops. */
    repeat: repeats.add,
    /** Certificates were renewed: new connections use them, open ones live on. */
    renewed(renewedIdentity: NodeIdentity): void {
      material = renewedIdentity;
      peerServer.reload();
      client.reload();
    },
    /** Peers may have changed without a release: HQ's own list of members. */
    peersChanged(): void {
      peerServer.recheck();
      federation.peersChanged();
    },
    /** Before a command writes to a node that does not run: its write takes from the sentinel what it says. */
    async keepSetBack(): Promise<void> {
      if (setBack) await store.write(federation.markSetBack);
    },
    async start(): Promise<void> {
      await backups.load();
      await federation.begin({ setBack, continues });
      federation.onCertain(keepMark);
      await peerServer.listen(config.peer);
      await federation.start();
      repeats.add('reference', referenceTickMs, references.tick);
      repeats.add('purge', purgePauseMs, async () => {
        await store.write(async (tx) => {
          // A clock that has run ahead takes the keys of a minute ago for old ones, and a repeat would be a new payment. One
          // that nobody tells the time may have.
          const behindMs = await federation.log.clockSetBackMs(tx);
          const { liveness } = federation;
          const isTold = liveness.statuses().some(({ reachable }) => reachable);
          const isTrusted = isTold && liveness.clockDoubt(behindMs) === undefined;
          if (isTrusted) await api.purgeIdempotencyKeys(tx);
        });
      });
      await frontServer.listen(config.front);
      logger.info({ front: config.front.url, peer: config.peer.url }, 'node started');
    },
    /** Finishes what was answered, then closes the store. */
    async stop(): Promise<void> {
      repeats.stop();
      await Promise.all([frontServer.close(), peerServer.close()]);
      const lanesStopped = federation.stop();
      // A peer that is slow to answer gets the same batch again after the next start.
      await Promise.race([lanesStopped, pause(clock, lanesMaxMs)]);
      await client.close();
      await lanesStopped;
      await store.close();
    },
  };
}

/** Head office stands in no directory of its own: its keys of before are in the release. */
function releasedKeys(code: NodeCode, reference: Reference | undefined): PublicSigningKey[] {
  const rows = reference?.rows('node-keys') ?? [];
  return rows.flatMap(({ node, use, key }) =>
    node === code && use === 'signing' ? [signingKeyOf(key)] : [],
  );
}

function createRepeats(clock: Clock, logger: Logger) {
  let stopped = false;
  const cancels = new Map<string, () => void>();
  const add = (name: string, pauseMs: number, work: () => Promise<void>): void => {
    const turn = async () => {
      try {
        await work();
      } catch (error) {
        // What a peer's absence or a bad release explains is no error of this node's.
        if (isDomainError(error)) logger.warn({ work: name, code: error.code }, error.message);
        else logger.error({ err: error, work: name }, 'repeated work failed');
      }
      if (!stopped)
        cancels.set(
          name,
          clock.after(pauseMs, () => void turn()),
        );
    };
    void turn();
  };
  return {
    add,
    stop(): void {
      stopped = true;
      for (const cancel of cancels.values()) cancel();
    },
  };
}
