import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runImportNumbering } from '../../../central-node/reference/import-numbering-command.ts';
import {
  importNumbering,
  type NumberingImport,
  parseRegions,
} from '../../../central-node/reference/numbering-import.ts';
import { isDomainError } from '../../../shared/problem/problem.ts';
import { assetPath } from '../../../shared/store/assets.ts';

const inn = '7812014560';
const registry = `АВС/ DEF;От;До;Емкость;Оператор;Регион;ИНН
925;0000000;0000999;1000;ПАО "МЕГАФОН";г. Москва * Московская область;7812014560
925;0001000;0001009;10;ПАО "МегаФон";Москва и Московская область;7812014560
921;0000000;0000099;100;ПАО "МегаФон";г. Псков|Псковская обл.;7812014560
916;0000000;0000009;10;ОАО "МТТ";Тверская обл.;7705017253
916;0000010;0000019;10;АО "МТТ";Тверская обл.;7705017253
916;0000021;0000029;9;АО "МТТ";Тверская обл.;7705017253
`;
const regions = `region;branch
г. Москва и Московская область;MSK
Псковская область;SPB
Тверская область;MSK
`;
const run = (changes: { registry?: string; regions?: string; inn?: string } = {}) =>
  importNumbering({
    registry: Buffer.from(changes.registry ?? registry),
    regions: Buffer.from(changes.regions ?? regions),
    inn: changes.inn ?? inn,
  });
const summary = {
  rows: 6,
  taken: 3,
  capacity: 1110,
  branches: { MSK: { ranges: 2, capacity: 1010 }, SPB: { ranges: 1, capacity: 100 } },
  unknownRegions: [],
};

describe('the numbering import', () => {
  it('gives the operator’s ranges to branches by region, whatever its name is spelled', () => {
    const result = run();
    expect(result).to.deep.include(summary);
    expect(result.numberingPlan).to.deep.equal([
      { from: '79210000000', to: '79210000099', branch: 'SPB' },
      { from: '79250000000', to: '79250000999', branch: 'MSK' },
      { from: '79250001000', to: '79250001009', branch: 'MSK' },
    ]);
  });

  it('merges neighbouring ranges of one other operator, not over a gap', () => {
    expect(run().foreignNumbering).to.deep.equal([
      { from: '79160000000', to: '79160000019', operator: 'ОАО "МТТ"' },
      { from: '79160000021', to: '79160000029', operator: 'ОАО "МТТ"' },
    ]);
  });

  it('reports every region that the map does not know, and then has no plan', () => {
    const result = run({ regions: 'region;branch\nТверская обл.;MSK\n' });
    expect(result.unknownRegions).to.deep.equal([
      'г. Москва * Московская область',
      'г. Псков|Псковская обл.',
    ]);
    expect([...result.numberingPlan, ...result.foreignNumbering]).to.deep.equal([]);
  });

  const badRegions: readonly (readonly [string, string, RegExp])[] = [
    ['is empty', '', /line 1 /],
    ['has no header', 'Тверская обл.;MSK\n', /line 1 .*header/],
    ['has a branch that is no code', 'region;branch\nТверская обл.;msk\n', /line 2 /],
    ['has a column too many', 'region;branch\nТверская обл.;MSK;x\n', /line 2 /],
    ['gives one region to two branches', `${regions}Тверская обл.;SPB\n`, /line 5 .*SPB.*MSK/],
  ];
  for (const [what, file, expected] of badRegions) {
    it(`refuses a map of regions that ${what}`, () => {
      expect(() => parseRegions(Buffer.from(file))).to.throw(expected);
    });
  }

  // 9,604 rows end in no line feed: `wc -l` less the header says 9,603 (SOURCE.md as well).
  it('reads the real registry of June 2023 onto the eight branches', function () {
    const file = assetPath('../shared/data/numbering-plan-def-2023-06.csv');
    if (!existsSync(file)) {
      console.log(`      skipped: ${file} is not here`);
      return this.skip();
    }
    const result = importNumbering({
      registry: readFileSync(file),
      regions: readFileSync(assetPath('reference-data/numbering-regions.csv')),
      inn,
    });
    expect(result.unknownRegions).to.deep.equal([]);
    expect(result).to.include({ rows: 9_604, taken: 1_345, capacity: 136_729_002 });
    const branches = Object.values(result.branches);
    expect(branches).to.have.length(8);
    expect(branches.reduce((sum, { ranges }) => sum + ranges, 0)).to.equal(1_345);
    expect(branches.reduce((sum, { capacity }) => sum + capacity, 0)).to.equal(136_729_002);
  });
});

describe('import-numbering', () => {
  let folder: string;
  let printed: string[];
  let applied: NumberingImport[];

  async function command(
    flags: { json?: boolean; dryRun?: boolean; inn?: string },
    files: { registry?: string; regions?: string } = {},
  ): Promise<number> {
    const file = join(folder, 'registry.csv');
    const regionsFile = join(folder, 'regions.csv');
    await writeFile(file, files.registry ?? registry);
    await writeFile(regionsFile, files.regions ?? regions);
    return runImportNumbering({
      file,
      regionsFile,
      inn: flags.inn ?? inn,
      json: flags.json ?? false,
      dryRun: flags.dryRun ?? false,
      apply: async (result) => {
        applied.push(result);
      },
      out: (text) => printed.push(text),
    });
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sbms-import-'));
    printed = [];
    applied = [];
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('prints exactly the summary with --dry-run --json and changes nothing', async () => {
    expect(await command({ json: true, dryRun: true })).to.equal(0);
    expect(printed.map((text) => JSON.parse(text))).to.deep.equal([summary]);
    expect(applied).to.deep.equal([]);
  });

  it('applies and prints a table without them', async () => {
    expect(await command({})).to.equal(0);
    expect(applied).to.have.length(1);
    expect(printed.join('\n'))
      .to.match(/MSK\s+2\s+1,010/)
      .and.to.match(/total\s+3\s+1,110/);
  });

  it('exits with 1 and changes nothing for an unknown region, and lists it', async () => {
    const map = { regions: 'region;branch\nТверская обл.;MSK\nПсковская обл.;SPB\n' };
    expect(await command({ json: true }, map)).to.equal(1);
    expect(JSON.parse(printed[0] ?? '')).to.deep.include({
      taken: 3,
      unknownRegions: ['г. Москва * Московская область'],
    });
    expect(await command({}, map)).to.equal(1);
    expect(printed[1]).to.contain('  г. Москва * Московская область');
    expect(applied).to.deep.equal([]);
  });

  it('exits with 1 for no range of the operator, a bad file and a missing one', async () => {
    expect(await command({ inn: '7700000000' })).to.equal(1);
    expect(await command({}, { registry: 'x' })).to.equal(1);
    expect(printed[1]).to.contain('line 1').and.to.contain('Nothing was imported');
    const options = { inn, json: true, dryRun: false, out: (text: string) => printed.push(text) };
    const nowhere = join(folder, 'nowhere.csv');
    const code = await runImportNumbering({ ...options, file: nowhere, regionsFile: nowhere });
    expect(code).to.equal(1);
    expect(JSON.parse(printed[2] ?? '').detail).to.contain('cannot be read');
    expect(applied).to.deep.equal([]);
  });

  it('passes on what is not a refusal', async () => {
    const file = join(folder, 'registry.csv');
    const regionsFile = join(folder, 'regions.csv');
    await writeFile(file, registry);
    await writeFile(regionsFile, regions);
    const failing = runImportNumbering({
      file,
      regionsFile,
      inn,
      json: false,
      dryRun: false,
      apply: () => Promise.reject(new Error('disk full')),
      out: () => undefined,
    });
    const error = await failing.catch((cause: unknown) => cause);
    expect(isDomainError(error)).to.equal(false);
    expect(error).to.have.property('message', 'disk full');
  });
});
