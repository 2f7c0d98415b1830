import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createOfflineImport } from '../../../central-node/reference/offline-import.ts';
import { createReferenceDraftService } from '../../../central-node/reference/reference-draft-service.ts';
import { createAudit } from '../../../shared/access/audit.ts';
import { systemIds } from '../../../shared/ids/ids.ts';
import { createReferenceService } from '../../../shared/reference/reference-service.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import { headOfficeKeys, manualClock } from '../reference/reference-fixtures.ts';

const { signer, verifier } = headOfficeKeys();

describe('what a command puts into the draft of a stopped node', () => {
  it('stands in the audit trail', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sbms-offline-'));
    const { store } = await openStore({
      url: `file:${join(folder, 'node.db')}`,
      migrations: [
        { room: 'access', directory: 'shared/access/migrations' },
        { room: 'reference', directory: 'shared/reference/migrations' },
        { room: 'reference-drafts', directory: 'central-node/reference/migrations' },
      ],
    });
    const clock = manualClock();
    const audit = createAudit({ clock, ids: systemIds });
    const references = createReferenceService({ store, clock, verifier });
    const drafts = createReferenceDraftService({ store, clock, signer, references });
    const offline = createOfflineImport({ code: 'HQ', audit, drafts });
    try {
      await writeFile(join(folder, 'currencies.csv'), 'code,decimals,name\nRUB,2,Рубль\n');
      await writeFile(join(folder, 'document-types.json'), '[]');
      await offline.folder(folder);
      const plan = [{ from: '79250000000', to: '79250000009', branch: 'MSK' }];
      const result = { rows: 1, taken: 1, capacity: 10, branches: {}, unknownRegions: [] };
      const numbers = { numberingPlan: plan, foreignNumbering: [] };
      await offline.numbering({ ...result, ...numbers }, '7812014560');
      const entries = await store.read((tx) => audit.list(tx, { limit: 10 }));
      const told = entries.map(({ actor, action, subject }) => [actor.id, action, subject]);
      expect(told).to.deep.equal([
        ['command-line', 'numbering.import', '7812014560'],
        ['command-line', 'reference.edit', 'document-types'],
        ['command-line', 'reference.edit', 'currencies'],
      ]);
    } finally {
      await store.close();
      await rm(folder, { recursive: true });
    }
  });
});
