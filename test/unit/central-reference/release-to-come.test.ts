import { expect } from 'chai';
import { createReferenceDraftService } from '../../../central-node/reference/reference-draft-service.ts';
import { createReferenceService } from '../../../shared/reference/reference-service.ts';
import { assetPath } from '../../../shared/store/assets.ts';
import { instantOf } from '../../../shared/time/clock.ts';
import {
  headOfficeKeys,
  manualClock,
  referenceStore,
  startMs,
} from '../reference/reference-fixtures.ts';

const { signer, verifier } = headOfficeKeys();

describe('what publishing would change', () => {
  it('is known without a look at each row of what is as it was', async () => {
    const files = await referenceStore();
    const clock = manualClock();
    const references = createReferenceService({ store: files.store, clock, verifier });
    const draft = createReferenceDraftService({ store: files.store, clock, signer, references });
    const timed = async (work: () => Promise<unknown>) => {
      const startedAt = performance.now();
      await work();
      return performance.now() - startedAt;
    };
    try {
      await references.load();
      await draft.importDirectory(assetPath('reference-data'));
      const ported = Array.from({ length: 20_000 }, (_, place) => ({
        ...{ msisdn: String(79_300_000_000 + place), branch: 'MSK' },
      }));
      const savingMs = await timed(() => draft.replaceDataset('ported-numbers', ported));
      await draft.publish({ actor: 'anna' });
      await draft.replaceDataset('document-types', []);
      const changes = await draft.diff();
      expect(changes.map(({ dataset }) => dataset)).to.deep.equal(['document-types']);
      expect(await timed(() => draft.diff())).to.be.below(savingMs / 2);
    } finally {
      await files.remove();
    }
  });
});

describe('a release for tomorrow, and one that is published today', () => {
  it('is shown with all that it brings into force, and with nothing once it is published', async () => {
    const files = await referenceStore();
    const clock = manualClock();
    const references = createReferenceService({ store: files.store, clock, verifier });
    const draft = createReferenceDraftService({ store: files.store, clock, signer, references });
    try {
      await references.load();
      await draft.importDirectory(assetPath('reference-data'));
      await draft.publish({ actor: 'anna' });
      const cash = () => references.current()?.tender('cash')?.maxAmount.amount;
      const today = cash();
      const tenders = (await draft.rows('tenders')).map((row) =>
        row.code === 'cash' ? { ...row, maxAmount: '999999.00' } : row,
      );
      await draft.replaceDataset('tenders', tenders, { by: 'boris' });
      await draft.publish({ actor: 'anna', effectiveFrom: instantOf(startMs + 7 * 86_400_000) });
      expect(cash(), 'not before its day').to.equal(today);
      const wished = await draft.rows('tenders');
      await draft.importDirectory(assetPath('reference-data'));
      const [withdrawn] = await draft.diff();
      expect(withdrawn, 'what would not come').to.include({ dataset: 'tenders', changed: 1 });
      expect(withdrawn?.samples[0]?.before).to.include({ maxAmount: '999999.00' });
      await draft.replaceDataset('tenders', wished, { by: 'boris' });
      const [reason, ...rest] = await draft.rows('reasons');
      await draft.replaceDataset('reasons', [{ ...reason, name: 'Иначе' }, ...rest], {
        by: 'boris',
      });
      const shown = (await draft.diff()).map(({ dataset }) => dataset);
      expect(shown).to.have.members(['tenders', 'reasons']);
      await draft.publish({ actor: 'anna' });
      expect(cash(), 'the later release was overtaken').to.equal(99_999_900n);
      expect(await draft.diff()).to.deep.equal([]);
    } finally {
      await files.remove();
    }
  });
});
