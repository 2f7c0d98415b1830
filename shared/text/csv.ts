const plainNumber = /^-?\d+(\.\d+)?$/;

/** A text that a spreadsheet would take for a formula becomes a plain text (OWASP, CSV injection). */
export function csvCell(text: string): string {
  const isFormula = /^(?:\s*[=+\-@＝＋－＠]|[\t\r\n\0])/.test(text) && !plainNumber.test(text);
  const safe = isFormula ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** RFC 4180. */
export function csvText(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}
