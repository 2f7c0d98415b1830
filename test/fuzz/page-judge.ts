import { parse } from 'csv-parse/sync';
import { ours } from './judge.ts';

/** Marks that stand in a page as they were sent only where somebody forgot to escape them. */
export const marks: readonly string[] = [
  ...['<fuzz>', '"><fuzz>', "'><fuzz>", '</textarea><fuzz>', '</title><fuzz>', '--><fuzz>'],
  ...['" onfuzz="1', "' onfuzz='1", '`onfuzz=1', 'javascript:fuzz', '\tjavascript:fuzz'],
  ...['//evil.example/fuzz', '/\\evil.example/fuzz', 'https://evil.example/fuzz'],
  ...['/fuzz\r\nset-cookie: fuzz=1', '%0d%0aset-cookie:%20fuzz=1', '&lt;fuzz&gt;', '&#60;fuzz>'],
];
const unescaped = /<fuzz|["'] onfuzz=/;
const leading = /\s(?:href|action|src|hx-get|hx-post)="\s*(?:javascript:|\/\/|\/\\|https?:)/i;
const formula = /(?:^|[;\t\r\n])\s*[=+\-@]/;
const number = /^-?\d+(\.\d+)?$/;

/** What a refusal, and a page that is only looked at, may write. */
const traces: ReadonlySet<string> = new Set([
  ...['audit_entries', 'sign_in_tries', 'sign_in_counts', 'sessions', 'node_state'],
]);

export interface Page {
  readonly method: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly wrote: readonly string[];
}

/** What is wrong with what a browser got. */
export function pageFault(page: Page): string | undefined {
  const { status, method, text, wrote } = page;
  if (status >= 500 && status !== 503) return `an error: ${status} ${text}`;
  if (status >= 400 && ours.test(text)) return `says how it is made: ${text}`;
  const effect = wrote.find((table) => !traces.has(table));
  if (effect !== undefined && (status >= 400 || method === 'GET')) {
    return `a ${method} answered with ${status} wrote to ${effect}`;
  }
  return leadFault(page) ?? contentFault(page);
}

function leadFault({ headers }: Page): string | undefined {
  for (const name of ['location', 'hx-redirect']) {
    const place = headers.get(name);
    if (place !== null && !/^\/(?![/\\])[\x21-\x7e]*$/.test(place)) return `leads to ${place}`;
  }
  return /fuzz/.test(headers.get('set-cookie') ?? '') ? 'sets what it was told' : undefined;
}

function contentFault({ headers, status, text }: Page): string | undefined {
  const type = headers.get('content-type') ?? '';
  if (type.startsWith('text/html')) {
    const found = unescaped.exec(text) ?? leading.exec(text);
    return found
      ? `not escaped: …${text.slice(Math.max(0, found.index - 200)).slice(0, 400)}…`
      : undefined;
  }
  if (type.startsWith('text/csv')) return formulaFault(text);
  if (type === 'application/problem+json') return status < 400 ? `${status} as ${type}` : undefined;
  const isKnown = text === '' || /^(application\/(json|pdf)|text\/(plain|css))/.test(type);
  return isKnown ? undefined : `${status} as ${type}`;
}

function formulaFault(text: string): string | undefined {
  const cells: string[] = parse(text, { bom: true, relax_column_count: true }).flat().map(String);
  const found = cells.find((cell) => !number.test(cell) && formula.test(cell));
  return found === undefined ? undefined : `a formula in a CSV file: ${found}`;
}
