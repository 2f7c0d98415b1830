import type { Api } from '../web/api.ts';
import { actionChoices, actionText } from './audit-action-texts.ts';
import { Button, Field, Heading, Select, State, Table } from './components.tsx';
import { catalogue } from './language.ts';
import type { Pages } from './pages.tsx';
import type { View } from './view.ts';

const auditTexts = catalogue(
  {
    title: 'Audit trail',
    empty: 'Nothing was recorded for this.',
    at: 'When',
    actor: 'Who',
    action: 'What',
    subject: 'About',
    outcome: 'Outcome',
    any: 'Everything',
    show: 'Show',
    hint: 'As it stands in the list',
    outcomes: { done: 'Done', denied: 'Denied', failed: 'Failed' },
  },
  {
    title: 'Журнал действий',
    empty: 'Об этом ничего не записано.',
    at: 'Когда',
    actor: 'Кто',
    action: 'Что',
    subject: 'О чём',
    outcome: 'Итог',
    any: 'Всё',
    show: 'Показать',
    hint: 'Так, как в списке',
    outcomes: { done: 'Сделано', denied: 'Отказано', failed: 'Не вышло' },
  },
);

const path = '/audit';
const shown = 50;
const tones = { done: 'good', denied: 'bad', failed: 'warn' } as const;

/** Who did what here, and who was refused. */
export function auditPages({ pages, endpoints }: { pages: Pages; endpoints: Api['common'] }): void {
  pages.page({ path, permission: 'audit.read' }, async (view) => {
    const words = view.words(auditTexts);
    const { action = '', subject = '', cursor } = view.query;
    const filter = Object.fromEntries(
      Object.entries({ action, subject }).filter(([, text]) => text !== ''),
    );
    const { items, next } = await endpoints.listAuditEntries(view.c, {
      query: { ...filter, limit: String(shown), ...(cursor ? { cursor } : {}) },
    });
    const content = (
      <>
        <Heading title={words.title} />
        <form method="get" action={path} class="panel columns">
          <Select
            {...{ label: words.action, name: 'action', value: action }}
            choices={[{ value: '', label: words.any }, ...actionsBeside(view, action)]}
          />
          <Field label={words.subject} name="subject" value={subject} hint={words.hint} />
          <Button kind="plain">{words.show}</Button>
        </form>
        <Table
          {...{ caption: words.title, empty: words.empty, rows: items }}
          columns={[
            { label: words.at, cell: ({ at }) => view.format.moment(at) },
            { label: words.actor, cell: ({ actor }) => `${actor.name} (${actor.node})` },
            { label: words.action, cell: (entry) => named(view, entry.action) },
            { label: words.subject, cell: (entry) => entry.subject ?? '–' },
            {
              label: words.outcome,
              cell: ({ outcome }) => <State tone={tones[outcome]}>{words.outcomes[outcome]}</State>,
            },
          ]}
        />
      </>
    );
    return { title: words.title, content, next };
  });
}

/** The code stays beside its words, for who searches the log by it. */
function named(view: View, action: string) {
  return <span title={action}>{actionText(view, action)}</span>;
}

/** What is asked for stays chosen, also when this software has no words for it. */
function actionsBeside(view: View, action: string) {
  const choices = actionChoices(view);
  const isOffered = action === '' || choices.some(({ value }) => value === action);
  return isOffered ? choices : [{ value: action, label: action }, ...choices];
}
