import {
  Button,
  Heading,
  LinkButton,
  Notice,
  Panel,
  State,
  Table,
} from '../../shared/pages/components.tsx';
import { fieldName } from '../../shared/pages/field-texts.ts';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import { Refusal } from '../../shared/pages/refusal.tsx';
import type { View } from '../../shared/pages/view.ts';
import { type DomainError, isDomainError } from '../../shared/problem/problem.ts';
import { datasetNames } from '../../shared/reference/datasets.ts';
import type { ReferenceEndpoints } from './reference-routes.ts';
import { referenceRowPages } from './reference-row-pages.tsx';
import { referenceTexts } from './reference-texts.ts';

const path = '/reference';
const shownReleases = 20;
const changeTones = { added: 'good', changed: 'busy', removed: 'bad' } as const;

export interface ReferencePagesDeps {
  readonly pages: Pages;
  readonly reference: ReferenceEndpoints;
  /** The release in force; higher ones are to come, lower ones are past. */
  readonly inForce: () => number | undefined;
  /** Holders of release keys sign what was prepared: they are the second look, and that is published. */
  readonly needsSignatures: boolean;
}

/** The draft, what it changes, and its publication. */
export function referencePages(deps: ReferencePagesDeps): void {
  const { pages, reference, inForce, needsSignatures } = deps;
  pages.page({ path, permission: 'reference.read' }, (view) => overview(view));

  pages.action({ path: `${path}/releases`, permission: 'reference.publish' }, async (view) => {
    try {
      const { revision = '' } = view.form;
      await reference.publishRelease(view.c, { body: { revision } });
      return { goTo: path };
    } catch (error) {
      if (!isDomainError(error)) throw error;
      return overview(view, error);
    }
  });

  async function overview(view: View, error?: DomainError): Promise<Shown> {
    const words = view.words(referenceTexts);
    const { cursor } = view.query;
    const query = { limit: String(shownReleases), ...(cursor ? { cursor } : {}) };
    const releases = await reference.listReleases(view.c, { query });
    const content = (
      <>
        <Heading title={words.title} />
        {error === undefined ? null : <Refusal language={view.language} error={error} />}
        {cursor ? null : await draft(view, releases.items)}
        <Releases {...{ view, releases: releases.items, inForce: inForce() ?? 0 }} />
      </>
    );
    const end = error === undefined ? { next: releases.next } : { status: 409 };
    return { title: words.title, content, ...end };
  }

  async function draft(view: View, releases: readonly Release[]) {
    const words = view.words(referenceTexts);
    const changes = await reference.getDraftChanges(view.c);
    const { count } = view.format;
    const { login } = view.principal;
    const isOwn =
      !needsSignatures && changes.items.some(({ changedBy }) => changedBy.includes(login));
    return (
      <>
        <Table
          {...{ caption: words.changes, empty: words.noChanges, rows: changes.items }}
          columns={[
            {
              label: words.dataset,
              cell: ({ dataset }) => <a href={`${path}/${dataset}`}>{words.names[dataset]}</a>,
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
            <input type="hidden" name="revision" value={changes.revision} />
            <p class="hint">{needsSignatures ? words.publishSigned : words.publishText}</p>
            {releases
              .filter(({ version }) => version > (inForce() ?? 0))
              .map(({ version, effectiveFrom }) => (
                <Notice tone="warn">
                  {words.overtaken(version, view.format.moment(effectiveFrom))}
                </Notice>
              ))}
            {isOwn ? (
              <Notice tone="warn">{words.ownChange}</Notice>
            ) : (
              <Button>{words.publish}</Button>
            )}
          </form>
        ) : null}
        <Panel title={words.datasets}>
          <p class="actions">
            {datasetNames.map((name) => (
              <LinkButton href={`${path}/${name}`}>{words.names[name]}</LinkButton>
            ))}
          </p>
        </Panel>
      </>
    );
  }

  referenceRowPages({ pages, reference });
}

type Release = Awaited<ReturnType<ReferenceEndpoints['listReleases']>>['items'][number];

function Releases(props: { view: View; releases: readonly Release[]; inForce: number }) {
  const { view, releases, inForce } = props;
  const words = view.words(referenceTexts);
  const { moment } = view.format;
  const stateOf = (version: number) => {
    if (version === inForce) return <State tone="good">{words.isInForce}</State>;
    return version > inForce ? <State tone="busy">{words.isToCome}</State> : '–';
  };
  return (
    <Table
      {...{ caption: words.releases, empty: words.none, rows: releases }}
      columns={[
        { label: words.version, cell: ({ version }) => String(version) },
        { label: words.state, cell: ({ version }) => stateOf(version) },
        { label: words.published, cell: ({ publishedAt }) => moment(publishedAt) },
        { label: words.by, cell: ({ publishedBy }) => publishedBy },
        { label: words.effective, cell: ({ effectiveFrom }) => moment(effectiveFrom) },
      ]}
    />
  );
}

type DatasetChange = Awaited<ReturnType<ReferenceEndpoints['getDraftChanges']>>['items'][number];

/** Row by row, against the release that was published last. */
function RowChanges({ view, change }: { view: View; change: DatasetChange }) {
  const words = view.words(referenceTexts);
  return (
    <Table
      {...{ caption: words.rowsOf(words.names[change.dataset]), empty: '', rows: change.samples }}
      columns={[
        {
          label: words.change,
          cell: ({ kind }) => <State tone={changeTones[kind]}>{words[kind]}</State>,
        },
        { label: words.row, cell: ({ key }) => key },
        { label: words.before, cell: ({ before, after }) => fieldsOf(view, before, after) },
        { label: words.after, cell: ({ before, after }) => fieldsOf(view, after, before) },
      ]}
    />
  );
}

/** The fields in which a row differs from the other; all of them where there is no other. */
function fieldsOf({ language }: View, row: object | undefined, other: object | undefined): string {
  const others = new Map(Object.entries(other ?? {}));
  const texts = Object.entries(row ?? {}).flatMap(([field, value]) => {
    const text = JSON.stringify(value);
    if (text === JSON.stringify(others.get(field))) return [];
    return [`${fieldName(language, field)}: ${typeof value === 'string' ? value : text}`];
  });
  return texts.join(', ') || '–';
}
