import canonicalize from 'canonicalize';
import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalJson } from '../../../shared/wire/canonical.ts';

const names = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ maxLength: 3 }),
  fc.constantFrom(
    '10',
    '9',
    '01',
    '-1',
    '1e3',
    '__proto__',
    'constructor',
    'Ё',
    '€',
    '😀',
    'ﬃ',
    '',
  ),
);
const values = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.integer(),
    fc.constantFrom(-0, 2 ** 53 + 2, 1e21, 1e-7, true, false, null, undefined),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(names, tie('value'), { maxKeys: 8 }),
  ),
})).value;

/** The text, or that there is none. */
function said(write: () => string | undefined): string | undefined {
  try {
    return write();
  } catch {
    return undefined;
  }
}

describe('canonical JSON', () => {
  it('is what the library writes, or refused as by it', () => {
    fc.assert(
      fc.property(fc.dictionary(names, values, { maxKeys: 8 }), (value) => {
        const expected = said(() => canonicalize(value));
        expect(said(() => canonicalJson(value))).to.equal(expected);
        // What a peer sends stands in its order already.
        const read = expected && JSON.parse(expected);
        if (read) expect(canonicalJson(read)).to.equal(expected);
      }),
      { numRuns: 3_000 },
    );
  });

  it('has the example of RFC 8785, 3.2.3', () => {
    const value = JSON.parse(
      '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\\ud83d\\ude00":"Emoji: Grinning Face","\\u0080":"Control","\\u00f6":"Latin Small Letter O With Diaeresis"}',
    );
    expect(Object.values(JSON.parse(canonicalJson(value)))).to.have.length(7);
    expect([...canonicalJson(value).matchAll(/:"([^" ]+)/g)].map(([, word]) => word)).to.deep.equal(
      ['Carriage', 'One', 'Control', 'Latin', 'Euro', 'Emoji:', 'Hebrew'],
    );
  });

  it('has one way for numbers and texts that have several', () => {
    const text =
      '{"n":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001,-0],"b":"\\u20ac\\u000F\\/"}';
    expect(canonicalJson(JSON.parse(text))).to.equal(
      '{"b":"€\\u000f/","n":[333333333.3333333,1e+30,4.5,0.002,1e-27,0]}',
    );
  });

  it('writes what is no plain object as the library does', () => {
    class Named {
      name = 'b';
      also = 'a';
    }
    const list = Object.assign([{ b: 1, a: 2 }], { toJSON: () => 'a list' });
    const values = [new Date(0), new Named(), new Map([[1, 2]]), Object(5), list, [undefined]];
    for (const value of values) {
      expect(canonicalJson({ b: value, a: 1 })).to.equal(canonicalize({ b: value, a: 1 }));
    }
  });

  for (const [what, value] of [
    ['half a character', { text: '\ud800' }],
    ['half a character in a name', { '\udc00': 1 }],
    ['what is no number', { number: Number.NaN }],
    ['what has no end', { number: Number.POSITIVE_INFINITY }],
    ['big integers', { number: 1n }],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => canonicalJson(value)).to.throw();
    });
  }
});
