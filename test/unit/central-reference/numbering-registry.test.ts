import { expect } from 'chai';
import { parseRegistry } from '../../../central-node/reference/numbering-registry.ts';
import { isDomainError } from '../../../shared/problem/problem.ts';

const header = 'АВС/ DEF;От;До;Емкость;Оператор;Регион;ИНН';
const row = '925;0000000;0000999;1000;ПАО "МегаФон";Тверская обл.;7812014560';
const bytes = (...lines: readonly string[]) => Buffer.from(lines.join('\n'));

function refusal(file: Uint8Array): string {
  try {
    parseRegistry(file);
  } catch (error) {
    if (!isDomainError(error, 'invalid-input')) throw error;
    return error.errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  }
  return 'taken';
}

describe('the numbering registry', () => {
  const expected = {
    line: 2,
    from: '79250000000',
    to: '79250000999',
    capacity: 1000,
    operator: 'ПАО "МегаФон"',
    region: 'Тверская обл.',
    inn: '7812014560',
  };
  const quoted = row
    .split(';')
    .map((field) => `"${field.replaceAll('"', '""')}"`)
    .join(';');
  const editions: readonly (readonly [string, Uint8Array])[] = [
    ['as published', bytes(header, row)],
    ['with a byte order mark', bytes(`\uFEFF${header}`, row)],
    ['with Windows line ends and an empty end', Buffer.from(`${header}\r\n${row}\r\n\r\n`)],
    ['quoted throughout', bytes(header, quoted)],
    ['with a quoted header', bytes(`\uFEFF"${header.replaceAll(';', '";"')}"`, row)],
    ['with bare numbers', bytes(header, row.replace('0000000', '0').replace('0000999', '999'))],
    ['with padded capacity', bytes(header, row.replace(';1000;', ';0001000;'))],
    ['with columns added at the end', bytes(`${header};Территория ГАР;Дата`, `${row};"а;б";2025`)],
    [
      'with a column added before the tax number',
      bytes(header.replace(';ИНН', ';ГАР;ИНН'), row.replace(';7812014560', ';x;7812014560')),
    ],
  ];
  for (const [edition, file] of editions) {
    it(`is read ${edition}`, () => {
      expect(parseRegistry(file)).to.deep.equal([expected]);
    });
  }

  it('reads a plain name that begins with a quote, and tax numbers without their zero', () => {
    const [read] = parseRegistry(bytes(header, '925;0;9;10;"Т2" ООО;Тверская обл.;274051582'));
    expect(read).to.include({ operator: '"Т2" ООО', inn: '0274051582' });
    const [trader] = parseRegistry(bytes(header, '925;0;9;10;ИП Ким;Тверская обл.;27405158212'));
    expect(trader).to.include({ inn: '027405158212' });
  });

  const bad: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['is empty', bytes(''), /^line 1 .*empty/],
    ['is only a byte order mark', Buffer.from('\uFEFF\n'), /^line 1 .*empty/],
    ['has no ranges', bytes(header), /^line 2 .*no ranges/],
    ['has no header', bytes(row, row), /^line 1 .*header/],
    ['lacks a column', bytes(header.replace(';Емкость', ''), row), /^line 1 .*capacity/],
    ['has a row with a field too few', bytes(header, row, '925;1'), /^line 3 has 2 columns/],
    ['has a row with a field too many', bytes(header, `${row};`), /^line 2 has 8 columns/],
    ['has an empty row within', bytes(header, '', row), /^line 2 has 1 columns/],
    ['has a code that is not mobile', bytes(header, row.replace('925;', '495;')), /^line 2 .*900/],
    [
      'has a number of eight digits',
      bytes(header, row.replace('0000999', '00000999')),
      /^line 2 .*"to"/,
    ],
    ['has a number of letters', bytes(header, row.replace('0000000', 'oooo')), /^line 2 .*"from"/],
    [
      'has a range from > to',
      bytes(header, row.replace('0000000', '0001000')),
      /^line 2 ends before/,
    ],
    [
      'has a capacity that disagrees',
      bytes(header, row.replace(';1000;', ';999;')),
      /^line 2 says 999/,
    ],
    ['has no capacity', bytes(header, row.replace(';1000;', ';;')), /^line 2 has no capacity/],
    ['has no region', bytes(header, row.replace('Тверская обл.', ' ')), /^line 2 has no region/],
    ['has a broken tax number', bytes(header, row.replace('7812014560', 'x')), /^line 2 .*INN/],
    ['has the same range twice', bytes(header, row, row), /^line 3 overlaps line 2/],
    [
      'has overlapping ranges',
      bytes(header, row, '926;0;9;10;А;Б;7812014560', '925;999;1000;2;А;Б;7707049388'),
      /^line 4 overlaps line 2/,
    ],
    [
      'is not UTF-8',
      Buffer.concat([bytes(header, row), Buffer.from([10, 0xcc, 0xf1, 10])]),
      /^line 3 is not UTF-8/,
    ],
    ['is UTF-16', Buffer.from(`\uFEFF${header}`, 'utf16le'), /^line 1 is not UTF-8/],
    ['has an endless line', bytes(header, 'x'.repeat(5_000)), /^line 2 .*characters/],
  ];
  for (const [what, file, expectedRefusal] of bad) {
    it(`is refused when it ${what}`, () => {
      expect(refusal(file)).to.match(expectedRefusal);
    });
  }

  it('names all bad lines at once', () => {
    expect(refusal(bytes(header, 'a', row, 'b'))).to.match(/^line 2 .*; line 4 /);
  });
});
