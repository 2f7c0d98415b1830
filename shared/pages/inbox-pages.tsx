import { Heading, State, Table } from './components.tsx';
import type { InboxSource, Waiting } from './inbox.ts';
import { catalogue } from './language.ts';
import type { Pages } from './pages.tsx';
import type { View } from './view.ts';

const inboxTexts = catalogue(
  {
    title: 'What waits for you',
    empty: 'Nothing waits for you.',
    what: 'What',
    count: 'How many',
    waiting: (count: string) => `${count} kinds of work wait for you`,
  },
  {
    title: 'Ждёт вас',
    empty: 'Вас ничего не ждёт.',
    what: 'Что',
    count: 'Сколько',
    waiting: (count: string) => `Вас ждёт работа, видов: ${count}`,
  },
);

/** One page of all work that waits for a person, and its count for the menu. */
export function inboxPages({
  pages,
  sources,
}: {
  pages: Pages;
  sources: readonly InboxSource[];
}): void {
  async function waitingFor(view: View): Promise<readonly Waiting[]> {
    const allowed = sources.filter(({ permission }) => view.may(permission));
    const found = await Promise.all(allowed.map((source) => source.look(view)));
    return found.flat().filter(({ count }) => count > 0);
  }

  pages.page({ path: '/inbox', permission: 'signed-in' }, async (view) => {
    const words = view.words(inboxTexts);
    const content = (
      <>
        <Heading title={words.title} />
        {await list(view)}
      </>
    );
    return { title: words.title, content };
  });

  pages.fragment({ path: '/inbox/list', permission: 'signed-in' }, list);

  pages.fragment({ path: '/inbox/count', permission: 'signed-in' }, async (view) => {
    const { length } = await waitingFor(view);
    if (length === 0) return '';
    const count = view.format.count(length);
    const label = view.words(inboxTexts).waiting(count);
    return (
      <span class="badge" title={label}>
        {count}
      </span>
    );
  });

  async function list(view: View) {
    const words = view.words(inboxTexts);
    const rows = await waitingFor(view);
    return (
      <div hx-get="/inbox/list" hx-trigger="every 15s" hx-swap="outerHTML">
        <Table
          {...{ caption: words.title, empty: words.empty, rows }}
          columns={[
            {
              label: words.what,
              cell: ({ text, href, tone = 'warn' }) => (
                <a href={href}>
                  <State tone={tone}>{text}</State>
                </a>
              ),
            },
            {
              label: words.count,
              isNumber: true,
              cell: ({ count, isMore = false }) =>
                `${view.format.count(count)}${isMore ? '+' : ''}`,
            },
          ]}
        />
      </div>
    );
  }
}
