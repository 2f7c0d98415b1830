import { publicKeyOf } from '../shared/federation/identity.ts';
import type { NodeCode } from '../shared/ids/ids.ts';
import { ledgerRoutes } from '../shared/ledger/ledger-routes.ts';
import { backupRoutes } from '../shared/node/backup-routes.ts';
import { openNode } from '../shared/node/node.ts';
import { type NodePorts, systemPorts } from '../shared/node/node-ports.ts';
import { recoveryRoutes } from '../shared/node/recovery-routes.ts';
import { DomainError } from '../shared/problem/problem.ts';
import type { Reference } from '../shared/reference/reference.ts';
import { referencePeerRoutes } from '../shared/reference/reference-peer-routes.ts';
import type { ReleaseManifest } from '../shared/reference/release.ts';
import { createReleaseComparison } from '../shared/reference/release-comparison.ts';
import type { Transaction } from '../shared/store/store.ts';
import { calendarDay, now } from '../shared/time/clock.ts';
import { createAuditExport } from './audit/audit-export.ts';
import { auditRoutes } from './audit/audit-routes.ts';
import { registerCollection } from './collection/collection-service.ts';
import type { CentreConfig } from './config.ts';
import { openAuthority } from './directory/authority.ts';
import type { EnrolledBranch } from './directory/enrolment.ts';
import { createEnrolmentRoutes } from './directory/enrolment-routes.ts';
import { createEnrolment } from './directory/enrolment-service.ts';
import { allBranches } from './directory/enrolment-store.ts';
import { openHeadOfficeIdentity } from './directory/head-office-identity.ts';
import { createMembers } from './directory/members.ts';
import { allKeys } from './directory/node-key-store.ts';
import { nodeRoutes } from './directory/node-routes.ts';
import { caseRoutes } from './reconciliation/case-routes.ts';
import { createCases } from './reconciliation/case-service.ts';
import { reconciliationRoutes } from './reconciliation/reconciliation-routes.ts';
import { createReconciliation } from './reconciliation/reconciliation-service.ts';
import { createDirectoryReleases } from './reference/directory-release.ts';
import { createLatestStatements } from './reference/latest-statement.ts';
import { createLostReleases } from './reference/lost-releases.ts';
import { createMovedNumbers } from './reference/moved-number-service.ts';
import { createPreparedReleases } from './reference/prepared-releases.ts';
import { createReferenceDraftService } from './reference/reference-draft-service.ts';
import { referenceRoutes } from './reference/reference-routes.ts';
import { createLostSettlements } from './settlement/lost-settlements.ts';
import { createObligations } from './settlement/obligation-service.ts';
import { settlementObligations } from './settlement/obligation-store.ts';
import { settlementPeerRoutes } from './settlement/settlement-peer-routes.ts';
import { settlementRoutes } from './settlement/settlement-routes.ts';
import { createSettlements } from './settlement/settlement-service.ts';

const renewalPauseMs = 60 * 60_000;
const sweepPauseMs = 2_000;
const lostReleasesPauseMs = 3_000;
const lostSettlementsPauseMs = 3_000;
const directoryPauseMs = 1_000;

const migrations = ['directory', 'reference', 'reconciliation', 'settlement'].map((room) => ({
  room: `centre-${room}`,
  directory: `central-node/${room}/migrations`,
}));

/** Besides what every node has, head office has the federation's authority. */
export interface CentrePorts extends NodePorts {
  readonly openAuthority: typeof openAuthority;
  readonly openHeadOfficeIdentity: typeof openHeadOfficeIdentity;
}

const systemCentrePorts: CentrePorts = { ...systemPorts, openAuthority, openHeadOfficeIdentity };

export type Centre = Awaited<ReturnType<typeof openCentre>>;

/** Head office, wired and not yet started: the one place where its rooms meet. */
export async function openCentre(config: CentreConfig, given: Partial<CentrePorts> = {}) {
  const ports = { ...systemCentrePorts, ...given };
  const { clock, ids } = ports;
  const authority = await ports.openAuthority({ dir: config.authorityDir, clock, ids });
  const urls = [config.peer.url, config.front.url];
  const renew = () =>
    ports.openHeadOfficeIdentity({ dir: config.identityDir, authority, urls, clock, ids });
  let identity = await renew();
  const members = createMembers();
  const businessDate = async () => calendarDay(clock.nowMs(), config.timeZone);
  const node = await openNode({
    kind: 'centre',
    title: 'SBMS head office',
    config,
    identity,
    migrations,
    directory: () => members,
    businessDate,
    ports,
  });
  const { store, audit, api, federation, references, signer } = node;
  const drafts = createReferenceDraftService({ store, clock, signer, references });

  /** A branch that joined or left changes the draft of the directory, and who may call head office, at once. */
  async function onChanged(
    tx: Transaction,
    branch: EnrolledBranch,
    { atOnce }: { atOnce: boolean },
  ): Promise<void> {
    const { revokedSerials } = branch;
    await drafts.setBranchIdentity(tx, { ...branch, revokedSerials: [...revokedSerials] });
    await drafts.setDirectory(tx, 'node-keys', await allKeys(tx));
    if (atOnce) await directoryReleases.ask(tx, branch.code);
    const branches = await allBranches(tx, now(clock));
    tx.afterCommit(() => {
      members.set(branches);
      node.peersChanged();
    });
  }

  const headOfficeKey = publicKeyOf(identity.signingKey);
  const enrolment = createEnrolment({ store, authority, headOfficeKey, clock, ids, onChanged });
  members.set(await enrolment.branches());
  const lostReleases = createLostReleases({
    ...{ references, drafts, federation },
    client: node.client,
  });
  async function tellReleased(tx: Transaction, { version, createdAt }: ReleaseManifest) {
    await federation.log.append(tx, {
      kind: 'reference.released',
      to: federation.peers(),
      occurredAt: createdAt,
      businessDate: await businessDate(),
      body: { version },
    });
  }
  const prepared = createPreparedReleases({
    ...{ store, signer, references, drafts },
    approval: node.releaseApproval,
  });
  const directoryReleases = createDirectoryReleases({
    takesAwayOnly: node.releaseApproval !== undefined,
    onWaiting: () =>
      node.alarms.raise('release-needs-approval', 'members or keys wait for a signed release'),
    ...{ store, clock, signer, references },
    assertMayPublish: lostReleases.assertNoneLost,
    async onPublished(tx, manifest, actor) {
      await tellReleased(tx, manifest);
      await audit.record(tx, {
        actor: { id: actor, name: actor, node: node.code },
        action: 'directory.publish',
        subject: `release ${manifest.version}`,
        outcome: 'done',
      });
    },
  });
  const latest = createLatestStatements({ clock, signer, references });

  const today = () => calendarDay(clock.nowMs(), config.timeZone);
  const reference = (): Reference => {
    const current = references.current();
    if (!current) throw new DomainError('no-release');
    return current;
  };
  const common = { clock, ids, federation, businessDate: today };
  const obligations = createObligations({ ...common, alarms: node.alarms, reference });
  const cases = createCases({ ...common, obligations });
  const reconciliation = createReconciliation({
    ...{ clock, federation, cases, obligations },
    graceMs: config.caseGraceMs,
  });
  const settlements = createSettlements({ ...common, obligations });
  const lostSettlements = createLostSettlements({
    ...{ store, federation, obligations, settlements },
    client: node.client,
  });
  const movedNumbers = createMovedNumbers({ reference: references.current });
  registerCollection({
    ...{ federation, reconciliation, settlements, movedNumbers },
    compareRelease: createReleaseComparison({ alarms: node.alarms }),
  });

  nodeRoutes(api, {
    store,
    audit,
    federation,
    enrolment,
    publishDue: directoryReleases.publishDue,
    release: () => references.current()?.version ?? 0,
  });
  referenceRoutes(api, {
    assertMayPublish: lostReleases.assertNoneLost,
    ...{ audit, references, drafts, prepared, tellReleased },
    publish: node.releaseApproval ? prepared.publish : drafts.publish,
  });
  reconciliationRoutes(api, { store, branches: () => activeBranches(reference()) });
  caseRoutes(api, { store, audit, cases });
  settlementRoutes(api, {
    ...{ store, audit, settlements, obligations },
    branchName: (code) => references.current()?.branch(code)?.name ?? code,
  });
  settlementPeerRoutes(node.peerApp, { store, settlements });
  ledgerRoutes(api, { store });
  recoveryRoutes(api, { node: node.code, store, audit, federation });
  backupRoutes(api, node);
  const bundles = createAuditExport({
    ...{ store, clock, signer, references, headOfficeKey, authorityPem: identity.caPem },
    obligations: settlementObligations,
    async certificates() {
      const branches = await enrolment.branches();
      return (await Promise.all(branches.map(({ code }) => enrolment.certificates(code)))).flat();
    },
  });
  auditRoutes(api, { store, audit, clock, dataDir: config.dataDir, bundles });
  node.peerApp.route('/', referencePeerRoutes({ references, latest: latest.statement }));
  node.peerApp.route('/', createEnrolmentRoutes({ enrolment }));

  return {
    ...node,
    drafts,
    enrolment,
    bundles,
    async start(): Promise<void> {
      await node.start();
      node.repeat('directory-release', directoryPauseMs, directoryReleases.publishDue);
      node.repeat('lost-releases', lostReleasesPauseMs, lostReleases.restore);
      node.repeat('lost-settlements', lostSettlementsPauseMs, lostSettlements.bringBack);
      node.repeat('sweep', sweepPauseMs, async () => {
        if (references.current()) await store.write(reconciliation.sweep);
      });
      node.repeat('renewal', renewalPauseMs, async () => {
        const renewed = await renew();
        if (renewed.certPem === identity.certPem) return;
        identity = renewed;
        node.renewed(renewed);
      });
    },
  };
}

function activeBranches(reference: Reference): NodeCode[] {
  return reference.branches().flatMap(({ code, active }) => (active ? [code] : []));
}
