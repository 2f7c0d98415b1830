import { DomainError } from '../../shared/problem/problem.ts';

const maxLineLength = 4_000;

/**
 * The lines of a UTF-8 file, with or without a byte order mark, without the empty end.
 * @throws DomainError `invalid-input` naming the line that is not UTF-8 or too long.
 */
export function readLines(
  bytes: Uint8Array,
  { maxBytes, maxLines }: { readonly maxBytes: number; readonly maxLines: number },
): string[] {
  if (bytes.length > maxBytes) throw refuse('file', `is over ${maxBytes} bytes`);
  const lines = decode(bytes).split(/\r?\n/);
  while (lines.length > 0 && lines.at(-1)?.trim() === '') lines.pop();
  if (lines.length === 0) throw refuse('line 1', 'is missing: the file is empty');
  if (lines.length > maxLines) throw refuse(`line ${maxLines + 1}`, 'is over the limit of lines');
  const long = lines.findIndex((line) => line.length > maxLineLength);
  if (long >= 0) throw refuse(`line ${long + 1}`, `is over ${maxLineLength} characters`);
  return lines;
}

function decode(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    return decoder.decode(bytes);
  } catch {
    throw refuse(`line ${firstBadLine(bytes, decoder)}`, 'is not UTF-8');
  }
}

function firstBadLine(bytes: Uint8Array, decoder: InstanceType<typeof TextDecoder>): number {
  const lineFeed = 10;
  let start = 0;
  for (let line = 1; start <= bytes.length; line += 1) {
    const found = bytes.indexOf(lineFeed, start);
    const end = found < 0 ? bytes.length : found;
    try {
      decoder.decode(bytes.subarray(start, end));
    } catch {
      return line;
    }
    start = end + 1;
  }
  return 1;
}

/**
 * The fields of a line. Not quite CSV: names hold bare quotes (ООО "Т2 Мобайл"), and only a field
 * that begins with a quote and ends with one before the separator is quoted as a whole.
 */
export function splitFields(line: string): string[] {
  const fields: string[] = [];
  let rest = line;
  for (;;) {
    const quoted = /^"((?:[^"]|"")*)"(?:;|$)/.exec(rest);
    const length = quoted ? quoted[0].length - (quoted[0].endsWith(';') ? 1 : 0) : -1;
    const end = quoted ? length : rest.indexOf(';') < 0 ? rest.length : rest.indexOf(';');
    fields.push(quoted ? (quoted[1] ?? '').replaceAll('""', '"') : rest.slice(0, end));
    if (end >= rest.length) return fields;
    rest = rest.slice(end + 1);
  }
}

/** Order of ranges whose bounds have equal lengths. */
export function compareRanges(a: { readonly from: string }, b: { readonly from: string }): number {
  return a.from < b.from ? -1 : a.from > b.from ? 1 : 0;
}

function refuse(field: string, message: string): DomainError {
  return new DomainError('invalid-input', `${field} ${message}.`, { errors: [{ field, message }] });
}
