import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { assetPath, projectRoot } from '../../shared/store/assets.ts';
import {
  cash,
  customer,
  receiveSim,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { type DemoPlace, demoPlace, deskAt, type RunningDemo } from '../support/processes.ts';

const timeoutMs = 120_000;
const inn = '7812014560';
const regionsFile = assetPath('reference-data/numbering-regions.csv');
const realRegistry = join(projectRoot(), '../shared/data/numbering-plan-def-2023-06.csv');
const hasRealRegistry = existsSync(realRegistry);

const header = 'АВС/ DEF;От;До;Емкость;Оператор;Регион;ИНН';
const rows = [
  `921;0000000;0000099;100;ПАО "МегаФон";г. Санкт-Петербург * Ленинградская область;${inn}`,
  `923;5550000;5550009;10;ПАО "МегаФон";Алтайский край;${inn}`,
  `925;0000000;0001999;2000;ПАО "МегаФон";г. Москва * Московская область;${inn}`,
  '916;0000000;0000009;10;АО "МТТ";Тверская обл.;7705017253',
];
const registryOf = (lines: readonly string[]) => `${[header, ...lines].join('\n')}\n`;
const summary = {
  rows: 4,
  taken: 3,
  capacity: 2110,
  branches: {
    MSK: { ranges: 1, capacity: 2000 },
    NSK: { ranges: 1, capacity: 10 },
    SPB: { ranges: 1, capacity: 100 },
  },
  unknownRegions: [],
};

/** The same ranges as other editions write them. */
const editions: Readonly<Record<string, string>> = {
  'a byte order mark': `\uFEFF${registryOf(rows)}`,
  'lines that end with CRLF': registryOf(rows).replaceAll('\n', '\r\n'),
  'quoted names': registryOf(
    rows.map((row) => {
      const fields = row.split(';').map((field) => `"${field.replaceAll('"', '""')}"`);
      return [...row.split(';').slice(0, 4), ...fields.slice(4)].join(';');
    }),
  ),
  'bare numbers': registryOf(
    rows.map((row) => {
      const [def, from, to, ...rest] = row.split(';');
      return [def, String(Number(from)), String(Number(to)), ...rest].join(';');
    }),
  ),
  'extra columns': `${[`${header};ГАР территория`, ...rows.map((row) => `${row};край`)].join('\n')}\n`,
};

const commands: Readonly<Record<string, readonly string[]>> = {
  'npx sbms-centre': ['npx', 'sbms-centre'],
  'npm run -s sbms-centre --': ['npm', 'run', '-s', 'sbms-centre', '--'],
  'node central-node/sbms-centre.mjs': [process.execPath, 'central-node/sbms-centre.mjs'],
};
const direct = commands['node central-node/sbms-centre.mjs'] ?? [];

interface Outcome {
  readonly code: number;
  readonly output: string;
}

function run(
  command: readonly string[],
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const [program = '', ...first] = command;
  const options = { cwd: projectRoot(), env: { ...process.env, ...environment } };
  return new Promise((resolve) => {
    execFile(program, [...first, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, output: stdout + (error ? stderr : '') });
    });
  });
}

const importArgs = (file: string, ...more: string[]): string[] => [
  ...['import-numbering', file, '--inn', inn, '--regions', regionsFile, '--json'],
  ...more,
];

describe('sbms-centre import-numbering', function () {
  this.timeout(timeoutMs);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-numbering-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const fileOf = (text: string): string => {
    const file = join(folder, 'registry.csv');
    writeFileSync(file, text);
    return file;
  };

  describe('as a dry run, that needs no node', () => {
    for (const [name, command] of Object.entries(commands)) {
      it(`is run by ${name}`, async () => {
        const { code, output } = await run(
          command,
          importArgs(fileOf(registryOf(rows)), '--dry-run'),
        );
        expect(code, output).to.equal(0);
        expect(JSON.parse(output)).to.deep.equal(summary);
      });
    }

    for (const [name, text] of Object.entries(editions)) {
      it(`reads an edition with ${name}`, async () => {
        const { code, output } = await run(direct, importArgs(fileOf(text), '--dry-run'));
        expect(code, output).to.equal(0);
        expect(JSON.parse(output)).to.deep.equal(summary);
      });
    }

    const real = hasRealRegistry ? '' : ' (skipped: ../shared/data is not here)';
    it(`takes every range of the operator from the registry as published${real}`, async function () {
      if (!hasRealRegistry) this.skip();
      const { code, output } = await run(direct, importArgs(realRegistry, '--dry-run'));
      expect(code, output).to.equal(0);
      const { branches, ...totals } = JSON.parse(output);
      // Its last range ends in no line feed, which `wc -l` does not count.
      expect(totals).to.deep.equal({
        rows: 9_604,
        taken: 1_345,
        capacity: 136_729_002,
        unknownRegions: [],
      });
      expect(Object.keys(branches)).to.have.length(8);
      const sums = Object.values<{ ranges: number; capacity: number }>(branches).reduce(
        (sum, each) => ({
          ranges: sum.ranges + each.ranges,
          capacity: sum.capacity + each.capacity,
        }),
      );
      expect(sums).to.deep.equal({ ranges: 1_345, capacity: 136_729_002 });
    });
  });

  describe('into head office', () => {
    let federation: TestFederation;
    before(async () => {
      federation = await startFederation(['MSK', 'SPB']);
    });
    after(() => federation?.stop());

    const plan = async (): Promise<{ from: string; to: string; branch: string }[]> =>
      (await federation.hq.manager.get('/api/v1/reference-draft/datasets/numbering-plan')).body
        .rows;
    const intoStopped = async (text: string): Promise<Outcome> => {
      await federation.stopNode('HQ');
      const outcome = await run(direct, importArgs(fileOf(text)), federation.hq.environment);
      await federation.startNode('HQ');
      return outcome;
    };

    it('imports nothing when a region is unknown, and names it', async () => {
      const before = await plan();
      const lost = `927;0000000;0000099;100;ПАО "МегаФон";Затерянный край;${inn}`;
      const { code, output } = await intoStopped(registryOf([...rows, lost]));
      expect(code).to.equal(1);
      expect(JSON.parse(output).unknownRegions).to.deep.equal(['Затерянный край']);
      expect(await plan()).to.deep.equal(before);
    });

    it('is refused while the node runs: one process has the store', async () => {
      const args = importArgs(fileOf(registryOf(rows)));
      const { code, output } = await run(direct, args, federation.hq.environment);
      expect(code).to.equal(1);
      expect(output).to.include('another process has the store open');
    });

    it('replaces the plan of the stopped node', async () => {
      const { code, output } = await intoStopped(registryOf(rows));
      expect(code, output).to.equal(0);
      expect(await plan()).to.deep.equal([
        { from: '79210000000', to: '79210000099', branch: 'SPB' },
        { from: '79235550000', to: '79235550009', branch: 'NSK' },
        { from: '79250000000', to: '79250001999', branch: 'MSK' },
      ]);
    });

    it('is taken by the running node too; once published, branches route by it', async () => {
      const { manager } = federation.hq;
      const [msk, spb] = [federation.branch('MSK'), federation.branch('SPB')];
      const msisdn = '79250001234';
      const paid = async () =>
        spb.manager.post('/api/v1/payments', { msisdn, ...cash('10.00') }).then(({ body }) => body);
      expect((await paid()).code).to.equal('unknown-number');
      const imported = await manager.post('/api/v1/numbering-imports', {
        registry: registryOf(rows),
        regions: readFileSync(regionsFile, 'utf8'),
        inn,
      });
      expect(imported.status, JSON.stringify(imported.body)).to.be.within(200, 201);
      expect(imported.body).to.deep.equal(summary);
      await federation.publish();
      const version = federation.centre().references.current()?.version;
      for (const code of ['MSK', 'SPB']) {
        await until(`${code} has release ${version}`, () => {
          return federation.running(code).references.current()?.version === version;
        });
      }
      await msk.manager.post('/api/v1/numbers', { numbers: [msisdn] });
      const iccid = await receiveSim(msk);
      const wish = { msisdn, iccid, ratePlan: 'BASIC', customer };
      const registered = await msk.manager.post('/api/v1/subscribers', wish);
      expect(registered.status, JSON.stringify(registered.body)).to.equal(201);
      expect(await paid()).to.include({ state: 'accepted', homeBranch: 'MSK' });
    });

    it('takes at most 16 MiB over the API', async () => {
      const registry = `${registryOf(rows)}${'9'.repeat(16 * 1024 * 1024)}`;
      const body = { registry, regions: readFileSync(regionsFile, 'utf8'), inn };
      const answer = await federation.hq.manager.post('/api/v1/numbering-imports', body);
      expect(answer.status).to.equal(413);
    });
  });
});

describe('a demo of the operator whose numbers are in the registry', function () {
  this.timeout(timeoutMs);
  let place: DemoPlace;
  let demo: RunningDemo;
  before(async () => {
    place = await demoPlace(2);
    const file = join(tmpdir(), `sbms-registry-${process.pid}.csv`);
    writeFileSync(file, registryOf(rows));
    try {
      demo = await place.up('--branches', '1', '--numbering', file);
    } finally {
      rmSync(file);
    }
  });
  after(async () => {
    await demo?.killAll();
    place?.remove();
  });

  it('gives its subscribers numbers of that plan', async () => {
    const desk = await deskAt(demo.node('MSK'));
    const { items } = await desk.get('/api/v1/subscribers?limit=1');
    expect(items[0].msisdn).to.equal('79250000000');
    const strange = { msisdn: '79160000001', ...cash('1.00') };
    const answer = await desk.post('/api/v1/payments', strange).catch(String);
    expect(answer, 'another operator, by this registry alone').to.include('foreign-number');
  });
});
