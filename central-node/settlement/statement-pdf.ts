import { formatAmount } from '../../shared/money/money.ts';
import { writePdf } from '../../shared/pages/pdf.ts';
import { outcomeOf, type Statement, statementColumns, statementRows } from './statement.ts';

/** Points from the left edge of the page; sums are set to the right of theirs. */
const columnsAt = [50, 110, 190, 290, 380, 460];
const columnWidth = 85;
const rowHeight = 18;
const pageBottom = 770;
/** The statement as a PDF, as many pages as it takes. */
export function statementPdf(statement: Statement): Promise<Buffer> {
  const options = { size: 'A4', margin: 50, title: 'Settlement' } as const;
  return writePdf(options, (document, legible) => {
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
    document.fontSize(9).text(outcomeOf(statement));
  });
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
