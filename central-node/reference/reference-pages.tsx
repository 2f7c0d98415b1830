import {
  Button,
  Heading,
  LinkButton,
  Notice,
  Panel,
  State,
  Table,
} from '../../shared/pages/components.tsx';
import { catalogue } from '../../shared/pages/language.ts';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import { problemText } from '../../shared/pages/problem-texts.ts';
import type { View } from '../../shared/pages/view.ts';
import { DomainError, isDomainError } from '../../shared/problem/problem.ts';
import { datasetNames } from '../../shared/reference/datasets.ts';
import type { ReferenceEndpoints } from './reference-routes.ts';

const referenceTexts = catalogue(
  {
    title: 'Reference data',
    changes: 'What publishing now would change',
    noChanges: 'The draft is what was published last.',
    dataset: 'Data set',
    added: 'Added',
    changed: 'Changed',
    removed: 'Removed',
    changedBy: 'Changed by',
    ownChange: 'You changed something of this. Another person has to publish it.',
    rowsOf: (name: string) => `What changes in ${name}, the first rows`,
    change: 'Change',
    row: 'Row',
    before: 'In the release',
    after: 'In the draft',
    publish: 'Publish the next release',
    publishText:
      'It is signed and told to every branch at once. A mistake is corrected by the next.',
    releases: 'Releases',
    none: 'Nothing has been published yet.',
    version: 'Release',
    published: 'Published',
    by: 'By',
    effective: 'In force from',
    datasets: 'Data sets of the draft',
    open: 'Open',
    back: 'All data sets',
    rows: 'Rows, one a line',
    rowsHint: 'Each line is one row. Nothing is published before somebody publishes it.',
    save: 'Save into the draft',
    line: (line: number) => `Line ${line} is no row.`,
    saved: 'Saved into the draft.',
  },
  {
    title: 'Справочники',
    changes: 'Что изменит публикация сейчас',
    noChanges: 'Черновик совпадает с последним релизом.',
    dataset: 'Справочник',
    added: 'Добавлено',
    changed: 'Изменено',
    removed: 'Удалено',
    changedBy: 'Кто изменил',
    ownChange: 'Здесь есть ваши изменения. Опубликовать их должен другой человек.',
    rowsOf: (name: string) => `Что меняется в ${name}, первые строки`,
    change: 'Изменение',
    row: 'Строка',
    before: 'В релизе',
    after: 'В черновике',
    publish: 'Опубликовать следующий релиз',
    publishText: 'Он подписывается и сразу уходит в филиалы. Ошибку исправит следующий.',
    releases: 'Релизы',
    none: 'Ещё ничего не опубликовано.',
    version: 'Релиз',
    published: 'Опубликован',
    by: 'Кем',
    effective: 'Действует с',
    datasets: 'Справочники черновика',
    open: 'Открыть',
    back: 'Все справочники',
    rows: 'Строки, по одной',
    rowsHint: 'Каждая строка — одна запись. До публикации филиалы ничего не увидят.',
    save: 'Сохранить в черновик',
    line: (line: number) => `Строка ${line} не читается.`,
    saved: 'Сохранено в черновик.',
  },
);

const path = '/reference';
const changeTones = { added: 'good', changed: 'busy', removed: 'bad' } as const;
/** More would be no page for people; the API takes them. */
const maxEditedRows = 2_000;

export interface ReferencePagesDeps {
  readonly pages: Pages;
  readonly reference: ReferenceEndpoints;
}

/** The draft, what it changes, and its publication. */
export function referencePages({ pages, reference }: ReferencePagesDeps): void {
  pages.page({ path, permission: 'reference.read' }, (view) => overview(view));

  pages.action({ path: `${path}/releases`, permission: 'reference.publish' }, async (view) => {
    try {
      await reference.publishRelease(view.c, { body: {} });
      return { goTo: path };
    } catch (error) {
      if (!isDomainError(error)) throw error;
      return overview(view, `${problemText(view.language, error)} ${error.message}`);
    }
  });

  async function overview(view: View, error?: string): Promise<Shown> {
    const words = view.words(referenceTexts);
    const changes = await reference.getDraftChanges(view.c);
    const releases = await reference.listReleases(view.c);
    const { count, moment } = view.format;
    const isOwn = changes.items.some(({ changedBy }) => changedBy.includes(view.principal.login));
    const content = (
      <>
        <Heading title={words.title} />
        {error === undefined ? null : <Notice tone="bad">{error}</Notice>}
        <Table
          {...{ caption: words.changes, empty: words.noChanges, rows: changes.items }}
          columns={[
            {
              label: words.dataset,
              cell: ({ dataset }) => <a href={`${path}/${dataset}`}>{dataset}</a>,
            },
            { label: words.added, isNumber: true, cell: ({ added }) => count(added) },
            { label: words.changed, isNumber: true, cell: ({ changed }) => count(changed) },
            { label: words.removed, isNumber: true, cell: ({ removed }) => count(removed) },
            { label: words.changedBy, cell: ({ changedBy }) => changedBy.join(', ') || '–' },
          ]}
        />
        {changes.items.map((change) => (
          <RowChanges view={view} change={change} />
        ))}
        {view.may('reference.publish') && changes.items.length > 0 ? (
          <form method="post" action={`${path}/releases`} class="panel">
            <p class="hint">{words.publishText}</p>
            {isOwn ? (
              <Notice tone="warn">{words.ownChange}</Notice>
            ) : (
              <Button>{words.publish}</Button>
            )}
          </form>
        ) : null}
        <Table
          {...{ caption: words.releases, empty: words.none, rows: releases.items }}
          columns={[
            { label: words.version, cell: ({ version }) => String(version) },
            { label: words.published, cell: ({ publishedAt }) => moment(publishedAt) },
            { label: words.by, cell: ({ publishedBy }) => publishedBy },
            { label: words.effective, cell: ({ effectiveFrom }) => moment(effectiveFrom) },
          ]}
        />
        <Panel title={words.datasets}>
          <p class="actions">
            {datasetNames.map((name) => (
              <LinkButton href={`${path}/${name}`}>{name}</LinkButton>
            ))}
          </p>
        </Panel>
      </>
    );
    return { title: words.title, content, ...(error === undefined ? {} : { status: 409 }) };
  }

  const one = `${path}/:name`;
  pages.page({ path: one, permission: 'reference.read' }, async (view) => {
    const { rows } = await reference.getDraftDataset(view.c, { params: nameOf(view) });
    return datasetPage(view, rows.map((row) => JSON.stringify(row)).join('\n'), {});
  });

  pages.action({ path: one, permission: 'reference.edit' }, async (view) => {
    const { rows: text = '' } = view.form;
    const words = view.words(referenceTexts);
    try {
      const rows = rowsOf(text, words.line);
      await reference.replaceDraftDataset(view.c, { params: nameOf(view), body: { rows } });
      return datasetPage(view, text, { saved: words.saved });
    } catch (error) {
      if (!isDomainError(error)) throw error;
      return datasetPage(view, text, { error: error.message });
    }
  });
}

type DatasetChange = Awaited<ReturnType<ReferenceEndpoints['getDraftChanges']>>['items'][number];

/** Row by row, against the release that was published last. */
function RowChanges({ view, change }: { view: View; change: DatasetChange }) {
  const words = view.words(referenceTexts);
  return (
    <Table
      {...{ caption: words.rowsOf(change.dataset), empty: '', rows: change.samples }}
      columns={[
        {
          label: words.change,
          cell: ({ kind }) => <State tone={changeTones[kind]}>{words[kind]}</State>,
        },
        { label: words.row, cell: ({ key }) => key },
        { label: words.before, cell: ({ before, after }) => fieldsOf(before, after) },
        { label: words.after, cell: ({ before, after }) => fieldsOf(after, before) },
      ]}
    />
  );
}

/** The fields in which a row differs from the other; all of them where there is no other. */
function fieldsOf(row: object | undefined, other: object | undefined): string {
  const others = new Map(Object.entries(other ?? {}));
  const texts = Object.entries(row ?? {}).flatMap(([field, value]) => {
    const text = JSON.stringify(value);
    return text === JSON.stringify(others.get(field)) ? [] : [`${field}: ${text}`];
  });
  return texts.join(', ') || '–';
}

function nameOf(view: View): { name: string } {
  return { name: view.params.name ?? '' };
}

function rowsOf(text: string, lineText: (line: number) => string): object[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(0, maxEditedRows).map((line, index) => {
    try {
      return Object(JSON.parse(line));
    } catch {
      throw new DomainError('invalid-input', lineText(index + 1));
    }
  });
}

function datasetPage(
  view: View,
  text: string,
  { error, saved }: { error?: string; saved?: string },
): Shown {
  const words = view.words(referenceTexts);
  const { name } = nameOf(view);
  const isEditable = view.may('reference.edit') && text.split('\n').length <= maxEditedRows;
  const content = (
    <>
      <Heading title={`${words.dataset}: ${name}`}>
        <LinkButton href={path}>{words.back}</LinkButton>
      </Heading>
      {error === undefined ? null : <Notice tone="bad">{error}</Notice>}
      {saved === undefined ? null : <Notice tone="good">{saved}</Notice>}
      <form method="post" action={`${path}/${name}`} class="panel">
        <label for="rows">{words.rows}</label>
        <p class="hint">{words.rowsHint}</p>
        <textarea
          {...{ id: 'rows', name: 'rows', rows: 24, spellcheck: false, wrap: 'off' }}
          readonly={!isEditable}
        >
          {text}
        </textarea>
        {isEditable ? <Button>{words.save}</Button> : null}
      </form>
    </>
  );
  return { title: name, content, ...(error === undefined ? {} : { status: 422 }) };
}
