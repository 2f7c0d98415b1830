import { expect } from 'chai';
import { createDirectoryReleases } from '../../../central-node/reference/directory-release.ts';
import {
  draftRevision,
  setDirectoryDue,
} from '../../../central-node/reference/reference-draft-store.ts';
import { createReferenceService } from '../../../shared/reference/reference-service.ts';
import { insertContent, insertRelease } from '../../../shared/reference/reference-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import { instantOf } from '../../../shared/time/clock.ts';
import { sha256 } from '../../../shared/wire/canonical.ts';
import {
  headOfficeKeys,
  manualClock,
  referenceStore,
  signedRelease,
  smallDatasets,
  startMs,
} from '../reference/reference-fixtures.ts';

const { signer, verifier } = headOfficeKeys();
const always = { validFrom: '2026-01-01' };
const fees = smallDatasets({
  currencies: [
    { code: 'RUB', decimals: 2, name: 'Рубль' },
    { code: 'KZT', decimals: 2, name: 'Тенге' },
  ],
  tariffs: [
    { action: 'sim-card', amount: '45.00', currency: 'RUB', payer: 'home-branch', ...always },
    {
      action: 'cross-branch-service',
      amount: '200.00',
      currency: 'KZT',
      payer: 'home-branch',
      ...always,
    },
  ],
});
const plan = (code: string, validFrom: string) => ({
  ...{ code, name: code, monthlyFee: '300.00', switchFee: '0.00', services: [] },
  ...{ currency: 'RUB', validFrom },
});
const periods = smallDatasets({
  'rate-plans': [
    plan('SMART', '2026-01-01'),
    plan('SMART', '2026-05-01'),
    plan('SMART20260', '2026-01-01'),
  ],
});

describe('a release from before today, valid then', () => {
  for (const [name, data] of [
    ['fees', fees],
    ['periods', periods],
  ] as const) {
    it(`is taken by a branch: ${name}`, async () => {
      const files = await referenceStore();
      try {
        const service = createReferenceService({
          store: files.store,
          clock: manualClock(),
          verifier,
        });
        await service.load();
        const release = await signedRelease(signer, 1, data);
        const outcome = await service
          .apply({
            manifestJws: release.manifestJws,
            fetchDataset: async (h) => release.contents.get(h) ?? '',
          })
          .catch((e: unknown) => e);
        expect(outcome).to.deep.equal({ version: 1, applied: true });
      } finally {
        await files.remove();
      }
    });

    it(`does not hold up cutting a branch off: ${name}`, async () => {
      const files = await referenceStore();
      const clock = manualClock();
      try {
        const store: Store = files.store;
        const release = await signedRelease(signer, 1, data);
        await store.write(async (tx) => {
          for (const [sha, content] of release.contents)
            await insertContent(tx, { sha256: sha, content });
          await insertRelease(tx, {
            jws: release.manifestJws,
            jwsSha256: sha256(release.manifestJws),
            manifest: release.manifest,
            appliedAt: instantOf(startMs),
          });
        });
        const references = createReferenceService({ store, clock, verifier });
        await references.load();
        expect(references.current()?.version).to.equal(1);
        const releases = createDirectoryReleases({
          store,
          clock,
          signer,
          references,
          assertMayPublish: async () => {},
          takesAwayOnly: false,
          onWaiting() {},
          onPublished: async () => {},
        });
        await store.write(async (tx) =>
          setDirectoryDue(tx, { revision: await draftRevision(tx), actor: 'HQ' }),
        );
        await releases.publishDue();
        expect((await references.highest())?.manifest.version).to.equal(2);
      } finally {
        await files.remove();
      }
    });
  }
});
