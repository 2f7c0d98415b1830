const plainNumber = /^-?\d+(\.\d+)?$/;

/** Where a cell begins that a spreadsheet would take for a formula; some divide cells by `;` or a tab. */
const formulaStart = /(?<=^|[;\t\r\n])(?=\s*[=+\-@＝＋－＠])|^(?=[\t\r\n\0])/g;

/** A text that a spreadsheet would take for a formula becomes a plain text (OWASP, CSV injection). */
export function csvCell(text: string): string {
  const safe = plainNumber.test(text) ? text : text.replaceAll(formulaStart, "'");
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** RFC 4180. */
export function csvText(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}
