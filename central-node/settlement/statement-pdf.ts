import { existsSync } from 'node:fs';
import { formatAmount } from '../../shared/money/money.ts';
import { assetPath } from '../../shared/store/assets.ts';
import { type Statement, statementColumns, statementRows } from './statement.ts';

/** Points from the left edge of the page; sums are set to the right of theirs. */
const columnsAt = [50, 110, 190, 290, 380, 460];
const columnWidth = 85;
const rowHeight = 18;
const pageBottom = 770;
/** A font with Cyrillic letters; without its package names are written in Latin ones. */
const fontFile = 'node_modules/dejavu-fonts-ttf/ttf/DejaVuSans.ttf';

/** The statement as a PDF, as many pages as it takes. */
export async function statementPdf(statement: Statement): Promise<Buffer> {
  // Loaded when it is wanted: a start of head office need not wait for it.
  const pdfkit = await import('pdfkit');
  const document = new pdfkit.default({ size: 'A4', margin: 50, info: { Title: 'Settlement' } });
  const written = collect(document);
  const font = assetPath(fontFile);
  const hasFont = existsSync(font);
  document.font(hasFont ? font : 'Helvetica');
  const legible = hasFont ? (text: string) => text : latin;
  writeHead(document, statement, legible);
  let top = document.y + rowHeight;
  const rows = [statementColumns, ...statementRows(statement)];
  for (const row of rows) {
    if (top > pageBottom) {
      document.addPage();
      top = document.y;
    }
    writeRow(document, row, top);
    top += rowHeight;
  }
  const { net, currency } = statement;
  const total = `Net position: ${formatAmount(net, currency)} ${currency}`;
  document.fontSize(12).text(total, columnsAt[0], top + rowHeight);
  document
    .fontSize(9)
    .text(net < 0n ? 'The branch pays this sum.' : 'The branch receives this sum.');
  document.end();
  return written;
}

function writeHead(
  document: PDFKit.PDFDocument,
  statement: Statement,
  legible: (text: string) => string,
): void {
  const { branch, branchName, settlementId, state, model, madeAt, decidedAt } = statement;
  document.fontSize(16).text('Settlement statement');
  document.fontSize(12).text(legible(`${branch} ${branchName}`));
  document.fontSize(9).moveDown();
  document.text(`Settlement ${settlementId} (${model}), ${state}`);
  document.text(`Prepared ${madeAt}${decidedAt === null ? '' : `, decided ${decidedAt}`}`);
  document.text(`Sums in ${statement.currency}; a positive sum is to the branch's favour.`);
}

function writeRow(document: PDFKit.PDFDocument, row: readonly string[], top: number): void {
  for (const [index, cell] of row.entries()) {
    const align = index === 0 ? 'left' : 'right';
    document.text(cell, columnsAt[index], top, { width: columnWidth, align, lineBreak: false });
  }
}

function collect(document: PDFKit.PDFDocument): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    document.on('data', (chunk: Buffer) => chunks.push(chunk));
    document.on('end', () => resolve(Buffer.concat(chunks)));
    document.on('error', reject);
  });
}

const cyrillic = 'абвгдеёжзийклмнопрстуфхцчшщъыьэюя';
const latinLetters =
  'a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya'.split(' ');

/** Cyrillic in Latin letters, as passports write it (ICAO Doc 9303); what else Helvetica lacks becomes `?`. */
export function latin(text: string): string {
  return [...text]
    .map((letter) => {
      const place = cyrillic.indexOf(letter.toLowerCase());
      if (place < 0) return letter > 'ÿ' ? '?' : letter;
      const written = (latinLetters[place] ?? '?').replace('_', '');
      const isCapital = letter !== letter.toLowerCase();
      return isCapital ? written.charAt(0).toUpperCase() + written.slice(1) : written;
    })
    .join('');
}
