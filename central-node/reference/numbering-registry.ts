import { DomainError, type FieldError } from '../../shared/problem/problem.ts';
import { compareRanges, readLines, splitFields } from './semicolon-lines.ts';

export const maxRegistryBytes = 64 * 1024 * 1024;
export const maxRegistryRows = 200_000;
const maxListedErrors = 20;

/** A range of the public mobile numbering registry, as published. */
export interface RegistryRow {
  /** Line in the file, from 1. */
  readonly line: number;
  /** First and last number, E.164 without `+`. */
  readonly from: string;
  readonly to: string;
  readonly capacity: number;
  readonly operator: string;
  readonly region: string;
  readonly inn: string;
}

/** The columns by their names: editions add others, and the order is the edition's own. */
const columnNames = {
  def: /^(?:[аa][вb][сc] ?\/ ?)?def$/,
  from: /^от$/,
  to: /^до$/,
  capacity: /^емкость$/,
  operator: /^оператор$/,
  region: /^регион$/,
  inn: /^инн$/,
} as const;

type Column = keyof typeof columnNames;
type Columns = Readonly<Record<Column, number>> & { readonly count: number };
type Field = (column: Column) => string;

/**
 * Reads a registry file, all of it or nothing.
 * @throws DomainError `invalid-input` naming the lines: not UTF-8, empty, a wrong number of
 * columns, a malformed field, `from` over `to`, a capacity that disagrees, overlapping ranges.
 */
export function parseRegistry(bytes: Uint8Array): RegistryRow[] {
  const lines = readLines(bytes, { maxBytes: maxRegistryBytes, maxLines: maxRegistryRows + 1 });
  const columns = findColumns(splitFields(lines[0] ?? ''));
  if (lines.length < 2) throw refuse([{ field: 'line 2', message: 'is missing: no ranges' }]);
  const rows: RegistryRow[] = [];
  const errors: FieldError[] = [];
  for (const [index, text] of lines.entries()) {
    if (index === 0) continue;
    const row = parseRow(text, index + 1, columns);
    if ('line' in row) rows.push(row);
    else errors.push(row);
    if (errors.length >= maxListedErrors) break;
  }
  if (errors.length === 0) errors.push(...overlaps(rows));
  if (errors.length > 0) throw refuse(errors);
  return rows;
}

function findColumns(header: readonly string[]): Columns {
  const names = header.map((name) => name.trim().toLowerCase().replaceAll('ё', 'е'));
  const missing: string[] = [];
  const place = (column: Column): number => {
    const found = names.findIndex((name) => columnNames[column].test(name));
    if (found < 0) missing.push(column);
    return found;
  };
  const columns = {
    def: place('def'),
    from: place('from'),
    to: place('to'),
    capacity: place('capacity'),
    operator: place('operator'),
    region: place('region'),
    inn: place('inn'),
    count: header.length,
  };
  if (missing.length === 0) return columns;
  throw refuse([
    { field: 'line 1', message: `is not the registry's header: no ${missing.join(', ')} column` },
  ]);
}

function parseRow(text: string, line: number, columns: Columns): RegistryRow | FieldError {
  const wrong = (message: string): FieldError => ({ field: `line ${line}`, message });
  const fields = splitFields(text);
  if (fields.length !== columns.count) {
    return wrong(`has ${fields.length} columns, the header has ${columns.count}`);
  }
  const field: Field = (column) => (fields[columns[column]] ?? '').trim();
  const def = field('def');
  if (!/^9\d{2}$/.test(def)) return wrong('has no mobile code (900–999) in its first column');
  for (const column of ['from', 'to'] as const) {
    if (!/^\d{1,7}$/.test(field(column))) return wrong(`has no seven-digit number in "${column}"`);
  }
  if (!/^\d{1,10}$/.test(field('capacity'))) return wrong('has no capacity');
  if (!/^\d{9,12}$/.test(field('inn'))) return wrong('has no tax number (INN)');
  if (field('operator') === '') return wrong('has no operator');
  if (field('region') === '') return wrong('has no region');
  const from = `7${def}${field('from').padStart(7, '0')}`;
  const to = `7${def}${field('to').padStart(7, '0')}`;
  const capacity = Number(field('capacity'));
  if (from > to) return wrong('ends before it begins');
  const numbers = Number(to) - Number(from) + 1;
  if (capacity !== numbers) return wrong(`says ${capacity} numbers but spans ${numbers}`);
  return {
    line,
    from,
    to,
    capacity,
    operator: field('operator'),
    region: field('region'),
    inn: innOf(field('inn')),
  };
}

/** A tax number, of 10 digits or a person's of 12, with the leading zero that bare numbers lose. */
export function innOf(text: string): string {
  return text.padStart(text.length <= 10 ? 10 : 12, '0');
}

function overlaps(rows: readonly RegistryRow[]): FieldError[] {
  const errors: FieldError[] = [];
  const sorted = rows.toSorted(compareRanges);
  let widest = sorted[0];
  for (const row of sorted.slice(1)) {
    if (widest && row.from <= widest.to) {
      const [earlier, later] = row.line > widest.line ? [widest, row] : [row, widest];
      errors.push({ field: `line ${later.line}`, message: `overlaps line ${earlier.line}` });
      if (errors.length >= maxListedErrors) break;
    }
    if (!widest || row.to > widest.to) widest = row;
  }
  return errors;
}

function refuse(errors: readonly FieldError[]): DomainError {
  const first = errors[0];
  const detail = first ? `The numbering registry: ${first.field} ${first.message}.` : undefined;
  return new DomainError('invalid-input', detail, { errors });
}
