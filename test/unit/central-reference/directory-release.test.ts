import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import type { JWK } from 'jose';
import { createDirectoryReleases } from '../../../central-node/reference/directory-release.ts';
import {
  draftRevision,
  insertPublication,
  saveDirectoryBases,
  saveIdentity,
  setDirectoryDue,
} from '../../../central-node/reference/reference-draft-store.ts';
import { publicKeyOf } from '../../../shared/federation/identity.ts';
import type { Datasets } from '../../../shared/reference/datasets.ts';
import { createReferenceService } from '../../../shared/reference/reference-service.ts';
import { signManifest } from '../../../shared/reference/release.ts';
import {
  approvableRelease,
  createReleaseApproval,
} from '../../../shared/reference/release-approval.ts';
import { approvalType, approve } from '../../../shared/reference/release-keys.ts';
import { instantOf } from '../../../shared/time/clock.ts';
import { refusalBy } from '../../support/federation-keys.ts';
import {
  headOfficeKeys,
  manualClock,
  referenceStore,
  signedRelease,
  smallDatasets,
  startMs,
} from '../reference/reference-fixtures.ts';

const dayMs = 86_400_000;
const { signer, verifier } = headOfficeKeys();
const newKey = (): JWK => generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
const person = newKey();
const approval = createReleaseApproval({
  pinned: { version: 1, threshold: 1, keys: [publicKeyOf(person)] },
  headOfficeKey: newKey,
});
const priced = (amount: string) =>
  smallDatasets({
    tariffs: [
      {
        ...{ action: 'sim-card', amount, currency: 'RUB', payer: 'home-branch' },
        validFrom: '2026-01-01',
      },
    ],
  });

/** Head office, which has released branches MSK and SPB, and cuts SPB off. */
describe('a release that changes who the members are', () => {
  const undo: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0)) await step();
  });

  async function headOffice(options: { keys: boolean }) {
    const files = await referenceStore();
    undo.push(files.remove);
    const { store } = files;
    const clock = manualClock();
    const made = { store, clock, verifier };
    const references = createReferenceService(options.keys ? { ...made, approval } : made);
    await references.load();
    const waiting: string[] = [];
    const releases = createDirectoryReleases({
      ...{ store, clock, signer, references },
      assertMayPublish: async () => {},
      takesAwayOnly: options.keys,
      onWaiting: () => waiting.push('waits'),
      onPublished: async () => {},
    });
    return {
      ...{ clock, references, store, waiting },
      async publish(
        version: number,
        datasets: Datasets,
        effectiveMs = clock.nowMs(),
        { isSigned = options.keys } = {},
      ) {
        const { manifest: unsigned, contents } = await signedRelease(signer, version, datasets);
        const createdAt = instantOf(clock.nowMs());
        const manifest = { ...unsigned, createdAt, effectiveFrom: instantOf(effectiveMs) };
        const by = await approve(person, approvalType, approvableRelease(manifest));
        const signed = { ...manifest, ...(isSigned ? { approvals: [by] } : {}) };
        await references.apply({
          manifestJws: await signManifest(signer, signed),
          fetchDataset: async (sha) => contents.get(sha) ?? '',
          onApplied: (tx) =>
            insertPublication(tx, {
              ...{ version, actor: 'anna', publishedAt: createdAt },
              effectiveFrom: signed.effectiveFrom,
            }),
        });
      },
      /** People cut these off; the release that says so is still due, from these releases on. */
      async cutOff(codes: readonly string[], bases?: readonly number[]) {
        await store.write(async (tx) => {
          for (const row of smallDatasets().branches) {
            const { code, peerUrl, frontUrl, signingKey, tlsKeySha256, revokedSerials } = row;
            if (!peerUrl || !frontUrl || !signingKey || !tlsKeySha256) continue;
            const active = !codes.includes(code);
            const keys = { signingKey, tlsKeySha256, revokedSerials };
            await saveIdentity(tx, { ...{ code, peerUrl, frontUrl, active }, ...keys });
          }
          await setDirectoryDue(tx, { revision: await draftRevision(tx), actor: 'HQ' });
          await saveDirectoryBases(tx, bases);
        });
      },
      publishDue: releases.publishDue,
      inTurn: releases.inTurn,
      version: () => references.current()?.version,
      price: () => references.current()?.tariff('sim-card', '2026-03-01')?.price.amount,
      members: () =>
        references
          .current()
          ?.branches()
          .flatMap(({ code, active }) => (active ? [code] : [])),
    };
  }

  /** St Petersburg is cut off; a day later the dearer release comes, and has it no more. */
  async function cutOffBeforeItComes(hq: Awaited<ReturnType<typeof headOffice>>): Promise<void> {
    await hq.cutOff(['SPB']);
    await hq.publishDue();
    expect([hq.price(), hq.members()]).to.deep.equal([4_500n, ['MSK']]);
    hq.clock.advance(dayMs);
    await hq.references.tick();
    expect([hq.price(), hq.members()]).to.deep.equal([5_000n, ['MSK']]);
  }

  for (const keys of [false, true]) {
    it(`keeps one that is to come${keys ? ', where people sign it' : ''}`, async () => {
      const hq = await headOffice({ keys });
      await hq.publish(1, priced('45.00'));
      await hq.publish(2, priced('50.00'), startMs + dayMs);
      await cutOffBeforeItComes(hq);
      expect(hq.waiting).to.deep.equal([]);
    });
  }

  it('brings back nobody who was cut off, by one that was to come before that', async () => {
    const hq = await headOffice({ keys: true });
    await hq.publish(1, priced('45.00'));
    await hq.publish(2, priced('50.00'), startMs + dayMs);
    await hq.cutOff(['SPB'], [1]);
    await hq.publishDue();
    // As a head office in wrong hands would have it: MSK is cut off, and SPB is not.
    const wished = priced('50.00');
    const branches = wished.branches.map((row) => ({ ...row, active: row.code !== 'MSK' }));
    const unsigned = hq.publish(4, { ...wished, branches }, startMs + dayMs, { isSigned: false });
    expect((await refusalBy(unsigned)).code).to.equal('release-not-approved');
    await hq.cutOff(['MSK'], [2]);
    await hq.publishDue();
    hq.clock.advance(dayMs);
    await hq.references.tick();
    expect([hq.price(), hq.members()]).to.deep.equal([5_000n, []]);
  });

  describe('beside one to come that people replaced before its day', () => {
    async function replaced() {
      const hq = await headOffice({ keys: true });
      await hq.publish(1, priced('45.00'));
      await hq.publish(2, priced('50.00'), startMs + dayMs);
      await hq.publish(3, priced('60.00'), startMs + dayMs);
      return hq;
    }

    it('makes only what still comes again', async () => {
      const hq = await replaced();
      await hq.cutOff(['SPB']);
      await hq.publishDue();
      expect((await hq.references.highest())?.manifest.version).to.equal(5);
      hq.clock.advance(dayMs);
      await hq.references.tick();
      expect([hq.price(), hq.members()]).to.deep.equal([6_000n, ['MSK']]);
      expect(hq.waiting).to.deep.equal([]);
    });

    it('brings back nothing of what they replaced', async () => {
      const hq = await replaced();
      // As a head office in wrong hands would have it.
      await hq.cutOff(['SPB'], [2]);
      await hq.publishDue();
      hq.clock.advance(dayMs);
      await hq.references.tick();
      expect([hq.version(), hq.price()]).to.deep.equal([3, 6_000n]);
      expect(hq.waiting, 'people are told, and it is not tried for ever').to.deep.equal(['waits']);
      await hq.publishDue();
    });
  });

  it('keeps one to come also where that revokes no more what has expired since', async () => {
    const hq = await headOffice({ keys: true });
    const before = priced('45.00');
    const branches = before.branches.map((row) => ({ ...row, revokedSerials: ['0a'] }));
    await hq.publish(1, { ...before, branches });
    await hq.publish(2, priced('50.00'), startMs + dayMs);
    await hq.cutOff(['SPB']);
    await hq.publishDue();
    hq.clock.advance(dayMs);
    await hq.references.tick();
    expect([hq.price(), hq.members()]).to.deep.equal([5_000n, ['MSK']]);
  });

  it('is made also where one that head office could not get back is missing', async () => {
    const hq = await headOffice({ keys: false });
    await hq.publish(1, priced('45.00'));
    await hq.publish(3, priced('50.00'), startMs + dayMs);
    await cutOffBeforeItComes(hq);
  });

  it('takes nothing back of what people published while it was still due', async () => {
    const hq = await headOffice({ keys: false });
    await hq.publish(1, priced('45.00'));
    await hq.cutOff(['SPB'], [1]);
    await hq.publish(2, priced('50.00'));
    await hq.publishDue();
    expect([hq.price(), hq.members()]).to.deep.equal([5_000n, ['MSK']]);
  });

  it('is not made in the middle of another one', async () => {
    const hq = await headOffice({ keys: false });
    await hq.publish(1, priced('45.00'));
    await hq.cutOff(['SPB']);
    const others = hq.inTurn(async () => {
      const held = (await hq.references.highest())?.manifest.version ?? 0;
      await hq.publish(held + 1, priced('50.00'));
    });
    await Promise.all([hq.publishDue(), others]);
    expect([hq.price(), hq.members()]).to.deep.equal([5_000n, ['MSK']]);
  });

  it('takes nothing back of what is to come, in the order in which that comes', async () => {
    const hq = await headOffice({ keys: false });
    await hq.publish(1, priced('45.00'));
    await hq.publish(2, priced('50.00'), startMs + dayMs);
    await hq.cutOff(['SPB'], [1, 2]);
    await hq.publish(3, priced('60.00'), startMs + 2 * dayMs);
    await hq.publishDue();
    for (const price of [4_500n, 5_000n, 6_000n]) {
      expect([hq.price(), hq.members()]).to.deep.equal([price, ['MSK']]);
      hq.clock.advance(dayMs);
      await hq.references.tick();
    }
  });
});
