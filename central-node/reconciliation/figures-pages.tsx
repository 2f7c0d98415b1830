import { type Bar, Bars } from '../../shared/pages/charts.tsx';
import { Button, Field, Heading, Table } from '../../shared/pages/components.tsx';
import { catalogue } from '../../shared/pages/language.ts';
import type { Pages } from '../../shared/pages/pages.tsx';
import { Refusal } from '../../shared/pages/refusal.tsx';
import type { View } from '../../shared/pages/view.ts';
import { isDomainError, problems } from '../../shared/problem/problem.ts';
import { type BusinessDate, isBusinessDate, previousDays } from '../../shared/time/clock.ts';
import type { Figures, FiguresEndpoints } from './figures-routes.ts';

const figuresTexts = catalogue(
  {
    title: 'Figures of all branches',
    empty: 'No operation of these dates has been collected.',
    from: 'From',
    to: 'To',
    show: 'Show',
    date: 'Business date',
    operations: 'Operations',
    payments: 'Payments',
    sums: 'Payments by sum',
    crossing: 'At other branches than home',
    mismatched: 'Found to mismatch',
    credit: 'Time to credit at another branch',
    median: 'Half within',
    p95: '95 % within',
  },
  {
    title: 'Показатели всех филиалов',
    empty: 'Операций за эти дни ещё не собрано.',
    from: 'С',
    to: 'По',
    show: 'Показать',
    date: 'Операционный день',
    operations: 'Операции',
    payments: 'Платежи',
    sums: 'Сумма платежей',
    crossing: 'В чужих филиалах',
    mismatched: 'С расхождениями',
    credit: 'Время до зачисления в другом филиале',
    median: 'Половина — за',
    p95: '95 % — за',
  },
);

const path = '/figures';
const shownDays = 30;
/** Finer than a chart can show. */
const finest = 1_000_000n;

/** How the operator does over time: charts, and the table that they are drawn from. */
export function figuresPages(deps: {
  pages: Pages;
  figures: FiguresEndpoints;
  today: () => BusinessDate;
}): void {
  deps.pages.page({ path, permission: 'reconciliation.read' }, async (view) => {
    const words = view.words(figuresTexts);
    const { to = deps.today() } = view.query;
    const { from = isBusinessDate(to) ? previousDays(to, shownDays) : to } = view.query;
    const found = await deps.figures
      .getFigures(view.c, { query: { from, to } })
      .catch((error: unknown) => {
        if (isDomainError(error, 'invalid-input')) return error;
        throw error;
      });
    const isRefused = isDomainError(found);
    const items = isRefused ? [] : found.items;
    const content = (
      <>
        <Heading title={words.title} />
        {isRefused ? <Refusal language={view.language} error={found} /> : null}
        <form method="get" action={path} class="panel actions">
          <Field label={words.from} name="from" type="date" value={from} />
          <Field label={words.to} name="to" type="date" value={to} />
          <Button kind="plain">{words.show}</Button>
        </form>
        {items.length === 0 ? null : <Charts view={view} items={items} />}
        <Days view={view} items={items} />
      </>
    );
    const refused = isRefused ? { status: problems[found.code][0] } : {};
    return { title: words.title, content, next: null, ...refused };
  });
}

function Charts({ view, items }: { view: View; items: readonly Figures[] }) {
  const words = view.words(figuresTexts);
  const { count, date, duration, money, share } = view.format;
  const bars = (of: (day: Figures) => Omit<Bar, 'label'>): Bar[] =>
    items.map((day) => ({ label: date(day.date), ...of(day) }));
  const shares = (part: (day: Figures) => number) =>
    bars((day) => ({
      text: share(part(day), day.operations),
      value: (BigInt(part(day)) * finest) / BigInt(day.operations),
    }));
  const currencies = [
    ...new Set(items.flatMap(({ payments }) => payments.map(({ sum }) => sum.currency))),
  ];
  const sums = (currency: string) =>
    bars(({ payments }) => {
      const paid = payments.find(({ sum }) => sum.currency === currency)?.sum;
      const { amount = '0' } = paid ?? {};
      return { text: money({ amount, currency }), value: BigInt(amount.replace('.', '')) };
    });
  return (
    <div class="columns">
      {currencies.map((currency) => (
        <Bars title={`${words.sums}, ${currency}`} bars={sums(currency)} />
      ))}
      <Bars
        title={words.operations}
        bars={bars(({ operations }) => ({ text: count(operations), value: BigInt(operations) }))}
      />
      <Bars title={words.crossing} bars={shares(({ crossing }) => crossing)} />
      <Bars title={words.mismatched} bars={shares(({ mismatched }) => mismatched)} />
      <Bars
        title={`${words.credit}, ${words.p95}`}
        bars={bars(({ credit }) => ({
          text: credit ? duration(credit.p95Ms) : '–',
          value: BigInt(credit?.p95Ms ?? 0),
        }))}
      />
    </div>
  );
}

function Days({ view, items }: { view: View; items: readonly Figures[] }) {
  const words = view.words(figuresTexts);
  const { count, date, duration, money, share } = view.format;
  return (
    <Table
      {...{ caption: words.title, empty: words.empty, rows: items }}
      columns={[
        { label: words.date, cell: (day) => date(day.date) },
        { label: words.operations, isNumber: true, cell: ({ operations }) => count(operations) },
        {
          label: words.payments,
          isNumber: true,
          cell: ({ payments }) => count(payments.reduce((all, each) => all + each.count, 0)),
        },
        {
          label: words.sums,
          isNumber: true,
          cell: ({ payments }) => payments.map(({ sum }) => money(sum)).join(', ') || '–',
        },
        {
          label: words.crossing,
          isNumber: true,
          cell: ({ crossing, operations }) => share(crossing, operations),
        },
        {
          label: words.mismatched,
          isNumber: true,
          cell: ({ mismatched, operations }) => share(mismatched, operations),
        },
        ...(['median', 'p95'] as const).map((part) => ({
          ...{ label: `${words.credit}: ${words[part]}`, isNumber: true },
          cell: ({ credit }: Figures) => (credit ? duration(credit[`${part}Ms`]) : '–'),
        })),
      ]}
    />
  );
}
