import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { luhnDigit } from '../../../shared/ids/ids.ts';
import { crashPatches, crashPoints, migrationPoints } from '../../crashes/crash-points.ts';
import { mutants, patchesOf } from '../../simulation/mutants.ts';
import {
  compiledPath,
  patchedText,
  patchedTexts,
  patchedTree,
  patchesNamed,
  type SourcePatch,
} from '../../support/patches.ts';

const wrongLuhn: SourcePatch = {
  name: 'wrong-luhn',
  file: 'shared/ids/ids.ts',
  find: 'function luhnDigit(digits) {',
  replace: "function luhnDigit(digits) {\n    return 'x';",
};

describe('source patches', () => {
  it('change one copy of the code, for this process and for another', async () => {
    const tree = patchedTree([wrongLuhn]);
    try {
      const path = join(tree.root, compiledPath(wrongLuhn.file));
      const patched = await import(path);
      expect(patched.luhnDigit('7992739871')).to.equal('x');
      expect(luhnDigit('7992739871')).to.equal('3');
      const script = `import { luhnDigit } from ${JSON.stringify(path)}; console.log(luhnDigit('7992739871'));`;
      const options = ['--input-type=module', '--eval', script];
      expect(execFileSync(process.execPath, options, { encoding: 'utf8' })).to.equal('x\n');
    } finally {
      tree.remove();
    }
    expect(existsSync(tree.root)).to.equal(false);
  });

  it('are refused by name when their piece is not there exactly once', () => {
    const missing = { ...wrongLuhn, name: 'missing', find: 'function nobodyWroteThis(' };
    const common = { ...wrongLuhn, name: 'too-common', find: 'return' };
    expect(() => patchedTree([missing])).to.throw(/patch missing: .* nowhere in shared\/ids/);
    expect(() => patchedTree([common])).to.throw(/patch too-common: .* \d+ times in/);
    expect(() => patchedTree([{ ...wrongLuhn, file: 'shared/ids/none.ts' }])).to.throw(/ENOENT/);
  });

  it('of one file are made one after the other', () => {
    const second = { ...wrongLuhn, name: 'second', find: "return 'x'", replace: "return 'y'" };
    const [text] = patchedTexts([wrongLuhn, second]).values();
    expect(text).to.contain("return 'y'").and.not.contain("return 'x'");
    expect(() => patchedTexts([second, wrongLuhn])).to.throw(/patch second: .* nowhere/);
  });

  it('are refused when nobody or more than one has the name', () => {
    expect(patchesNamed([wrongLuhn], ['wrong-luhn'])).to.deep.equal([wrongLuhn]);
    expect(() => patchesNamed([wrongLuhn], ['right-luhn'])).to.throw('0 patches are named right');
    expect(() => patchesNamed([wrongLuhn, wrongLuhn], ['wrong-luhn'])).to.throw('2 patches');
  });

  it('of all crash points fit, and no two points have one name', () => {
    expect(patchedTexts(crashPatches)).not.to.be.empty;
    const names = [...crashPoints, ...migrationPoints].map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
  });

  it('of all mutants fit', () => {
    for (const mutant of mutants) expect(patchedTexts(patchesOf(mutant))).not.to.be.empty;
  });

  it('put a replacement in as it stands', () => {
    const patch = { ...wrongLuhn, find: 'b', replace: '$&$1' };
    expect(patchedText('abc', patch)).to.equal('a$&$1c');
  });
});
