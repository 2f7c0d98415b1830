import { expect } from 'chai';
import { marks, type Page, pageFault } from '../../fuzz/page-judge.ts';

const html = { 'content-type': 'text/html; charset=utf-8' };
const csv = { 'content-type': 'text/csv; charset=utf-8' };

function page(
  changes: Partial<Omit<Page, 'headers'>> & { headers?: Record<string, string> },
): Page {
  const { headers = html, ...rest } = changes;
  const usual = { method: 'GET', status: 200, text: '<p>&lt;fuzz&gt;</p>', wrote: [] };
  return { ...usual, ...rest, headers: new Headers(headers) };
}

describe('the judge of pages', () => {
  it('has nothing against a page that escapes what was typed, a refusal, a list as CSV', () => {
    expect(pageFault(page({}))).to.equal(undefined);
    expect(pageFault(page({ status: 503 }))).to.equal(undefined);
    expect(
      pageFault(page({ status: 303, text: '', headers: { location: '/sign-in?next=%2F' } })),
    ).to.equal(undefined);
    expect(pageFault(page({ headers: csv, text: "a,b\n-5.00,'=1+1\n" }))).to.equal(undefined);
    expect(pageFault(page({ method: 'POST', wrote: ['payments'] }))).to.equal(undefined);
    expect(pageFault(page({ wrote: ['audit_entries'] }))).to.equal(undefined);
  });

  for (const [what, changes] of [
    ['an error', { status: 500 }],
    ['a mark that is not escaped', { text: `<p>${marks[0]}</p>` }],
    ['an attribute that was broken out of', { text: '<p title="" onfuzz="1"></p>' }],
    ['a link to a script', { text: '<a href="javascript:fuzz">a</a>' }],
    ['a link to another host', { text: '<a href="//evil.example/fuzz">a</a>' }],
    ['a redirect to another host', { headers: { location: '/\\evil.example' } }],
    ['a cookie of what was typed', { headers: { ...html, 'set-cookie': 'fuzz=1' } }],
    ['a look that wrote', { wrote: ['payments'] }],
    ['a refusal that wrote', { method: 'POST', status: 422, wrote: ['payments'] }],
    ['a refusal that says how it is made', { status: 400, text: 'SQLITE_ERROR near "x"' }],
    ['a formula in a list', { headers: csv, text: 'a\n=1+1\n' }],
    ['a type that nobody expects', { headers: { 'content-type': 'image/svg+xml' } }],
  ] as const) {
    it(`finds ${what}`, () => {
      expect(pageFault(page(changes))).to.be.a('string');
    });
  }
});
