import { expect } from 'chai';
import { createReferenceDraftService } from '../../../central-node/reference/reference-draft-service.ts';
import { insertPublication } from '../../../central-node/reference/reference-draft-store.ts';
import { referenceRoutes } from '../../../central-node/reference/reference-routes.ts';
import { systemIds } from '../../../shared/ids/ids.ts';
import { createReferenceService } from '../../../shared/reference/reference-service.ts';
import { createLogger } from '../../../shared/text/logger.ts';
import { createApi } from '../../../shared/web/api.ts';
import { type AccessFixture, accessFixture } from '../access/access-fixture.ts';
import { headOfficeKeys, manualClock, referenceStore } from '../reference/reference-fixtures.ts';
import { answerOf, password } from '../web/api-fixture.ts';

const { signer, verifier } = headOfficeKeys();
interface Noted {
  readonly subject: string;
}
const draftPath = '/api/v1/reference-draft/datasets';

describe("head office's API of the reference data", () => {
  let files: Awaited<ReturnType<typeof referenceStore>>;
  let drafts: ReturnType<typeof createReferenceDraftService>;
  let fixture: AccessFixture;
  let noted: string[];
  let send: (path: string, body?: object) => ReturnType<typeof answerOf>;
  beforeEach(async () => {
    files = await referenceStore();
    noted = [];
    fixture = await accessFixture('centre');
    const { store } = files;
    const references = createReferenceService({ store, clock: manualClock(), verifier });
    drafts = createReferenceDraftService({ store, clock: manualClock(), signer, references });
    const destination = { write: () => {} };
    const logger = createLogger({ clock: fixture.clock, node: 'HQ', level: 'error', destination });
    const names = { title: 'HQ', version: '0', serverName: 'HQ' };
    const api = createApi({ ...fixture, ...names, ids: systemIds, logger });
    referenceRoutes(api, {
      ...{
        audit: {
          record: async (_: unknown, { subject }: Noted) => void noted.push(subject),
        } as never,
      },
      ...{ references, drafts },
      prepared: {} as never,
      publish: drafts.publish,
      assertMayPublish: async () => {},
      tellReleased: async () => {},
    });
    await fixture.add('anna', 'admin', password);
    fixture.setRole('admin', ['reference.read', 'reference.edit']);
    const { token } = await fixture.access.signIn({ login: 'anna', password, source: 'test' });
    send = async (path, body) => {
      const headers = { authorization: `Bearer ${token}`, 'idempotency-key': 'once' };
      const json = { 'content-type': 'application/json' };
      const posted = {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { ...headers, ...json },
      };
      return answerOf(await api.app.request(path, body ? posted : { headers }));
    };
  });
  afterEach(async () => {
    await fixture.close();
    await files.remove();
  });
  const get = async (path: string) => (await send(path)).json;

  it('finds rows by what they say, and not by how it is written down', async () => {
    const range = { from: '79160000000', to: '79169999999', operator: 'ООО "Т2 Мобайл"' };
    await drafts.replaceDataset('foreign-numbering', [range]);
    const found = async (text: string) =>
      (await get(`${draftPath}/foreign-numbering/rows?q=${encodeURIComponent(text)}`)).items.length;
    expect(await found('ооо "т2')).to.equal(1);
    expect(await found('","')).to.equal(0);
  });

  it('refuses a row whose key is no text', async () => {
    const after = { code: { toString: null }, name: 'Паспорт' };
    const answer = await send(`${draftPath}/document-types/row-changes`, { after });
    expect(answer.json).to.include({ code: 'invalid-input' });
  });

  it('notes under both names what was renamed', async () => {
    const [before, after] = ['military-id', 'military'].map((code) => ({ code, name: 'Билет' }));
    await drafts.replaceDataset('document-types', [before]);
    await send(`${draftPath}/document-types/row-changes`, { before, after });
    expect(noted).to.deep.equal(['document-types military-id → military']);
  });

  it('lists all releases, the oldest too', async () => {
    const at = '2026-03-01T09:00:00.000Z';
    for (let version = 1; version <= 230; version += 1) {
      const publication = { version, actor: 'HQ', publishedAt: at, effectiveFrom: at };
      await files.store.write((tx) => insertPublication(tx, publication));
    }
    const seen: number[] = [];
    let query = '';
    for (;;) {
      const { items, next } = await get(`/api/v1/reference-releases${query}`);
      for (const { version } of items) seen.push(version);
      if (next === null) break;
      query = `?cursor=${next}`;
    }
    expect(seen).to.deep.equal(Array.from({ length: 230 }, (_, place) => 230 - place));
  });
});
