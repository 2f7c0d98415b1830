import type { Paper } from './paper.tsx';
import { type PdfDocument, writePdf } from './pdf.ts';

const pointsPerMm = 72 / 25.4;
const slipWidth = 80 * pointsPerMm;
/** What is longer goes on on a second piece. */
const slipMaxHeight = 3_000;

export const papers = ['a4', '80mm'] as const;
export type PaperKind = (typeof papers)[number];

interface Measures {
  readonly margin: number;
  readonly title: number;
  readonly sum: number;
  readonly text: number;
  readonly small: number;
  /** How much of a code fits on a line; left to wrap it, the library measures it letter by letter. */
  readonly codeLetters: number;
}
const measures: Readonly<Record<PaperKind, Measures>> = {
  a4: { margin: 56, title: 16, sum: 18, text: 11, small: 9, codeLetters: 72 },
  '80mm': { margin: 10, title: 11, sum: 16, text: 9, small: 7, codeLetters: 40 },
};

/** Paper as a PDF: a page of A4, or a slip as long as its text. */
export function paperPdf(paper: Paper, kind: PaperKind): Promise<Buffer> {
  const { title } = paper;
  const { margin } = measures[kind];
  const size: 'A4' | [number, number] = kind === 'a4' ? 'A4' : [slipWidth, slipMaxHeight];
  return writePdf({ size, margin, title }, (document, legible) => {
    draw(document, { paper, measure: measures[kind], legible });
    if (kind === '80mm') cutBelow(document, document.y + margin);
  });
}

/** A slip ends where its text does: what is left of the roll is no part of the page. */
function cutBelow(document: PdfDocument, height: number): void {
  const MediaBox = [0, slipMaxHeight - height, slipWidth, slipMaxHeight];
  Object.assign(document.page.dictionary.data, { MediaBox });
}

interface Drawn {
  readonly paper: Paper;
  readonly measure: Measures;
  readonly legible: (text: string) => string;
}

function draw(document: PdfDocument, { paper, measure, legible }: Drawn): void {
  const write = (text: string, size: number) =>
    document.fontSize(size).text(legible(text), { paragraphGap: size / 3 });
  if (paper.copy !== undefined) write(paper.copy, measure.title);
  write(paper.title, measure.title);
  if (paper.sum !== undefined) write(paper.sum, measure.sum);
  document.moveDown(0.5);
  for (const [label, value] of paper.facts) write(`${label}: ${value}`, measure.text);
  document.moveDown(0.5);
  for (const text of paper.texts) write(text, measure.text);
  for (const party of paper.signatures ?? []) {
    document.moveDown(2);
    write('_'.repeat(36), measure.text);
    write(party, measure.small);
  }
  document.moveDown(0.5);
  const lines = paper.code?.match(new RegExp(`.{1,${measure.codeLetters}}`, 'g')) ?? [];
  for (const line of lines) {
    // Unbroken text leaves the pen at its end: each line is put to the margin.
    const unbroken = { lineBreak: false };
    document.fontSize(measure.small).text(line, measure.margin, document.y, unbroken).moveDown();
  }
}
