import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createDirectoryReleases } from '../../../central-node/reference/directory-release.ts';
import { createLatestStatements } from '../../../central-node/reference/latest-statement.ts';
import {
  createReferenceDraftService,
  type ReferenceDraftService,
} from '../../../central-node/reference/reference-draft-service.ts';
import { existsAt, isPermission } from '../../../shared/access/permissions.ts';
import type { Msisdn, NodeCode } from '../../../shared/ids/ids.ts';
import { DomainError, isDomainError } from '../../../shared/problem/problem.ts';
import { createReferenceService } from '../../../shared/reference/reference-service.ts';
import { assetPath } from '../../../shared/store/assets.ts';
import { instantOf } from '../../../shared/time/clock.ts';
import {
  failureOf,
  headOfficeKeys,
  type ManualClock,
  manualClock,
  referenceStore,
  startMs,
} from '../reference/reference-fixtures.ts';

const demo = assetPath('reference-data');
const { signer, verifier } = headOfficeKeys();
const identity = {
  code: 'MSK',
  peerUrl: 'https://127.0.0.1:7001',
  frontUrl: 'https://127.0.0.1:8001',
  signingKey: { kty: 'OKP' as const, crv: 'Ed25519' as const, x: 'A'.repeat(43) },
  tlsKeySha256: 'a'.repeat(64),
  revokedSerials: [],
  active: true,
};

describe('the reference draft', () => {
  let files: Awaited<ReturnType<typeof referenceStore>>;
  let clock: ManualClock;
  let references: ReturnType<typeof createReferenceService>;
  let draft: ReferenceDraftService;
  let folder: string;

  beforeEach(async () => {
    files = await referenceStore();
    clock = manualClock();
    references = createReferenceService({ store: files.store, clock, verifier });
    draft = createReferenceDraftService({ store: files.store, clock, signer, references });
    folder = await mkdtemp(join(tmpdir(), 'sbms-draft-'));
    await references.load();
  });
  afterEach(async () => {
    await files.remove();
    await rm(folder, { recursive: true });
  });

  it('publishes the demo operator’s data before any branch has enrolled', async () => {
    const { ignored } = await draft.importDirectory(demo);
    expect(ignored).to.deep.equal(['numbering-regions.csv']);
    const manifest = await draft.publish({ actor: 'anna' });
    expect(manifest).to.include({ version: 1, previous: null });
    const current = references.current();
    expect(current?.homeOf('79250000001' as Msisdn)).to.deep.include({ branch: 'MSK' });
    expect(current?.homeOf('79161234567' as Msisdn)).to.deep.include({ ported: true });
    expect(current?.branches()).to.have.length(8);
    expect(current?.peers()).to.deep.equal([]);
    expect(await draft.publications({ limit: 1 })).to.have.nested.property('[0].actor', 'anna');
  });

  it('names in its roles only permissions that exist at that kind of node', async () => {
    await draft.importDirectory(demo);
    const rows = await draft.rows('roles');
    expect(rows.length).to.be.greaterThan(50);
    for (const { permission, node } of rows) {
      expect(isPermission(permission) && existsAt(permission, node), permission).to.equal(true);
    }
  });

  it('puts the identity of an enrolled branch into the next release, and revocations', async () => {
    await draft.importDirectory(demo);
    await files.store.write((tx) => draft.setBranchIdentity(tx, identity));
    await draft.publish({ actor: 'anna' });
    expect(references.current()?.peers()).to.have.nested.property('[0].active', true);
    await draft.importDirectory(demo);
    const revoked = { ...identity, revokedSerials: ['0a'], active: false };
    await files.store.write((tx) => draft.setBranchIdentity(tx, revoked));
    await draft.publish({ actor: 'anna' });
    expect(references.current()?.branch('MSK' as NodeCode)).to.deep.include({
      ...revoked,
    });
    // Whoever takes its row out of the draft saves nobody from being cut off.
    const others = (await draft.editedRows('branches')).filter(
      (row) => Reflect.get(row, 'code') !== 'MSK',
    );
    await draft.replaceDataset('branches', others);
    await files.store.write((tx) => draft.setBranchIdentity(tx, revoked));
    const unknown = { ...identity, code: 'XYZ' };
    const work = files.store.write((tx) => draft.setBranchIdentity(tx, unknown));
    expect(isDomainError(await failureOf(work), 'branch-not-found')).to.equal(true);
  });

  it('refuses a publication without changes, and says what would change', async () => {
    await draft.importDirectory(demo);
    await draft.publish({ actor: 'anna' });
    expect(await draft.diff()).to.deep.equal([]);
    expect(
      isDomainError(await failureOf(draft.publish({ actor: 'anna' })), 'release-invalid'),
    ).to.equal(true);
    const [first, ...others] = await draft.rows('document-types');
    const added = { code: 'pension', name: 'Пенсионное удостоверение' };
    await draft.replaceDataset('document-types', [
      added,
      ...others.slice(1),
      { ...first, name: 'Паспорт' },
    ]);
    const [difference] = await draft.diff();
    expect(difference).to.include({ dataset: 'document-types', added: 1, removed: 1, changed: 1 });
    expect(difference?.samples.map(({ kind }) => kind)).to.have.members([
      'added',
      'removed',
      'changed',
    ]);
    expect((await draft.publish({ actor: 'boris' })).version).to.equal(2);
  });

  it('is published by another person than those who changed it, as long as the change stands', async () => {
    await draft.importDirectory(demo);
    await draft.publish({ actor: 'anna' });
    const before = await draft.rows('regions');
    const edit = (name: string, by: string) =>
      draft.replaceDataset('regions', [...before, { code: 'new', name, branch: 'MSK' }], { by });
    const refusal = async (actor: string) => {
      const error = await failureOf(draft.publish({ actor }));
      return isDomainError(error) ? error.code : error;
    };
    await edit('Новый', 'anna');
    await edit('Новейший', 'boris');
    expect((await draft.diff())[0]?.changedBy).to.deep.equal(['anna', 'boris']);
    expect(await refusal('anna')).to.equal('same-person');
    expect(await refusal('boris')).to.equal('same-person');
    const seen = await draft.revision();
    await draft.replaceDataset('regions', before, { by: 'boris' });
    const [type] = await draft.rows('document-types');
    await draft.replaceDataset('document-types', type ? [type] : [], { by: 'anna' });
    expect(await refusal('anna')).to.equal('same-person');
    const unseen = await failureOf(draft.publish({ actor: 'boris', revision: seen }));
    expect(unseen).to.have.property('message').that.contains('since you looked');
    const revision = await draft.revision();
    expect((await draft.publish({ actor: 'boris', revision })).version).to.equal(2);
    await edit('Новый', 'boris');
    expect((await draft.publish({ actor: 'anna' })).version).to.equal(3);
  });

  it('is not brought into force sooner by who changed it than another person said', async () => {
    await draft.importDirectory(demo);
    await draft.publish({ actor: 'anna' });
    const regions = await draft.rows('regions');
    const added = { code: 'new', name: 'Новый', branch: 'MSK' };
    await draft.replaceDataset('regions', [...regions, added], { by: 'anna' });
    const later = instantOf(startMs + 60_000);
    await draft.publish({ actor: 'boris', effectiveFrom: later });
    await draft.replaceDataset('document-types', [], { by: 'carol' });
    expect((await draft.diff()).map(({ changedBy }) => changedBy)).to.deep.include(['anna']);
    const sooner = await failureOf(draft.publish({ actor: 'anna' }));
    expect(isDomainError(sooner, 'same-person')).to.equal(true);
    clock.advance(60_000);
    await references.tick();
    expect((await draft.publish({ actor: 'anna' })).version, 'once it is in force').to.equal(3);
    await draft.replaceDataset('regions', regions, { by: 'boris' });
    expect((await draft.publish({ actor: 'anna' })).version).to.equal(4);
  });

  describe('that is published for a later day', () => {
    const later = instantOf(startMs + 60_000);

    /** Release 2, by Boris, has a region of Anna's from that day on. */
    async function published() {
      await draft.importDirectory(demo);
      await draft.publish({ actor: 'anna' });
      const regions = await draft.rows('regions');
      const added = { code: 'new', name: 'Новый', branch: 'MSK' };
      await draft.replaceDataset('regions', [...regions, added], { by: 'anna' });
      await draft.publish({ actor: 'boris', effectiveFrom: later });
      return regions;
    }

    it('stays so when it is made again because a branch was cut off', async () => {
      await published();
      const releases = createDirectoryReleases({
        ...{ store: files.store, clock, signer, references },
        ...{ takesAwayOnly: false, onWaiting: () => {} },
        assertMayPublish: async () => {},
        onPublished: async () => {},
      });
      await files.store.write((tx) => releases.ask(tx, 'HQ'));
      await releases.publishDue();
      expect(references.current()?.version, 'made after what is to come').to.equal(3);
      await draft.replaceDataset('document-types', [], { by: 'carol' });
      const sooner = await failureOf(draft.publish({ actor: 'anna' }));
      expect(isDomainError(sooner, 'same-person')).to.equal(true);
    });

    it('is taken back by who made it, if another person wants that', async () => {
      const regions = await published();
      await draft.replaceDataset('regions', regions, { by: 'boris' });
      expect((await draft.diff()).map(({ changedBy }) => changedBy)).to.deep.equal([['boris']]);
      expect((await draft.publish({ actor: 'anna' })).version).to.equal(3);
      clock.advance(60_000);
      await references.tick();
      expect(references.current()?.rows('regions')).to.deep.equal(regions);
    });

    it('keeps nobody from publishing what comes no sooner', async () => {
      await published();
      await draft.replaceDataset('document-types', [], { by: 'boris' });
      const { version } = await draft.publish({ actor: 'anna', effectiveFrom: later });
      expect(version).to.equal(3);
    });
  });

  it('signs nothing that does not fit together', async () => {
    await draft.importDirectory(demo);
    await draft.replaceDataset('tenders', []);
    const error = await failureOf(draft.publish({ actor: 'anna' }));
    if (!isDomainError(error, 'release-invalid')) throw error;
    expect(error.errors[0]?.field).to.match(/^commissions\[payment,c/);
    expect(references.current()).to.equal(undefined);
    expect(await draft.publications({ limit: 1 })).to.deep.equal([]);
  });

  it('leaves somebody who may publish the next one', async () => {
    await draft.importDirectory(demo);
    const roles = await draft.rows('roles');
    const isLast = ({ permission }: { permission: string }) => permission === 'reference.publish';
    await draft.replaceDataset(
      'roles',
      roles.filter((row) => !isLast(row)),
    );
    const error = await failureOf(draft.publish({ actor: 'anna' }));
    expect(isDomainError(error, 'release-invalid')).to.equal(true);
    expect(error).to.have.property('message').that.contains('reference.publish');
  });

  it('publishes together with the caller’s log entry, or not at all', async () => {
    await draft.importDirectory(demo);
    const versions: number[] = [];
    const onPublished = async (_: unknown, { version }: { version: number }) => {
      versions.push(version);
      if (versions.length === 1) throw new DomainError('recovering');
    };
    const error = await failureOf(draft.publish({ actor: 'anna', onPublished }));
    expect(isDomainError(error, 'recovering')).to.equal(true);
    expect(await references.highest()).to.equal(undefined);
    await draft.publish({ actor: 'anna', onPublished });
    expect(versions).to.deep.equal([1, 1]);
  });

  it('refuses to publish a draft that changed while it was being signed', async () => {
    await draft.importDirectory(demo);
    const publishing = createReferenceDraftService({
      store: files.store,
      clock,
      references,
      signer: {
        node: signer.node,
        async sign(typ, payload) {
          await draft.replaceDataset('document-types', []);
          return signer.sign(typ, payload);
        },
      },
    });
    const error = await failureOf(publishing.publish({ actor: 'anna' }));
    expect(error).to.have.property('message').that.contains('changed while');
    expect(await references.highest()).to.equal(undefined);
  });

  it('publishes for later, not for the past', async () => {
    await draft.importDirectory(demo);
    const past = instantOf(startMs - 1);
    const error = await failureOf(draft.publish({ actor: 'anna', effectiveFrom: past }));
    expect(isDomainError(error, 'invalid-input')).to.equal(true);
    await draft.publish({ actor: 'anna', effectiveFrom: instantOf(startMs + 1_000) });
    expect(references.current()).to.equal(undefined);
    clock.advance(1_000);
    await references.tick();
    expect(references.current()?.version).to.equal(1);
  });

  it('replaces own and foreign numbering together', async () => {
    await draft.importDirectory(demo);
    const result = {
      rows: 2,
      taken: 1,
      capacity: 1,
      branches: {},
      unknownRegions: [],
      numberingPlan: [{ from: '79000000000', to: '79000000000', branch: 'KHB' }],
      foreignNumbering: [],
    };
    await draft.importNumbering(result);
    expect(await draft.rows('numbering-plan')).to.deep.equal(result.numberingPlan);
    expect(await draft.rows('foreign-numbering')).to.deep.equal([]);
    const halves = { ...result, unknownRegions: ['Марс'] };
    expect(isDomainError(await failureOf(draft.importNumbering(halves)), 'invalid-input')).to.equal(
      true,
    );
  });

  it('imports a folder wholly or not at all, naming file, line and field', async () => {
    await writeFile(join(folder, 'currencies.csv'), '\uFEFFcode,decimals,name\r\nRUB,2,Рубль\r\n');
    await writeFile(join(folder, 'tenders.json'), '[{"code":"cash"}]');
    await writeFile(
      join(folder, 'commissions.csv'),
      'operation,tender,basisPoints\npayment,cash,x\n',
    );
    const error = await failureOf(draft.importDirectory(folder));
    if (!isDomainError(error, 'invalid-input')) throw error;
    const fields = error.errors.map(({ field }) => field);
    expect(fields).to.include.members([
      'commissions.csv line 2.basisPoints',
      'commissions.csv line 2.validFrom',
      'tenders.json row 1.name',
    ]);
    expect(await draft.rows('currencies')).to.deep.equal([]);
  });

  const badFiles: readonly (readonly [string, string, string | Uint8Array])[] = [
    ['has a row of another length', 'currencies.csv', 'code,decimals,name\nRUB,2\n'],
    ['is not UTF-8', 'currencies.csv', Buffer.from([0xcc, 0xf1])],
    ['is not JSON', 'currencies.json', '{'],
    ['is not a list', 'currencies.json', '{}'],
    ['has a column twice', 'currencies.csv', 'code,decimals,name,name\nRUB,2,a,b\n'],
    ['names a row twice', 'currencies.csv', 'code,decimals,name\nRUB,2,a\nRUB,2,b\n'],
    ['has a column nobody knows', 'currencies.csv', 'code,decimals,name,x\nRUB,2,a,b\n'],
  ];
  for (const [what, name, content] of badFiles) {
    it(`refuses a file that ${what}`, async () => {
      await writeFile(join(folder, name), content);
      const error = await failureOf(draft.importDirectory(folder));
      expect(isDomainError(error, 'invalid-input')).to.equal(true);
    });
  }

  it('refuses a folder that has a data set in two files', async () => {
    await writeFile(join(folder, 'currencies.csv'), 'code,decimals,name\nRUB,2,Рубль\n');
    await writeFile(join(folder, 'currencies.json'), '[]');
    const error = await failureOf(draft.importDirectory(folder));
    expect(isDomainError(error, 'invalid-input')).to.equal(true);
    expect(error).to.have.property('message').that.contains('currencies.csv');
  });

  it('says of a file that cannot be read that it cannot', async () => {
    await mkdir(join(folder, 'currencies.csv'));
    const error = await failureOf(draft.importDirectory(folder));
    expect(error).to.have.property('message').that.contains('cannot be read');
  });

  it('states which release is the latest, in words that a branch accepts', async () => {
    const statements = createLatestStatements({ clock, signer, references });
    expect(isDomainError(await failureOf(statements.statement()), 'no-release')).to.equal(true);
    await draft.importDirectory(demo);
    await draft.publish({ actor: 'anna' });
    const jws = await statements.statement();
    expect(await statements.statement()).to.equal(jws);
    expect(await references.acceptLatest(jws)).to.include({ held: true });
    clock.advance(60_000);
    expect(await statements.statement()).not.to.equal(jws);
  });
});
