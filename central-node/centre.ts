import type { Authorities } from '../shared/federation/certificates.ts';
import { type NodeIdentity, publicKeyOf } from '../shared/federation/identity.ts';
import { isKeyed } from '../shared/federation/peers.ts';
import type { NodeCode } from '../shared/ids/ids.ts';
import { type Node, openNode, sharedMigrations } from '../shared/node/node.ts';
import { type NodePorts, systemPorts } from '../shared/node/node-ports.ts';
import { DomainError } from '../shared/problem/problem.ts';
import type { Reference } from '../shared/reference/reference.ts';
import { referencePeerRoutes } from '../shared/reference/reference-peer-routes.ts';
import type { ReleaseManifest } from '../shared/reference/release.ts';
import { createReleaseCatchUp } from '../shared/reference/release-catch-up.ts';
import { createReleaseComparison } from '../shared/reference/release-comparison.ts';
import type { Transaction } from '../shared/store/store.ts';
import { stateSentences } from '../shared/text/state-sentences.ts';
import { calendarDay, now } from '../shared/time/clock.ts';
import { createAuditExport } from './audit/audit-export.ts';
import { auditRoutes } from './audit/audit-routes.ts';
import { registerCollection } from './collection/collection-service.ts';
import type { CentreConfig } from './config.ts';
import { openConsole } from './console.ts';
import { type AuthorityFiles, openAuthority } from './directory/authority.ts';
import { authorityRoutes } from './directory/authority-routes.ts';
import { createAuthorityService } from './directory/authority-service.ts';
import { createBranchKeys } from './directory/branch-keys.ts';
import { createEnrolmentRoutes } from './directory/enrolment-routes.ts';
import { createEnrolment, type EnrolmentDeps } from './directory/enrolment-service.ts';
import { allBranches, dropTokens } from './directory/enrolment-store.ts';
import { openHeadOfficeIdentity } from './directory/head-office-identity.ts';
import { createHeadOfficeKeys } from './directory/head-office-keys.ts';
import { createLostDirectory } from './directory/lost-directory.ts';
import { createMembers, type Members } from './directory/members.ts';
import { allKeys } from './directory/node-key-store.ts';
import { nodeRoutes } from './directory/node-routes.ts';
import { caseRoutes } from './reconciliation/case-routes.ts';
import { createCases } from './reconciliation/case-service.ts';
import { createDaySearch } from './reconciliation/day-search.ts';
import { figuresRoutes } from './reconciliation/figures-routes.ts';
import { reconciliationRoutes } from './reconciliation/reconciliation-routes.ts';
import { createReconciliation } from './reconciliation/reconciliation-service.ts';
import { createDirectoryReleases, type DirectoryReleases } from './reference/directory-release.ts';
import { createLatestStatements } from './reference/latest-statement.ts';
import { createLostReleases } from './reference/lost-releases.ts';
import { createMovedNumbers } from './reference/moved-number-service.ts';
import { createPreparedReleases } from './reference/prepared-releases.ts';
import {
  createReferenceDraftService,
  type ReferenceDraftService,
} from './reference/reference-draft-service.ts';
import { referenceRoutes } from './reference/reference-routes.ts';
import { createReleasedTerms } from './reference/released-terms.ts';
import { createLostDecisions } from './settlement/lost-decisions.ts';
import { lostSettlementRoutes } from './settlement/lost-settlement-routes.ts';
import { createLostSettlements } from './settlement/lost-settlements.ts';
import { createObligations } from './settlement/obligation-service.ts';
import { settlementObligations } from './settlement/obligation-store.ts';
import { settlementPeerRoutes } from './settlement/settlement-peer-routes.ts';
import { settlementRoutes } from './settlement/settlement-routes.ts';
import { createSettlements } from './settlement/settlement-service.ts';

const renewalPauseMs = 60_000;
const keysPauseMs = 1_000;
const sweepPauseMs = 2_000;
const daySearchPauseMs = 2_000;
const lostReleasesPauseMs = 3_000;
const lostSettlementsPauseMs = 3_000;
const directoryPauseMs = 1_000;

const rooms = ['directory', 'reference', 'reconciliation', 'settlement'];

export const migrations = [
  ...sharedMigrations,
  ...rooms.map((room) => ({
    room: `centre-${room}`,
    directory: `central-node/${room}/migrations`,
  })),
];

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
  const files = { dir: config.authorityDir, clock, ids };
  let authorities = await ports.openAuthority(files);
  const urls = [config.peer.url, config.front.url];
  const openIdentity = (dir: string) =>
    ports.openHeadOfficeIdentity({ dir, authority: authorities, urls, clock, ids });
  let identity = await openIdentity(config.identityDir);
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

  const lostReleases = createLostReleases({
    ...{ references, drafts, federation, clock },
    client: node.client,
    isHeard: (branch) => {
      const member = members.peer(branch);
      return member !== undefined && isKeyed(member);
    },
    restoreDirectory: (released) =>
      store.write((tx) => directory.lostDirectory.restore(tx, released)),
  });
  federation.onBatch(
    createReleaseCatchUp({
      clock,
      held: () => references.current()?.version ?? 0,
      follow: lostReleases.fetch,
    }),
  );
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
  const directory = wireDirectory(node, {
    ...{ members, drafts, files, held: authorities, tellReleased },
    identityDir: config.identityDir,
    assertMayPublish: lostReleases.assertNoneLost,
    identity: () => identity,
    openIdentity,
    changed(next) {
      identity = next;
      node.renewed(next);
    },
    followed(next) {
      authorities = next;
    },
  });
  const { enrolment } = directory;
  members.set(await enrolment.branches());
  const latest = createLatestStatements({ clock, signer, references });

  const today = () => calendarDay(clock.nowMs(), config.timeZone);
  const reference = (): Reference => {
    const current = references.current();
    if (!current) throw new DomainError('no-release');
    return current;
  };
  const common = { clock, ids, federation, businessDate: today };
  const obligations = createObligations({
    ...{ ...common, alarms: node.alarms, reference },
    assertCertain: federation.assertCertain,
  });
  const cases = createCases({ ...common, obligations });
  const reconciliation = createReconciliation({
    ...{ clock, federation, cases, obligations },
    graceMs: config.caseGraceMs,
  });
  const daySearch = createDaySearch({ store, clock, federation, client: node.client });
  const settlements = createSettlements({ ...common, store, obligations });
  const isMember = (code: NodeCode) => members.peer(code)?.active === true;
  const isReachable = (code: NodeCode) =>
    federation.liveness.statuses().some(({ peer, reachable }) => peer === code && reachable);
  const lostSettlements = createLostSettlements({
    ...{ store, federation, obligations, settlements, isMember, isReachable },
    client: node.client,
    settleAdjusted: reconciliation.settleAdjusted,
    wasAdjusted: reconciliation.wasAdjusted,
    agreed: reconciliation.agreed,
    executed: reconciliation.executed,
    termsBetween: createReleasedTerms({
      ...{ references, clock, verifier: node.verifier, client: node.client },
      reachable: () =>
        members
          .peers()
          .map(({ code }) => code)
          .filter(isReachable),
    }),
  });
  const lostDecisions = createLostDecisions({
    ...{ clock, ids, lostSettlements, isMember, isReachable },
    isRecovering: federation.isRecovering,
  });
  const movedNumbers = createMovedNumbers({ reference: references.current });
  registerCollection({
    ...{ federation, reconciliation, settlements, movedNumbers },
    compareRelease: createReleaseComparison({ alarms: node.alarms }),
  });

  const nodes = nodeRoutes(api, {
    store,
    clock,
    audit,
    federation,
    enrolment,
    publishDue: directory.releases.publishDue,
    release: () => references.current()?.version ?? 0,
  });
  const referenceEndpoints = referenceRoutes(api, {
    assertMayPublish: lostReleases.assertNoneLost,
    ...{ audit, references, drafts, prepared, tellReleased },
    publish: (options) =>
      directory.releases.inTurn(() =>
        node.releaseApproval ? prepared.publish(options) : drafts.publish(options),
      ),
  });
  const dates = reconciliationRoutes(api, { store, branches: () => activeBranches(reference()) });
  const currencies = () => (references.current()?.rows('currencies') ?? []).map(({ code }) => code);
  const caseEndpoints = caseRoutes(api, { store, audit, cases, currencies });
  const settlementEndpoints = settlementRoutes(api, {
    ...{ store, audit, settlements, obligations },
    branchName: (code) => references.current()?.branch(code)?.name ?? code,
  });
  const lostEndpoints = lostSettlementRoutes(api, { store, audit, lostDecisions });
  settlementPeerRoutes(node.peerApp, { store, settlements });
  openConsole({
    ...{ node, today, nodes },
    timeZone: () => config.timeZone,
    reference: referenceEndpoints,
    reconciliation: dates,
    figures: figuresRoutes(api, { store }),
    cases: caseEndpoints,
    settlement: { ...settlementEndpoints, ...lostEndpoints },
  });
  const bundles = createAuditExport({
    ...{ store, clock, signer, references },
    headOfficeKey: () => publicKeyOf(identity.signingKey),
    authorityPem: () => identity.caPem,
    obligations: settlementObligations,
    async certificates() {
      const branches = await enrolment.branches();
      return (await Promise.all(branches.map(({ code }) => enrolment.certificates(code)))).flat();
    },
  });
  auditRoutes(api, { store, audit, clock, dataDir: config.dataDir, bundles });
  node.peerApp.route('/', referencePeerRoutes({ references, latest: latest.statement }));

  return {
    ...node,
    drafts,
    enrolment,
    bundles,
    async start(): Promise<void> {
      await node.start();
      await directory.start();
      node.repeat('lost-releases', lostReleasesPauseMs, lostReleases.restore);
      node.repeat('lost-settlements', lostSettlementsPauseMs, lostSettlements.bringBack);
      node.repeat('day-search', daySearchPauseMs, daySearch.searchDue);
      node.repeat('sweep', sweepPauseMs, async () => {
        if (references.current()) await store.write(reconciliation.sweep);
      });
    },
  };
}

interface DirectoryDeps {
  members: Members;
  drafts: ReferenceDraftService;
  files: AuthorityFiles;
  held: Authorities;
  identityDir: string;
  identity: () => NodeIdentity;
  openIdentity(dir: string): Promise<NodeIdentity>;
  /** The new identity is on disk: the node uses it from now on. */
  changed(identity: NodeIdentity): void;
  followed(authorities: Authorities): void;
  assertMayPublish(): Promise<void>;
  tellReleased(tx: Transaction, manifest: ReleaseManifest): Promise<void>;
}

/** Who the members are, by which keys and under which authority, and the releases that say so. */
function wireDirectory(node: Node, deps: DirectoryDeps) {
  const { api, audit, clock, federation, ids, references, signer, store, verifier } = node;
  const { drafts, identity, identityDir, tellReleased } = deps;
  const { liveness } = federation;
  const releases = createDirectoryReleases({
    ...{ store, clock, signer, references },
    takesAwayOnly: node.releaseApproval !== undefined,
    onWaiting: () =>
      node.alarms.raise('release-needs-approval', stateSentences.say('needsApproval', {})),
    assertMayPublish: deps.assertMayPublish,
    async onPublished(tx, manifest, actor) {
      await tellReleased(tx, manifest);
      const subject = `release ${manifest.version}`;
      await noting(node, tx, { code: actor, action: 'directory.publish', subject });
    },
  });
  const onKeys = async (tx: Transaction) => {
    if (await drafts.setDirectory(tx, 'node-keys', await allKeys(tx))) {
      await releases.ask(tx, node.code);
    }
  };
  const onMember = memberChange(node, { ...deps, releases });
  const lostDirectory = createLostDirectory({
    clock,
    onChanged: (tx, branch) => onMember(tx, branch, { atOnce: false }),
  });
  federation.onSetBack(dropTokens);
  const enrolment = createEnrolment({
    ...{ store, clock, ids },
    authorities: () => authority.held(),
    headOfficeKey: () => publicKeyOf(identity().signingKey),
    onChanged: onMember,
    note: (tx, event) => noting(node, tx, event),
  });
  const authority = createAuthorityService({
    ...{ store, liveness, files: deps.files, held: deps.held, enrolment: () => enrolment },
    release: () => references.current()?.version ?? 0,
    followed: deps.followed,
    renewIdentity: () => headOfficeKeys.renewCertificate(),
    async onChanged(tx, rows) {
      const isNews = await drafts.setDirectory(tx, 'authorities', rows);
      if (isNews) await releases.ask(tx, node.code);
    },
  });
  const headOfficeKeys = createHeadOfficeKeys({
    ...{ store, clock, signer, liveness, identity, dir: identityDir },
    reference: references.current,
    open: deps.openIdentity,
    adopted: deps.changed,
    onChanged: onKeys,
  });
  const branchKeys = createBranchKeys({ enrolment, verifier, clock });
  const { successors } = headOfficeKeys;
  node.peerApp.route('/', createEnrolmentRoutes({ enrolment, branchKeys, successors }));
  const { publishDue } = releases;
  authorityRoutes(api, { audit, authority, headOfficeKeys, identity, publishDue });
  return {
    ...{ enrolment, releases, lostDirectory },
    async start(): Promise<void> {
      // What a crash left untold.
      await store.write(authority.settle);
      await headOfficeKeys.settle();
      node.repeat('directory-release', directoryPauseMs, publishDue);
      node.repeat('keys', keysPauseMs, headOfficeKeys.advance);
      node.repeat('renewal', renewalPauseMs, headOfficeKeys.renewCertificate);
    },
  };
}

/** A branch that joined or left changes the draft of the directory, and who may call head office, at once. */
function memberChange(
  node: Node,
  { drafts, members, releases }: DirectoryDeps & { releases: DirectoryReleases },
): EnrolmentDeps['onChanged'] {
  return async (tx, branch, { atOnce }) => {
    const { revokedSerials } = branch;
    await drafts.setBranchIdentity(tx, { ...branch, revokedSerials: [...revokedSerials] });
    await drafts.setDirectory(tx, 'node-keys', await allKeys(tx));
    if (atOnce) await releases.ask(tx, branch.code);
    const branches = await allBranches(tx, now(node.clock));
    tx.afterCommit(() => {
      members.set(branches);
      node.peersChanged();
    });
  };
}

/** What a node brought about by itself. */
function noting(
  { audit }: Node,
  tx: Transaction,
  event: { code: string; action: string; subject?: string; detail?: object },
): Promise<void> {
  const { code, action, subject = code, detail } = event;
  const actor = { id: code, name: code, node: code };
  return audit.record(tx, { actor, action, subject, outcome: 'done', detail });
}

function activeBranches(reference: Reference): NodeCode[] {
  return reference.branches().flatMap(({ code, active }) => (active ? [code] : []));
}
