import { expect } from 'chai';
import { maxBodyDepth, memberFault } from '../../../shared/web/json-members.ts';

describe('the members of a JSON text', () => {
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
      expect(memberFault(text)?.field).to.equal(field);
    });
  }

  it('takes a long text in time', () => {
    const long = JSON.stringify({ a: '\\"\n'.repeat(2_000_000) });
    expect(memberFault(long)).to.equal(undefined);
  });

  it('is nested so deep and no deeper', () => {
    const nested = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
    expect(memberFault(nested(maxBodyDepth))).to.equal(undefined);
    expect(memberFault(nested(maxBodyDepth + 1))?.field).to.equal('a');
    expect(memberFault('['.repeat(200_000))?.field).to.equal('body');
  });

  for (const text of ['{"a', '{"a":1,"b\\', '"\\u12":', '}}]]', '{"\\q":1,"\\q":2}']) {
    it(`leaves what is no JSON to the parser or refuses it: ${text}`, () => {
      expect(() => memberFault(text)).not.to.throw();
      expect(() => JSON.parse(text)).to.throw();
    });
  }
});
