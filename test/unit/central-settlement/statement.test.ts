import { expect } from 'chai';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { mirrored } from '../../../central-node/settlement/pair-positions.ts';
import type { SettlementView } from '../../../central-node/settlement/settlement.ts';
import {
  outcomeOf,
  statementCsv,
  statementOf,
} from '../../../central-node/settlement/statement.ts';
import { statementPdf } from '../../../central-node/settlement/statement-pdf.ts';
import { latin } from '../../../shared/pages/pdf.ts';
import { transfersOf } from '../../../shared/settlement/netting.ts';
import { csvCell, csvText } from '../../../shared/text/csv.ts';
import { checker, maker, msk, nsk, spb } from './settlement-fixture.ts';

const settlement: SettlementView = {
  ...{ id: 's-1', currency: 'RUB', model: 'multilateral', state: 'SETTLED' },
  ...{ madeBy: maker, madeAt: '2025-07-01T09:00:00.000Z' },
  ...{ decidedBy: checker, decidedAt: '2025-07-01T10:00:00.000Z' },
  ...{ windowIds: ['w-1'], answers: [] },
  positions: [
    { branch: msk, peer: nsk, count: 1, gross: 0n, commission: 0n, fees: 7_500n, net: 7_500n },
    {
      ...{ branch: msk, peer: spb, count: 2, gross: -100_000n, commission: 1_500n, fees: 0n },
      net: -98_500n,
    },
  ],
};
const statement = statementOf(settlement, { branch: msk, branchName: '=Филиал, "Москва"' });

describe('a settlement statement', () => {
  it('is CSV with exact sums and no formulas', () => {
    expect(statementCsv(statement).split('\r\n')).to.deep.equal([
      'Settlement,s-1',
      'State,SETTLED',
      `Branch,MSK,"'=Филиал, ""Москва"""`,
      'Currency,RUB',
      'Netting,multilateral',
      'Completed,2025-07-01T10:00:00.000Z',
      '',
      'Peer,Operations,Gross,Commission,Fees,Net',
      'NSK,1,0.00,0.00,75.00,75.00',
      'SPB,2,-1000.00,15.00,0.00,-985.00',
      'Total,,,,,-910.00',
      '',
    ]);
  });

  it('says of a settlement that was given up, or is not approved yet, that nothing is paid', () => {
    const csvOf = (changes: Partial<SettlementView>) =>
      statementCsv(statementOf({ ...settlement, ...changes }, { branch: msk, branchName: '' }));
    expect(csvOf({ state: 'ABORTED' }))
      .to.include('Given up,2025')
      .and.not.include('Completed');
    const pending = { state: 'PENDING_SETTLEMENT', decidedAt: null } as const;
    expect(csvOf(pending)).not.to.match(/Completed|Given up/);
    const [paid, received] = ['The branch pays this sum.', 'The branch receives this sum.'];
    expect(outcomeOf({ ...statement, net: -1n })).to.equal(paid);
    expect(outcomeOf({ ...statement, net: 1n })).to.equal(received);
    for (const nothing of [
      { state: 'SETTLED', net: 0n },
      { state: 'ABORTED', net: -1n },
      { state: 'PENDING_SETTLEMENT', net: 1n },
    ] as const) {
      expect(outcomeOf({ ...statement, ...nothing })).not.to.be.oneOf([paid, received]);
    }
  });

  it('says of one by pairs that the sums of its lines change hands, whatever they come to together', () => {
    const [owed] = settlement.positions;
    const lines = owed ? [owed, { ...owed, peer: spb, fees: -7_500n, net: -7_500n }] : [];
    const made = { ...settlement, model: 'bilateral', positions: lines } as const;
    const pairs = statementOf(made, { branch: msk, branchName: '' });
    expect(transfersOf(made.model, lines.concat(lines.map(mirrored)))).to.have.length(2);
    expect(pairs.net).to.equal(0n);
    expect(outcomeOf(pairs)).to.match(/each peer/);
    expect(outcomeOf({ ...pairs, net: -7_500n })).not.to.match(/this sum/);
    expect(statementCsv(pairs)).to.include('Netting,bilateral');
    const empty = lines.map((line) => ({ ...line, fees: 0n, net: 0n }));
    expect(outcomeOf({ ...pairs, lines: empty })).to.equal('Nothing changes hands.');
  });

  it('neutralises what a spreadsheet would run, and leaves numbers alone', () => {
    for (const text of [
      '=1+1',
      '+1 2',
      '-cmd',
      '@x',
      '\tx',
      ' =1',
      '\n=1',
      '\0=1',
      '＝1',
      '\r=1',
    ]) {
      expect(csvCell(text), text).to.match(/^"?'/);
    }
    // Where a comma is for decimals, cells are divided by semicolons.
    expect(csvCell('x;=1+1')).to.equal("x;'=1+1");
    expect(csvCell('x\t -1+1;y')).to.equal("x\t' -1+1;y");
    for (const number of ['-12.05', '0.00', '7']) expect(csvCell(number)).to.equal(number);
  });

  it('neutralises any text, and loses nothing of it', () => {
    const texts = fc.array(fc.constantFrom(...'=+-@;,"\t\r\n\0 \'a1＝'), { maxLength: 8 });
    const cell = (text: string) => {
      const [[read = ''] = []] = parse(csvText([[text, 'end']]), {
        ...{ relax_column_count: true, record_delimiter: '\r\n' },
      });
      return String(read);
    };
    fc.assert(
      fc.property(texts, (letters) => {
        const text = letters.join('');
        const read = cell(text);
        expect(read.replaceAll("'", '')).to.equal(text.replaceAll("'", ''));
        if (/^-?\d+$/.test(read)) return;
        for (const part of read.split(/[;\t\r\n]/)) expect(part).not.to.match(/^\s*[=+\-@＝]/);
      }),
      { numRuns: 300 },
    );
  });

  it('is a PDF, of as many pages as it takes', async () => {
    const lines = Array.from({ length: 120 }, () => statement.lines[0]).flatMap((line) =>
      line ? [line] : [],
    );
    const long = await statementPdf({ ...statement, lines });
    expect(long.subarray(0, 5).toString()).to.equal('%PDF-');
    expect(long.toString('latin1').match(/\/Type \/Page\b/g)?.length).to.equal(4);
  });

  it('can be written in Latin letters', () => {
    expect(latin('Уральский филиал, объект Щ-1 ☎')).to.equal('Uralskiy filial, obekt Shch-1 ?');
  });

  it('is refused to a branch that is not concerned', () => {
    expect(() => statementOf(settlement, { branch: spb, branchName: '' })).to.throw('SPB');
  });
});
