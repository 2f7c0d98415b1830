import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { CsvError, parse } from 'csv-parse/sync';
import { DomainError, type FieldError } from '../../shared/problem/problem.ts';
import { rowErrors } from '../../shared/reference/dataset-content.ts';
import { type DatasetName, editableDatasets } from '../../shared/reference/datasets.ts';
import { draftSchema } from './draft-rows.ts';
import { columnsOf, rowOfCells } from './row-cells.ts';

const maxFileBytes = 64 * 1024 * 1024;
const maxListedErrors = 100;
/** Of a line; the parser takes seconds for each million characters of a longer one. */
const maxLineLength = 64 * 1024;
const columnName = /^[a-z][a-z.]*$/i;

export interface DatasetFiles {
  readonly rows: ReadonlyMap<DatasetName, readonly object[]>;
  /** Files that are no data set of a release. */
  readonly ignored: readonly string[];
}

/**
 * Reads `<data set>.csv` (UTF-8, commas, a header of field names, dots for fields of fields) and
 * `<data set>.json` (a list of rows) of a folder.
 * @throws DomainError `invalid-input` naming file, line and field, for all files at once.
 */
export async function readDatasetFiles(directory: string): Promise<DatasetFiles> {
  const rows = new Map<DatasetName, readonly object[]>();
  const ignored: string[] = [];
  const errors: FieldError[] = [];
  for (const file of (await readdir(directory)).sort()) {
    const extension = extname(file);
    const name = basename(file, extension);
    if (!isEditable(name) || (extension !== '.csv' && extension !== '.json')) {
      ignored.push(file);
      continue;
    }
    if (rows.has(name)) throw refuse([{ field: file, message: `is ${name}.csv once more` }]);
    const text = await readText(join(directory, file), file);
    const records = extension === '.csv' ? csvRows(text, name, file) : jsonRows(text, file);
    rows.set(name, checkedRows({ name, file, records, errors }));
  }
  if (errors.length > 0) throw refuse(errors.slice(0, maxListedErrors));
  return { rows, ignored };
}

function isEditable(name: string): name is DatasetName {
  return editableDatasets.some((editable) => editable === name);
}

interface FileRow {
  /** Line of a CSV file, or number of the row. */
  readonly place: string;
  readonly value: unknown;
}

async function readText(path: string, file: string): Promise<string> {
  const bytes = await readBounded(path, file);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refuse([{ field: file, message: 'is not UTF-8' }], cause);
  }
}

async function readBounded(path: string, file: string): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size > maxFileBytes)
    throw refuse([{ field: file, message: `is over ${maxFileBytes} bytes` }]);
  try {
    return await readFile(path);
  } catch (cause) {
    throw refuse([{ field: file, message: 'cannot be read' }], cause);
  }
}

function checkedRows({
  name,
  file,
  records,
  errors,
}: {
  readonly name: DatasetName;
  readonly file: string;
  readonly records: readonly FileRow[];
  readonly errors: FieldError[];
}): readonly object[] {
  const schema = draftSchema(name);
  const rows: object[] = [];
  for (const { place, value } of records) {
    const parsed = schema.safeParse(value);
    if (parsed.success) rows.push(parsed.data);
    else errors.push(...rowErrors(`${file} ${place}`, parsed.error));
  }
  return rows;
}

function csvRows(text: string, name: DatasetName, file: string): readonly FileRow[] {
  try {
    const records: unknown = parse(text, {
      ...{ bom: true, info: true, trim: true },
      max_record_size: maxLineLength,
    });
    const lines = records as { info: { lines: number }; record: string[] }[];
    const header = lines[0]?.record ?? [];
    if (header.length === 0 || !header.every((column) => columnName.test(column))) {
      throw refuse([{ field: file, message: 'does not begin with a line of field names' }]);
    }
    const twice = header.find((column, place) => header.indexOf(column) !== place);
    if (twice !== undefined) throw refuse([{ field: file, message: `has two columns ${twice}` }]);
    const columns = columnsOf(name);
    return lines.slice(1).map(({ info, record }) => {
      const cells = header.map((column, place) => [column, record[place] ?? '']);
      return {
        place: `line ${info.lines}`,
        value: rowOfCells(columns, Object.fromEntries(cells)),
      };
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw refuse([{ field: file, message: error.message }], error);
  }
}

function jsonRows(text: string, file: string): readonly FileRow[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) {
      return value.map((row: unknown, index) => ({ place: `row ${index + 1}`, value: row }));
    }
  } catch (cause) {
    throw refuse([{ field: file, message: 'is not JSON' }], cause);
  }
  throw refuse([{ field: file, message: 'is not a list of rows' }]);
}

function refuse(errors: readonly FieldError[], cause?: unknown): DomainError {
  const first = errors[0];
  const detail = first ? `${first.field} ${first.message}. Nothing was imported.` : undefined;
  return new DomainError('invalid-input', detail, { errors, cause });
}
