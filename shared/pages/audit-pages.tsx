import type { Api } from '../web/api.ts';
import { Button, Field, Heading, State, Table } from './components.tsx';
import { catalogue } from './language.ts';
import type { Pages } from './pages.tsx';

const auditTexts = catalogue(
  {
    title: 'Audit trail',
    empty: 'Nothing was recorded for this.',
    at: 'When',
    actor: 'Who',
    action: 'What',
    subject: 'About',
    outcome: 'Outcome',
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
          <Field label={words.action} name="action" value={action} hint={words.hint} />
          <Field label={words.subject} name="subject" value={subject} hint={words.hint} />
          <Button kind="plain">{words.show}</Button>
        </form>
        <Table
          {...{ caption: words.title, empty: words.empty, rows: items }}
          columns={[
            { label: words.at, cell: ({ at }) => view.format.moment(at) },
            { label: words.actor, cell: ({ actor }) => `${actor.name} (${actor.node})` },
            { label: words.action, cell: (entry) => entry.action },
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
