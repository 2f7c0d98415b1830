import { Heading, LinkButton, Panel } from '../../shared/pages/components.tsx';
import { catalogue } from '../../shared/pages/language.ts';
import type { Pages } from '../../shared/pages/pages.tsx';

const todayTexts = catalogue(
  {
    title: 'Today',
    hello: (name: string) => `Good day, ${name}.`,
    payment: 'Take a payment',
    find: 'Press / to find anybody, ? for all keys.',
  },
  {
    title: 'Сегодня',
    hello: (name: string) => `Добрый день, ${name}.`,
    payment: 'Принять платёж',
    find: 'Нажмите /, чтобы найти кого угодно, ? — все клавиши.',
  },
);

/** The first page: what there is to do. */
export function todayPages({ pages }: { pages: Pages }): void {
  pages.page({ path: '/', permission: 'signed-in' }, async (view) => {
    const words = view.words(todayTexts);
    const content = (
      <>
        <Heading title={words.title}>
          {view.may('payment.take') ? (
            <LinkButton href="/payments/new" kind="main">
              {words.payment}
            </LinkButton>
          ) : null}
        </Heading>
        <Panel>
          <p>{words.hello(view.principal.name)}</p>
          <p class="soft">{words.find}</p>
        </Panel>
        <div hx-get="/inbox/list" hx-trigger="load" hx-swap="outerHTML"></div>
      </>
    );
    return { title: words.title, content };
  });
}
