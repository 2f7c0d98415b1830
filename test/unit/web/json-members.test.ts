import { expect } from 'chai';
import { misleadingMember } from '../../../shared/web/json-members.ts';

describe('misleading members of a JSON text', () => {
  for (const [text, field] of [
    ['{"a":1,"a":2}', 'a'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['{"a" : {"b":1},"c":[{"b":1,"b":2}]}', 'c.b'],
    ['{"money":{"amount":"1","amount":"2"}}', 'money.amount'],
    ['{"__proto__":{}}', '__proto__'],
    ['{"x":{"__proto__":1}}', 'x.__proto__'],
    ['{"a\\\\":1,"a\\\\":2}', 'a\\'],
    ['{"a\\"":1,"a\\"":2}', 'a"'],
    ['[{"a":1},{"a":1,"b":"a","c":["a","a"]}]', undefined],
    ['{"a":"{\\"a\\":1","b":"}","c":"\\\\"}', undefined],
    ['"a"', undefined],
    ['5', undefined],
    ['{"a":"__proto__","b":"x:y"}', undefined],
  ] as const) {
    it(`${text}: ${field ?? 'none'}`, () => {
      JSON.parse(text);
      expect(misleadingMember(text)).to.equal(field);
    });
  }

  it('takes a long and a deep text in time', () => {
    const long = JSON.stringify({ a: '\\"\n'.repeat(2_000_000) });
    expect(misleadingMember(long)).to.equal(undefined);
    const deep = `${'[{"a":'.repeat(100_000)}1${'}]'.repeat(100_000)}`;
    expect(misleadingMember(deep)).to.equal(undefined);
  });
});
