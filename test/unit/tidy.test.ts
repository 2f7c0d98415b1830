import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { projectRoot } from '../../shared/store/assets.ts';
import { bannedRules } from './tidy/banned-rules.ts';
import { importRules } from './tidy/import-rules.ts';
import { lengthRules } from './tidy/length-rules.ts';
import { nameRules } from './tidy/name-rules.ts';
import { placeRules } from './tidy/place-rules.ts';
import { ruleCases } from './tidy/rule-cases.ts';
import { readTrees, type Tree } from './tidy/tree.ts';

const groups = [importRules, placeRules, lengthRules, nameRules, bannedRules];
const rules = groups.flatMap((group) => Object.values(group));

describe('the tree', () => {
  let trees: Tree[];

  before(() => {
    const folder = mkdtempSync(join(tmpdir(), 'tidy-'));
    const madeUp = ruleCases.map(({ files }, index) => {
      const root = join(folder, String(index));
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true });
        writeFileSync(join(root, path), text);
      }
      return root;
    });
    trees = readTrees([projectRoot(), ...madeUp]);
    rmSync(folder, { recursive: true });
  });

  it('is read', () => {
    expect(trees[0]?.sources.length).to.be.greaterThan(200);
  });

  for (const rule of rules) {
    it(rule.says, () => {
      const found = trees.slice(0, 1).flatMap((tree) => rule.findings(tree));
      const list = found.map(({ path, line, what }) => `\n  ${path}:${line} ${what}`);
      expect(found, list.join('')).to.have.length(0);
    });
  }

  describe('as made up to break a rule and to keep it', () => {
    for (const rule of rules) {
      it(`${rule.says}, or is found out`, () => {
        const cases = ruleCases.flatMap((one, index) =>
          one.rule === rule ? [{ ...one, tree: trees[index + 1] }] : [],
        );
        expect(cases.some(({ finds }) => finds.length > 0)).to.equal(true);
        for (const { tree, finds, files } of cases) {
          const found = tree ? rule.findings(tree) : [];
          const places = found.map(({ path, line }) => `${path}:${line}`);
          expect(places, JSON.stringify(files)).to.have.members(finds);
        }
      });
    }
  });
});
