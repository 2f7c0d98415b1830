import { inflateSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Paper } from '../../../shared/pages/paper.tsx';
import { paperPdf } from '../../../shared/pages/paper-pdf.ts';
import { plain } from '../../../shared/pages/pdf.ts';

const paper: Paper = {
  title: 'Чек SPB-20261123-000001-947482',
  copy: 'КОПИЯ',
  sum: '1 234 567,89 ₽',
  facts: [['Филиал', 'Санкт-Петербургский филиал']],
  texts: ['ЗАЧИСЛЕН: домашний филиал MSK внёс его на счёт абонента.'],
  code: 'e'.repeat(700),
};

/** Width and height of each page in whole points. */
async function pagesOf(kind: 'a4' | '80mm', made: Paper): Promise<number[][]> {
  const text = (await paperPdf(made, kind)).toString('latin1');
  return [...text.matchAll(/\/MediaBox \[([^\]]+)\]/g)].map(([, box = '']) => {
    const [left = 0, bottom = 0, right = 0, top = 0] = box.split(' ').map((each) => Number(each));
    return [Math.floor(right - left), Math.floor(top - bottom)];
  });
}

/** Where each piece of text begins, in points from the left (the text matrix of ISO 32000-1, 9.4.2). */
async function leftEdges(kind: 'a4' | '80mm', made: Paper): Promise<number[]> {
  const file = await paperPdf(made, kind);
  const drawn = [...file.toString('latin1').matchAll(/stream\r?\n([\s\S]*?)endstream/g)]
    .map(([, body = '']) => {
      try {
        return inflateSync(Buffer.from(body, 'latin1')).toString('latin1');
      } catch {
        return '';
      }
    })
    .join('\n');
  return [...drawn.matchAll(/1 0 0 1 (\S+) \S+ Tm/g)].map(([, left]) => Number(left));
}

describe('a paper as a PDF', () => {
  it('begins every line at its margin, those of the code too', async () => {
    for (const [kind, margin, codeLines] of [
      ['a4', 56, 10],
      ['80mm', 10, 18],
    ] as const) {
      const edges = await leftEdges(kind, paper);
      expect(edges.length).to.be.greaterThan(codeLines + 4);
      expect([...new Set(edges)], kind).to.deep.equal([margin]);
    }
  });

  it('is made of whatever was typed, on its one page, and nothing leaves its margin', async () => {
    const typed = [
      ...['Иван \u202Eвалюта\u202C', 'a\u200b\u200d\ufeffb', 'Щ'.repeat(200), 'W'.repeat(500)],
      ...['a\0\x07\x1b[31m\x85', '漢字 😀 ᚠ مرحبا', 'a\ud800b', '(\\)) Tj ET BT (x', '\uffff'],
      ...['e'.repeat(3) + '\u0301'.repeat(300), 'Иван\nСумма: 9 999 999,00 ₽', ''],
    ];
    for (const [kind, left, right] of [['a4', 56, 539] as const, ['80mm', 10, 217] as const]) {
      const facts = typed.map((each) => ['Абонент', each] as const);
      const edges = await leftEdges(kind, { ...paper, facts });
      for (const edge of edges) expect(edge, kind).to.be.within(left, right);
      expect((await pagesOf(kind, { ...paper, facts })).length).to.equal(1);
    }
  }).timeout(120_000);

  it('has one line of letters that are seen, of any text', () => {
    expect(plain('Иван\nСумма: 9\u2028x')).to.equal('Иван Сумма: 9 x');
    expect(plain('a\u202Eb\u200bc\ud800d')).to.equal('abcd');
    expect(plain('Щ'.repeat(81))).to.equal(['Щ'.repeat(40), 'Щ'.repeat(40), 'Щ'].join(' '));
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(plain(text)).not.to.match(/[\p{C}\p{Zl}\p{Zp}]|\S{41}/u);
      }),
      { numRuns: 50 },
    );
  });

  it('is one page of A4', async () => {
    expect(await pagesOf('a4', paper)).to.deep.equal([[595, 841]]);
  });

  it('is one slip of 80 mm, as long as its text', async () => {
    const longer = { ...paper, texts: Array.from({ length: 20 }, () => paper.texts[0] ?? '') };
    const [[width = 0, height = 0] = [], ...none] = await pagesOf('80mm', paper);
    const [[, longerHeight = 0] = [], ...noMore] = await pagesOf('80mm', longer);
    expect(width).to.equal(226);
    expect(height).to.be.within(100, 500);
    expect(longerHeight).to.be.greaterThan(height + 200);
    expect([...none, ...noMore]).to.deep.equal([]);
  });
});
