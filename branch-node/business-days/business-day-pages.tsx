import type { Ids } from '../../shared/ids/ids.ts';
import { Button, Heading, Panel, Table } from '../../shared/pages/components.tsx';
import { catalogue } from '../../shared/pages/language.ts';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import type { View } from '../../shared/pages/view.ts';
import type { BusinessDayEndpoints } from './business-day-routes.ts';

const dayTexts = catalogue(
  {
    title: 'Business days',
    current: (date: string) => `Operations now count for ${date}.`,
    close: (date: string) => `Close ${date}`,
    due: (count: number) => `Dates that are over and open: ${count}. The oldest comes first.`,
    closeText:
      'From then on, operations count for the next date. The totals are told to head office; nothing can be added to a closed date.',
    closed: 'Closed dates',
    none: 'No date has been closed yet.',
    date: 'Date',
    at: 'Closed',
    by: 'By',
  },
  {
    title: 'Операционные дни',
    current: (date: string) => `Операции сейчас идут за день: ${date}`,
    close: (date: string) => `Закрыть ${date}`,
    due: (count: number) => `Прошедших незакрытых дней: ${count}. Сначала закрывают самый ранний.`,
    closeText:
      'После этого операции пойдут за следующий день. Итоги уйдут в головной офис; в закрытый день ничего добавить нельзя.',
    closed: 'Закрытые дни',
    none: 'Ещё ни один день не закрыт.',
    date: 'День',
    at: 'Закрыт',
    by: 'Кем',
  },
);

const path = '/business-days';

/** The end of the day at a branch. */
export function businessDayPages({
  pages,
  days,
  ids,
}: {
  pages: Pages;
  days: BusinessDayEndpoints;
  ids: Ids;
}): void {
  pages.page({ path, permission: 'operation.read' }, show);

  const close = async (view: View): Promise<Shown> => {
    const { date = '', key = ids.uuid() } = view.form;
    await days.closeBusinessDay(view.c, { params: { date }, key });
    return { goTo: path };
  };
  pages.action({ path: `${path}/close`, permission: 'day.close' }, close, show);

  async function show(view: View): Promise<Shown> {
    const words = view.words(dayTexts);
    const { current, due, closed } = await days.listBusinessDays(view.c);
    const date = view.format.date(current);
    const [next = current] = due;
    const content = (
      <>
        <Heading title={words.title} />
        <Panel>
          <p>{words.current(date)}</p>
          {view.may('day.close') ? <p class="hint">{words.closeText}</p> : null}
          {due.length > 0 ? <p>{words.due(due.length)}</p> : null}
          {view.may('day.close') ? closing(view, next) : null}
        </Panel>
        <Table
          {...{ caption: words.closed, empty: words.none, rows: closed }}
          columns={[
            { label: words.date, cell: (day) => view.format.date(day.date) },
            { label: words.at, cell: ({ closedAt }) => view.format.moment(closedAt) },
            { label: words.by, cell: ({ closedBy }) => closedBy },
          ]}
        />
      </>
    );
    return { title: words.title, content, next: null };
  }

  function closing(view: View, date: string) {
    return (
      <form method="post" action={`${path}/close`}>
        <input type="hidden" name="date" value={date} />
        <input type="hidden" name="key" value={`close-${date}`} />
        <Button kind="plain">{view.words(dayTexts).close(view.format.date(date))}</Button>
      </form>
    );
  }
}
