import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import type { JWK } from 'jose';
import { createLostReleases } from '../../../central-node/reference/lost-releases.ts';
import { publicKeyOf } from '../../../shared/federation/identity.ts';
import type { PeerClient } from '../../../shared/federation/peers.ts';
import { headOffice, type NodeCode } from '../../../shared/ids/ids.ts';
import { datasetContent } from '../../../shared/reference/dataset-content.ts';
import { type Datasets, datasetNames } from '../../../shared/reference/datasets.ts';
import {
  createReferenceService,
  type ReferenceService,
} from '../../../shared/reference/reference-service.ts';
import {
  type ReleaseManifest,
  signLatest,
  signManifest,
} from '../../../shared/reference/release.ts';
import {
  approvableRelease,
  createReleaseApproval,
} from '../../../shared/reference/release-approval.ts';
import { createReleaseFetcher, followLatest } from '../../../shared/reference/release-fetcher.ts';
import { approvalType, approve } from '../../../shared/reference/release-keys.ts';
import { instantOf } from '../../../shared/time/clock.ts';
import { sha256 } from '../../../shared/wire/canonical.ts';
import { refusalBy } from '../../support/federation-keys.ts';
import {
  headOfficeKeys,
  manualClock,
  referenceStore,
  smallDatasets,
  startMs,
} from './reference-fixtures.ts';

const dayMs = 86_400_000;
const { signer, verifier } = headOfficeKeys();
const newKey = (): JWK => generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
const people = [newKey(), newKey()];
const approval = createReleaseApproval({
  pinned: { version: 1, threshold: 2, keys: people.map(publicKeyOf) },
  headOfficeKey: newKey,
});

const dearer = (amount: string) => ({
  tariffs: [
    {
      ...{ action: 'sim-card', amount, currency: 'RUB', payer: 'home-branch' },
      validFrom: '2026-01-01',
    },
  ],
});
const cutOff = {
  branches: smallDatasets().branches.map((row) =>
    row.code === 'SPB' ? { ...row, active: false } : row,
  ),
};

interface Release {
  readonly data: Datasets;
  readonly fromMs?: number;
  readonly isSigned?: boolean;
}

describe('a branch that was away while releases were made', () => {
  const clock = manualClock();
  const undo: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0)) await step();
  });

  async function node(options: { keys: boolean }): Promise<ReferenceService> {
    const files = await referenceStore();
    undo.push(files.remove);
    const made = { ...{ store: files.store, clock, verifier } };
    const references = createReferenceService(options.keys ? { ...made, approval } : made);
    await references.load();
    return references;
  }

  /** The far end of the wire, with these releases; the first one is held by all. */
  async function peerWith(releases: readonly Release[]) {
    const bodies = new Map<string, string>();
    const asked: string[] = [];
    let last = '';
    for (const [index, { data, fromMs = startMs, isSigned = false }] of releases.entries()) {
      const version = index + 1;
      const listed: ReleaseManifest['datasets'] = {};
      for (const name of datasetNames) {
        const { text, rows, sha256: hash } = datasetContent(name, data[name]);
        bodies.set(`/peer/v1/datasets/${hash}`, text);
        listed[name] = { sha256: hash, rows };
      }
      const manifest: ReleaseManifest = {
        ...{ version, previous: index === 0 ? null : index, datasets: listed },
        ...{ createdAt: instantOf(startMs), effectiveFrom: instantOf(fromMs) },
      };
      const subject = approvableRelease(manifest);
      const approvals = await Promise.all(people.map((key) => approve(key, approvalType, subject)));
      last = await signManifest(signer, { ...manifest, ...(isSigned ? { approvals } : {}) });
      bodies.set(`/peer/v1/releases/${version}`, last);
    }
    const issuedAt = instantOf(startMs);
    const expiresAt = instantOf(startMs + dayMs);
    const named = { version: releases.length, manifestSha256: sha256(last) };
    const latest = await signLatest(signer, { ...named, issuedAt, expiresAt });
    bodies.set('/peer/v1/releases/latest', latest);
    const peerClient: PeerClient = {
      async request(_, { path }) {
        asked.push(path);
        const body = bodies.get(path);
        return { status: body === undefined ? 404 : 200, headers: {}, body: body ?? '' };
      },
    };
    return { peerClient, asked, fetcher: createReleaseFetcher({ peerClient, from: headOffice }) };
  }

  async function holdingFirst(peer: Awaited<ReturnType<typeof peerWith>>, keys: boolean) {
    const references = await node({ keys });
    const manifestJws = await peer.fetcher.manifest(1);
    await references.apply({ manifestJws, fetchDataset: peer.fetcher.dataset });
    return references;
  }

  /** Head office, which lists release 1, and a branch whose hello tells which one is in force there. */
  function lostOf(
    references: ReferenceService,
    { client, release }: { client: PeerClient; release: number },
  ) {
    const listed = [1];
    const status = { peer: 'MSK' as NodeCode, reachable: true, release };
    const lost = createLostReleases({
      ...{ references, client, clock },
      drafts: {
        publications: async () => listed.map((version) => ({ version })).reverse(),
        replaceDataset: async () => {},
        recordRecovered: async ({ version }: { version: number }) => void listed.push(version),
      } as never,
      federation: {
        isRecovering: () => false,
        liveness: { statuses: () => [{ ...status, heardAt: instantOf(startMs) }] },
        recovery: { hasTold: () => true },
      },
      isHeard: () => true,
      restoreDirectory: async () => {},
    });
    return { lost, listed };
  }

  const price = (references: ReferenceService) =>
    references.current()?.tariff('sim-card', '2026-03-01')?.price.amount;
  const isMember = (references: ReferenceService) =>
    references.current()?.branch('SPB' as NodeCode)?.active;

  it('has the one in force also when a later one is still to come', async () => {
    const peer = await peerWith([
      { data: smallDatasets() },
      { data: smallDatasets(dearer('50.00')) },
      { data: smallDatasets({ ...dearer('50.00'), ...cutOff }) },
      { data: smallDatasets({ ...dearer('60.00'), ...cutOff }), fromMs: startMs + dayMs },
    ]);
    const references = await holdingFirst(peer, false);
    const { fetcher } = peer;
    const followed = await followLatest({ fetcher, references, clock });
    expect(followed).to.deep.equal({ version: 4, applied: true });
    expect(references.current()?.version).to.equal(3);
    expect([price(references), isMember(references)]).to.deep.equal([5_000n, false]);
    expect(peer.asked, 'what counts no more').not.to.include('/peer/v1/releases/2');
  });

  const cutOffBesideOneToCome: readonly Release[] = [
    { data: smallDatasets(), isSigned: true },
    { data: smallDatasets(dearer('50.00')), isSigned: true, fromMs: startMs + dayMs },
    { data: smallDatasets(cutOff) },
    { data: smallDatasets({ ...dearer('50.00'), ...cutOff }), fromMs: startMs + dayMs },
  ];

  it('is not stuck where people sign, and one that is to come was made again without them', async () => {
    const peer = await peerWith(cutOffBesideOneToCome);
    const references = await holdingFirst(peer, true);
    await followLatest({ fetcher: peer.fetcher, references, clock });
    expect((await references.highest())?.manifest.version).to.equal(4);
    expect([price(references), isMember(references)]).to.deep.equal([4_500n, false]);
  });

  it('nor is head office, which lost them with a backup', async () => {
    const peer = await peerWith(cutOffBesideOneToCome);
    const references = await holdingFirst(peer, true);
    const lost = createLostReleases({
      ...{ references, client: peer.peerClient, clock },
      drafts: {} as never,
      federation: {} as never,
      isHeard: () => true,
      restoreDirectory: async () => {},
    });
    await lost.fetch({ from: 'MSK' as NodeCode, version: 4 });
    expect((await references.highest())?.manifest.version).to.equal(4);
    expect(isMember(references)).to.equal(false);
  });

  it('gives head office back what is still to come as well, before that publishes', async () => {
    const peer = await peerWith([
      { data: smallDatasets() },
      { data: smallDatasets(dearer('50.00')) },
      { data: smallDatasets(dearer('60.00')), fromMs: startMs + dayMs },
    ]);
    const references = await holdingFirst(peer, false);
    const { lost, listed } = lostOf(references, { client: peer.peerClient, release: 2 });
    expect((await refusalBy(lost.assertNoneLost())).code).to.equal('recovering');
    await lost.restore();
    expect((await references.highest())?.manifest.version).to.equal(3);
    expect([references.current()?.version, ...listed]).to.deep.equal([2, 1, 2, 3]);
    await lost.assertNoneLost();
    await lost.assertNoneLost();
    const questions = peer.asked.filter((path) => path === '/peer/v1/releases/4');
    expect(questions, 'asked once').to.have.length(1);
  });

  it('gives it back also where the branch lacks one between, and head office was asked to publish first', async () => {
    const peer = await peerWith([
      { data: smallDatasets() },
      { data: smallDatasets(dearer('50.00')) },
      { data: smallDatasets(dearer('60.00')) },
      { data: smallDatasets(dearer('70.00')), fromMs: startMs + dayMs },
    ]);
    const references = await holdingFirst(peer, false);
    const client: PeerClient = {
      request: async (node, asked) =>
        asked.path === '/peer/v1/releases/2'
          ? { status: 404, headers: {}, body: '' }
          : peer.peerClient.request(node, asked),
    };
    const { lost, listed } = lostOf(references, { client, release: 3 });
    expect((await refusalBy(lost.assertNoneLost())).code).to.equal('recovering');
    await lost.restore();
    expect((await references.highest())?.manifest.version).to.equal(4);
    expect([references.current()?.version, ...listed]).to.deep.equal([3, 1, 3, 4]);
  });

  it('holds head office up no longer than a question where a branch answers with what it has', async () => {
    const peer = await peerWith([{ data: smallDatasets() }]);
    const references = await holdingFirst(peer, false);
    let questions = 0;
    const client: PeerClient = {
      async request(node, asked) {
        questions += 1;
        if (questions > 20) throw new Error('It is asked for ever.');
        const path = asked.path.replace(/releases.*$/, 'releases/1');
        return peer.peerClient.request(node, { ...asked, path });
      },
    };
    const { lost } = lostOf(references, { client, release: 1 });
    expect((await refusalBy(lost.assertNoneLost())).code).to.equal('recovering');
  });
});
