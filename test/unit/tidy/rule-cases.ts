import { bannedRules } from './banned-rules.ts';
import { importRules } from './import-rules.ts';
import { lengthRules } from './length-rules.ts';
import { nameRules } from './name-rules.ts';
import { placeRules } from './place-rules.ts';
import type { Rule } from './tree.ts';

/** A made-up tree, and where the rule must find something; nowhere if the tree is tidy. */
export interface RuleCase {
  readonly rule: Rule;
  readonly files: Readonly<Record<string, string>>;
  readonly finds: readonly string[];
}

const lines = (count: number, line = 'go();') => `${line}\n`.repeat(count);
const body = (name: string, count: number) => `function ${name}() {\n${lines(count)}}\n`;
const wide = (columns: number, start: string) => start.padEnd(columns, 'x');

/** The rule finds the one, and nothing in the other. */
function bad(rule: Rule, path: string, text: string, line = 1): RuleCase {
  return { rule, files: { [path]: text }, finds: [`${path}:${line}`] };
}

function good(rule: Rule, path: string, text: string): RuleCase {
  return { rule, files: { [path]: text }, finds: [] };
}

const { layers, privateParts, roomCircles, fileCircles } = importRules;
const room = 'branch-node/payments/payment-service.ts';

const imports: readonly RuleCase[] = [
  bad(layers, 'shared/web/api.ts', "import type { A } from '../../branch-node/a/a.ts';"),
  bad(layers, 'branch-node/a/a.ts', "\nimport { b } from '../../central-node/b/b.ts';", 2),
  bad(layers, 'demo/main.ts', "const node = await import('../branch-node/main.ts');"),
  bad(layers, 'shared/a/a.ts', "export * from '../../demo/seed.ts';"),
  bad(layers, 'central-node/a/a.ts', "import { b } from '../../test/b.ts';"),
  good(layers, 'demo/main.ts', "import { b } from '../shared/ids/ids.ts';"),
  good(layers, 'test/unit/a.test.ts', "import { b } from '../../branch-node/b/b.ts';"),
  bad(privateParts, room, "import { a } from '../sim/sim-store.ts';"),
  bad(privateParts, room, "import { a } from '../../shared/web/session-routes.ts';"),
  bad(privateParts, 'shared/web/a.ts', "import { a } from '../access/operator-store.ts';"),
  bad(privateParts, 'branch-node/sim/a.tsx', "import { a } from '../web/home-pages.tsx';"),
  good(privateParts, room, "import { a } from './payment-store.ts';"),
  good(privateParts, room, "import { a } from '../sim/sim-service.ts';"),
  good(privateParts, room, "import type { A } from '../sim/sim-store.ts';"),
  good(privateParts, room, "import { type A, type B } from '../sim/sim-store.ts';"),
  good(privateParts, room, "import { post } from '../../shared/ledger/ledger-store.ts';"),
  good(privateParts, 'branch-node/branch.ts', "import { a } from './sim/sim-routes.ts';"),
  good(privateParts, 'shared/node/node.ts', "import { a } from '../web/session-routes.ts';"),
  {
    rule: roomCircles,
    files: {
      'branch-node/a/one.ts': "import { two } from '../b/two.ts';",
      'branch-node/b/two.ts': "import { x } from './x.ts';",
      'branch-node/b/other.ts': "import { three } from '../c/three.ts';",
      'branch-node/c/three.ts': "import { one } from '../a/one.ts';",
    },
    finds: ['branch-node/a/one.ts:1', 'branch-node/b/other.ts:1', 'branch-node/c/three.ts:1'],
  },
  {
    rule: roomCircles,
    files: {
      'shared/a/one.ts': "import { two } from '../b/two.ts';",
      'shared/b/two.ts': "import type { One } from '../a/one.ts';",
    },
    finds: [],
  },
  {
    rule: fileCircles,
    files: {
      'shared/a/one.ts': "import { two } from './two.ts';",
      'shared/a/two.ts': "import { type Two, one } from './one.ts';",
    },
    finds: ['shared/a/one.ts:1', 'shared/a/two.ts:1'],
  },
  bad(fileCircles, 'shared/a/one.ts', "import { one } from './one.ts';"),
  {
    rule: fileCircles,
    files: {
      'shared/a/one.ts': "import { two } from './two.ts';",
      'shared/a/two.ts': "import { three } from './three.ts';",
    },
    finds: [],
  },
];

const { sqlPlace, honoPlace, undiciPlace, timePlace } = placeRules;
const z = "import { z } from '@hono/zod-openapi';";

const places: readonly RuleCase[] = [
  bad(sqlPlace, room, `const a = 1;\ntx.get(\`\n  SELECT 1 FROM a WHERE b = \${a}\`);`, 2),
  bad(sqlPlace, 'branch-node/main.ts', "tx.run('PRAGMA foreign_keys = ON');"),
  good(sqlPlace, 'branch-node/a/a-store.ts', "tx.run('DELETE FROM a');"),
  good(sqlPlace, room, "const method = 'DELETE'; // SELECT 1"),
  bad(honoPlace, room, "import { Hono } from 'hono';"),
  bad(honoPlace, room, z),
  bad(honoPlace, 'shared/federation/lane.ts', "import { serve } from '@hono/node-server';"),
  bad(honoPlace, 'branch-node/a/a-view.ts', "import { z, createRoute } from '@hono/zod-openapi';"),
  good(honoPlace, 'branch-node/a/a-view.ts', z),
  good(honoPlace, 'branch-node/a/a-routes.ts', z),
  good(honoPlace, 'branch-node/web/frame.tsx', "import { html } from 'hono/html';"),
  bad(undiciPlace, room, "import { Pool } from 'undici';"),
  good(undiciPlace, 'shared/federation/peer-client.ts', "import { Pool } from 'undici';"),
  bad(timePlace, room, 'const at = Date.now();'),
  bad(timePlace, room, 'const today =\n  new Date();', 2),
  bad(timePlace, room, 'const chance = { random: Math.random };'),
  good(timePlace, room, "const text = 'new Date() and Date.now()';"),
  good(timePlace, 'shared/time/clock.ts', 'const at = Date.now();'),
  good(timePlace, 'demo/seed.ts', 'const at = Math.random();'),
];

const { files, functions, columns } = lengthRules;
const factory = `function createA() {\n${body('one', 60)}${body('two', 60)}return { one, two };\n}`;
const property = `const a = {\n  one() {\n${lines(60)}},\n two: () => {\n${lines(60)}},\n};`;

const lengths: readonly RuleCase[] = [
  bad(files, room, lines(501), 501),
  good(files, room, lines(500)),
  bad(functions, room, body('go', 69)),
  good(functions, room, body('go', 68)),
  good(functions, room, factory),
  good(functions, room, property),
  bad(functions, room, `function createA() {\n${body('long', 69)}}`, 2),
  bad(functions, room, `function createA() {\n${body('one', 9)}${lines(69)}}`),
  bad(functions, room, `function go() {\n${lines(40)}run(() => {\n${lines(40)}});\n}`),
  bad(functions, room, `class A {\n  go() {\n${lines(69)}}\n}`, 2),
  good(functions, room, `function routes() {\n${lines(40)}endpoint(a, () => {\n${lines(40)}});\n}`),
  bad(
    functions,
    'test/a.test.ts',
    `describe('a', () => {\nit('b', () => {\n${lines(70)}});\n});`,
    2,
  ),
  good(functions, 'branch-node/branch.ts', body('wire', 90)),
  bad(columns, room, wide(101, 'const a = x')),
  good(columns, room, wide(100, 'const a = x')),
  good(columns, room, `${wide(120, "const a = '")}';`),
  good(columns, room, `${wide(120, 'import { a } from "./')}.ts";`),
  good(columns, room, wide(120, '// why ')),
  bad(columns, room, wide(126, '// why ')),
  good(columns, room, wide(126, '// https://x')),
  good(columns, room, `const name = '${'Ж'.repeat(80)}';`),
  good(columns, 'test/a.test.ts', `it('${'x'.repeat(90)}', async () => {});`),
];

const { kebab, telling, migrations, barrels } = nameRules;
const folder = 'shared/a/migrations';

const names: readonly RuleCase[] = [
  bad(kebab, 'shared/a/peerClient.ts', ''),
  bad(kebab, 'shared/a/peer_client.ts', ''),
  good(kebab, 'test/unit/a/peer-client.test.ts', ''),
  bad(telling, 'shared/a/index.ts', ''),
  bad(telling, 'shared/a/date-utils.ts', ''),
  bad(telling, 'shared/common/a.ts', ''),
  bad(telling, 'shared/a/session-manager.ts', ''),
  good(telling, 'shared/a/number-index.ts', ''),
  bad(migrations, `${folder}/0002-create-a.sql`, ''),
  bad(migrations, `${folder}/0001-ledger.sql`, ''),
  bad(migrations, `${folder}/1-create-a.sql`, ''),
  {
    rule: migrations,
    files: { [`${folder}/0001-create-a.sql`]: '', [`${folder}/0003-add-b.sql`]: '' },
    finds: [`${folder}/0003-add-b.sql:1`],
  },
  {
    rule: migrations,
    files: { [`${folder}/0001-create-a.sql`]: '', [`${folder}/0002-add-b-to-a.sql`]: '' },
    finds: [],
  },
  bad(barrels, 'shared/a/all.ts', "export * from './a.ts';\nexport { b } from './b.ts';"),
  good(barrels, 'shared/a/all.ts', "export { b } from './b.ts';\nexport const a = 1;"),
];

const { silenced, unfinished, commentedOut, leftOut, printed } = bannedRules;
const { moneyNumbers, floats, classes } = bannedRules;

const banned: readonly RuleCase[] = [
  bad(silenced, room, 'go();\n// @ts-ignore\ngo();', 2),
  bad(silenced, room, '// @ts-expect-error: wrong on purpose'),
  bad(silenced, 'test/a.test.ts', '// @ts-expect-error'),
  good(silenced, 'test/a.test.ts', '// @ts-expect-error: the point of this test'),
  bad(unfinished, room, 'go(); // TODO later'),
  bad(unfinished, room, '/**\n * What it does.\n * FIXME\n */', 3),
  good(unfinished, room, `const code = 'XXX'; const url = \`https://a/\${code}//TODO\`;`),
  bad(commentedOut, room, '// const a = 1;'),
  bad(commentedOut, room, '/*\n  go(a, b);\n*/', 2),
  bad(commentedOut, room, '// if (a) {'),
  good(commentedOut, room, '// If it fails (it may), the rest goes on; const is not meant.'),
  good(commentedOut, room, "const pattern = /\\/\\/ const a = 1;/; const text = '// go(a);';"),
  bad(leftOut, 'test/a.test.ts', "it.only('a', () => {});"),
  bad(leftOut, 'test/a.test.ts', "describe.skip('a', () => {});"),
  bad(leftOut, 'test/a.test.ts', "xit('a', () => {});"),
  good(leftOut, 'test/a.test.ts', "it('a', function () { this.skip(); });"),
  bad(printed, room, "console.log('a');"),
  good(printed, 'test/a.test.ts', "console.log('a');"),
  bad(moneyNumbers, room, 'const a = Number(row.amount);'),
  bad(moneyNumbers, room, 'const a = Number.parseInt(net_sum);'),
  bad(moneyNumbers, room, 'const a = [+balance];'),
  good(moneyNumbers, room, 'const a = Number(row.count) + amount;'),
  good(moneyNumbers, room, 'const a = Number(summary);'),
  bad(floats, room, 'const a = Number.parseFloat(text);'),
  bad(floats, room, 'const a = parseFloat(text);'),
  bad(classes, room, 'export class PaymentService {}'),
  good(classes, room, 'class HomeFirst extends Error {}'),
];

export const ruleCases: readonly RuleCase[] = [imports, places, lengths, names, banned].flat();
