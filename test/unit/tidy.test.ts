import { expect } from 'chai';
import { projectRoot } from '../../shared/store/assets.ts';
import { bannedRules } from './tidy/banned-rules.ts';
import { importRules } from './tidy/import-rules.ts';
import { lengthRules } from './tidy/length-rules.ts';
import { nameRules } from './tidy/name-rules.ts';
import { placeRules } from './tidy/place-rules.ts';
import { type Finding, readTree, type Tree } from './tidy/tree.ts';

const rules = [importRules, placeRules, lengthRules, nameRules, bannedRules].flat();

function listOf(findings: readonly Finding[]): string {
  return findings.map(({ path, line, what }) => `\n  ${path}:${line} ${what}`).join('');
}

describe('the tree', () => {
  let tree: Tree;

  before(() => {
    tree = readTree(projectRoot());
    expect(tree.sources.length).to.be.greaterThan(100);
  });

  for (const rule of rules) {
    it(rule.says, () => {
      const findings = rule.findings(tree);
      expect(findings, listOf(findings)).to.be.empty;
    });
  }
});
