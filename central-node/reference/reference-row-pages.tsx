import {
  Button,
  Field,
  Heading,
  LinkButton,
  Notice,
  Select,
  Table,
} from '../../shared/pages/components.tsx';
import { fieldComplaint, fieldName } from '../../shared/pages/field-texts.ts';
import { plainFormats } from '../../shared/pages/formats.ts';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import { problemText } from '../../shared/pages/problem-texts.ts';
import type { View } from '../../shared/pages/view.ts';
import { DomainError, isDomainError, problems } from '../../shared/problem/problem.ts';
import { datasets, editableDatasets, isDatasetName } from '../../shared/reference/datasets.ts';
import type { ReferenceEndpoints } from './reference-routes.ts';
import { referenceTexts } from './reference-texts.ts';
import { cellsOfRow, columnsOf, type RowCells, type RowColumn, rowOfCells } from './row-cells.ts';

const path = '/reference';
const rowPath = `${path}/:name/row`;
const shownRows = 50;
const maxChoices = 200;
const maxCellLength = 80;

export interface ReferenceRowPagesDeps {
  readonly pages: Pages;
  readonly reference: Pick<ReferenceEndpoints, 'listDraftRows' | 'changeDraftRow'>;
}

/** A data set of the draft as a table; a row of it in a form. */
export function referenceRowPages(deps: ReferenceRowPagesDeps): void {
  const { pages, reference } = deps;
  pages.page({ path: `${path}/:name`, permission: 'reference.read' }, (view) => table(view, deps));

  const permission = 'reference.edit';
  pages.page({ path: rowPath, permission }, async (view) => {
    const { key } = view.query;
    const name = editedName(view);
    if (key === undefined) return rowForm(view, deps, { cells: {} });
    const query = { key };
    const [found] = (await reference.listDraftRows(view.c, { params: { name }, query })).items;
    if (!found) throw new DomainError('row-changed');
    return rowForm(view, deps, {
      before: found.row,
      cells: cellsOfRow(columnsOf(name), found.row),
    });
  });

  pages.action({ path: rowPath, permission }, async (view) => {
    const { before: told, ...cells } = view.form;
    const name = editedName(view);
    const before = told === undefined ? undefined : rowTold(told);
    const after = rowOfCells(columnsOf(name), cells);
    try {
      const body = { ...(before ? { before } : {}), after };
      await reference.changeDraftRow(view.c, { params: { name }, body });
      const [field = ''] = datasets[name].key;
      return { goTo: `${path}/${name}?${new URLSearchParams({ q: cells[field] ?? '' })}` };
    } catch (error) {
      if (!isDomainError(error) || error.code === 'not-permitted') throw error;
      return rowForm(view, deps, { before, cells, error });
    }
  });

  pages.action({ path: `${rowPath}-removal`, permission }, async (view) => {
    const name = editedName(view);
    const before = rowTold(view.form.before ?? '');
    await reference.changeDraftRow(view.c, { params: { name }, body: { before } });
    return { goTo: `${path}/${name}` };
  });
}

function editedName({ params }: View) {
  const found = editableDatasets.find((name) => name === params.name);
  if (found === undefined) throw new DomainError('dataset-not-found');
  return found;
}

/** The row as the form was made of it. */
function rowTold(text: string): object {
  try {
    return Object(JSON.parse(text));
  } catch {
    throw new DomainError('row-changed');
  }
}

async function table(view: View, { reference }: ReferenceRowPagesDeps): Promise<Shown> {
  const words = view.words(referenceTexts);
  const { name = '' } = view.params;
  if (!isDatasetName(name)) throw new DomainError('dataset-not-found');
  const isEditable = view.may('reference.edit') && editableDatasets.includes(name);
  const { q = '', cursor } = view.query;
  const query = { q, limit: String(shownRows), ...(cursor ? { cursor } : {}) };
  const { items, next } = await reference.listDraftRows(view.c, { params: { name }, query });
  const columns = columnsOf(name);
  const rows = items.map(({ key, row }) => ({ key, cells: cellsOfRow(columns, row) }));
  const title = words.names[name];
  const content = (
    <>
      <Heading title={title}>
        {isEditable ? <LinkButton href={`${path}/${name}/row`}>{words.add}</LinkButton> : null}
        <LinkButton href={path}>{words.back}</LinkButton>
      </Heading>
      {name === 'ported-numbers' ? <p class="hint">{words.movedHint}</p> : null}
      <form method="get" action={`${path}/${name}`} class="panel actions">
        <Field label={words.search} name="q" type="search" value={q} />
        <Button kind="plain">{words.show}</Button>
      </form>
      <Table
        {...{ caption: title, empty: words.noRows, rows }}
        columns={columns.map((column, place) => ({
          label: fieldName(view.language, column.name),
          isNumber: column.kind === 'integer' || rows.some(({ cells }) => isSum(cells, column)),
          cell: ({ key, cells }) => {
            const value = cells[column.name] ?? '';
            const text = view.format === plainFormats ? value : cellOf(value);
            if (place > 0 || !isEditable) return text;
            return <a href={`${path}/${name}/row?${new URLSearchParams({ key })}`}>{text}</a>;
          },
        }))}
      />
    </>
  );
  return { title, content, next };
}

const isSum = (cells: RowCells, { name }: RowColumn) => /^\d+\.\d+$/.test(cells[name] ?? '');

function cellOf(text: string) {
  if (text.length > maxCellLength) return `${text.slice(0, maxCellLength)}…`;
  if (text === '') return '–';
  // Dates, numbers and codes are not broken at their dashes, nor those of a list.
  if (!/^[\w. -]+$/.test(text)) return text;
  return (
    <>
      {text.split(' ').map((code) => (
        <>
          <span class="number">{code}</span>{' '}
        </>
      ))}
    </>
  );
}

interface RowForm {
  readonly before?: object | undefined;
  readonly cells: RowCells;
  readonly error?: DomainError;
}

async function rowForm(view: View, deps: ReferenceRowPagesDeps, form: RowForm): Promise<Shown> {
  const words = view.words(referenceTexts);
  const name = editedName(view);
  const { before, cells, error } = form;
  const columns = columnsOf(name);
  const errors = new Map(
    error?.errors.map(({ field, message }) => [field, fieldComplaint(view.language, message)]),
  );
  const controls = await Promise.all(
    columns.map(async (column) => {
      const { name: field } = column;
      const choices = await choicesOf(view, deps, column);
      return { column, choices, value: cells[field] ?? '', error: errors.get(field) };
    }),
  );
  const title = before ? words.names[name] : words.addTo(words.names[name]);
  const seen = before ? <input type="hidden" name="before" value={JSON.stringify(before)} /> : null;
  const content = (
    <>
      <Heading title={title}>
        <LinkButton href={`${path}/${name}`}>{words.backToRows}</LinkButton>
      </Heading>
      {error ? (
        <Notice tone="bad" title={problemText(view.language, error)}>
          {[...errors].flatMap(([field, text]) =>
            columns.some((column) => column.name === field) ? [] : [<p>{`${field}: ${text}`}</p>],
          )}
        </Notice>
      ) : null}
      <form method="post" action={`${path}/${name}/row`} class="panel narrow">
        {seen}
        {controls.map((control) => (
          <Control view={view} {...control} />
        ))}
        <p class="hint">{words.saveHint}</p>
        <Button>{words.save}</Button>
      </form>
      {before ? (
        <form method="post" action={`${path}/${name}/row-removal`} class="panel narrow">
          {seen}
          <Button kind="danger">{words.remove}</Button>
        </form>
      ) : null}
    </>
  );
  return { title, content, ...(error ? { status: problems[error.code][0] } : {}) };
}

/** What a cell may say, where that is a list; codes of other data sets as their rows stand in the draft. */
async function choicesOf(
  view: View,
  { reference }: ReferenceRowPagesDeps,
  { choices, kind, refersTo }: RowColumn,
): Promise<readonly string[] | undefined> {
  if (choices || refersTo === undefined || kind === 'list') return choices;
  const query = { limit: String(maxChoices) };
  const found = await reference.listDraftRows(view.c, { params: { name: refersTo }, query });
  if (found.next !== null) return undefined;
  return [...new Set(found.items.map(({ row }) => String(row.code)))];
}

function Control(props: {
  view: View;
  column: RowColumn;
  choices: readonly string[] | undefined;
  value: string;
  error: string | undefined;
}) {
  const { view, column, choices, value, error } = props;
  const { name, kind, isOptional } = column;
  const label = fieldName(view.language, name);
  if (choices) {
    const all = value === '' || choices.includes(value) ? choices : [value, ...choices];
    const options = all.map((each) => ({ value: each, label: each }));
    return <Select {...{ label, name, value, choices: options, error }} />;
  }
  const isDate = name === 'validFrom' || name === 'validTo';
  return (
    <Field
      {...{ label, name, value, error, autocomplete: 'off' }}
      {...(isDate ? { type: 'date' } : {})}
      {...(kind === 'integer' ? { inputmode: 'numeric' } : {})}
      {...(kind === 'list' ? { hint: view.words(referenceTexts).listHint } : {})}
      required={!isOptional && kind !== 'list'}
    />
  );
}
