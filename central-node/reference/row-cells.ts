import { z } from 'zod';
import { type DatasetName, datasets, isDatasetName } from '../../shared/reference/datasets.ts';
import { draftSchema } from './draft-rows.ts';

/** A column of a data set, in a file as in a form. */
export interface RowColumn {
  /** Of a field of a field with a dot: `netDebitCap.amount`. */
  readonly name: string;
  readonly kind: 'text' | 'integer' | 'list';
  readonly isOptional: boolean;
  /** All values that there are. */
  readonly choices?: readonly string[];
  /** The data set whose codes it names. */
  readonly refersTo?: DatasetName;
}

/** A row as texts, by column. */
export type RowCells = Readonly<Record<string, string>>;

/** In the order of the schema. */
export function columnsOf(name: DatasetName): readonly RowColumn[] {
  const references: Readonly<Record<string, string>> = datasets[name].references;
  return columnsIn(draftSchema(name), '').map((column) => {
    const refersTo = references[column.name];
    return refersTo !== undefined && isDatasetName(refersTo) ? { ...column, refersTo } : column;
  });
}

function columnsIn(schema: z.ZodType, prefix: string): RowColumn[] {
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).flatMap(([field, type]: [string, z.ZodType]) => {
    const isOptional = type instanceof z.ZodOptional || type instanceof z.ZodExactOptional;
    const inner = isOptional ? type.unwrap() : type;
    const name = prefix + field;
    if (inner instanceof z.ZodObject) return columnsIn(inner, `${name}.`);
    const kind =
      inner instanceof z.ZodNumber ? 'integer' : inner instanceof z.ZodArray ? 'list' : 'text';
    const choices =
      inner instanceof z.ZodEnum
        ? inner.options.map(String)
        : inner instanceof z.ZodLiteral
          ? [...inner.values].map(String)
          : undefined;
    return { name, kind, isOptional, ...(choices ? { choices } : {}) };
  });
}

/** What the cells say; an empty one says nothing, a list is separated by spaces. */
export function rowOfCells(columns: readonly RowColumn[], cells: RowCells): object {
  const kinds = new Map(columns.map(({ name, kind }) => [name, kind]));
  const row: Record<string, unknown> = {};
  for (const [column, cell] of Object.entries(cells)) {
    const value = cellValue(kinds.get(column), cell.trim());
    if (value === undefined) continue;
    const [outer = column, inner] = column.split('.');
    if (inner === undefined) row[outer] = value;
    else row[outer] = { ...Object(row[outer]), [inner]: value };
  }
  return row;
}

function cellValue(kind: RowColumn['kind'] | undefined, cell: string): unknown {
  if (kind === 'list') return cell.split(/\s+/).filter((item) => item !== '');
  if (cell === '') return undefined;
  return kind === 'integer' && /^\d{1,9}$/.test(cell) ? Number(cell) : cell;
}

export function cellsOfRow(columns: readonly RowColumn[], row: object): RowCells {
  return Object.fromEntries(
    columns.map(({ name }) => {
      let value: unknown = row;
      for (const step of name.split('.')) value = Object(value)[step];
      return [name, Array.isArray(value) ? value.join(' ') : String(value ?? '')];
    }),
  );
}
