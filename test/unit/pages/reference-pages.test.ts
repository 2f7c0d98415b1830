import { expect } from 'chai';
import { referencePages } from '../../../central-node/reference/reference-pages.tsx';
import { apiFixture } from '../web/api-fixture.ts';
import { lookerAt, permittedPagesOn } from './pages-fixture.ts';

const changed = {
  ...{ dataset: 'services', added: 0, changed: 1, removed: 0, changedBy: ['anna'] },
  samples: [{ kind: 'changed', key: 'MUSIC', before: { fee: '1.00' }, after: {} }],
};

describe('the page of the reference data', () => {
  for (const needsSignatures of [false, true]) {
    const where = needsSignatures ? 'where others sign it' : 'where nobody else signs it';
    it(`lets ${needsSignatures ? 'also' : 'not'} who changed it publish a release ${where}`, async () => {
      const fixture = await apiFixture();
      try {
        referencePages({
          ...{ pages: permittedPagesOn(fixture), inForce: () => 2, needsSignatures },
          reference: {
            getDraftChanges: async () => ({ revision: '1', items: [changed] }),
            listReleases: async () => ({ items: [], next: null }),
          } as never,
        });
        const { text } = await (await lookerAt(fixture))('/reference');
        expect(text.includes('Publish the next release')).to.equal(needsSignatures);
        expect(text.includes('as it was prepared and signed')).to.equal(needsSignatures);
        expect(text.includes('Another person has to publish it')).to.equal(!needsSignatures);
      } finally {
        await fixture.close();
      }
    });
  }
});
