import {
  Button,
  Facts,
  Field,
  Heading,
  LinkButton,
  Panel,
  State,
  Table,
  type Tone,
} from '../../shared/pages/components.tsx';
import { operationKindText } from '../../shared/pages/kind-texts.ts';
import { catalogue } from '../../shared/pages/language.ts';
import type { Pages } from '../../shared/pages/pages.tsx';
import type { View } from '../../shared/pages/view.ts';
import type { BusinessDate } from '../../shared/time/clock.ts';
import { differencesPath } from './day-difference-pages.tsx';
import type { ReconciliationEndpoints } from './reconciliation-routes.ts';

const reconciliationTexts = catalogue(
  {
    title: 'Reconciliation',
    date: 'Business date',
    show: 'Show',
    complete: 'Complete',
    incomplete: 'Not complete yet',
    branches: 'Branches',
    noBranches: 'No branch takes part.',
    branch: 'Branch',
    closing: 'Day',
    closed: 'Closed',
    notClosed: 'Not closed',
    totals: 'Control totals',
    equal: 'Equal',
    differ: 'Differ',
    pairs: 'Pairs of branches',
    noPairs: 'No operation of this date has been collected yet.',
    serving: 'Served by',
    home: 'Home',
    kind: 'Kind',
    count: 'Operations',
    sum: 'Sum',
    matched: 'Matched',
    refused: 'Refused',
    open: 'Open',
    inCase: 'In a case',
    adjusted: 'Adjusted',
    operations: 'Operations of the pair',
    legs: 'Both legs',
    point: 'Point',
    number: 'Number',
    since: 'Since',
    toCase: 'To the case',
    operation: 'Operation',
    state: 'State',
    states: {
      open: 'Open',
      matched: 'Matched',
      refused: 'Refused',
      case: 'In a case',
      adjusted: 'Adjusted',
    },
    points: {
      accepted: 'Accepted',
      executed: 'Executed',
      refused: 'Refused',
      concluded: 'Concluded',
    } as Readonly<Record<string, string>>,
    back: 'To the date',
  },
  {
    title: 'Сверка',
    date: 'Операционный день',
    show: 'Показать',
    complete: 'Сошлось',
    incomplete: 'Ещё не сошлось',
    branches: 'Филиалы',
    noBranches: 'Филиалов нет.',
    branch: 'Филиал',
    closing: 'День',
    closed: 'Закрыт',
    notClosed: 'Не закрыт',
    totals: 'Контрольные итоги',
    equal: 'Равны',
    differ: 'Различаются',
    pairs: 'Пары филиалов',
    noPairs: 'Операций за этот день ещё не собрано.',
    serving: 'Обслужил',
    home: 'Домашний',
    kind: 'Вид',
    count: 'Операций',
    sum: 'Сумма',
    matched: 'Сошлось',
    refused: 'Отказано',
    open: 'Открыто',
    inCase: 'Расхождения',
    adjusted: 'Скорректировано',
    operations: 'Операции пары',
    legs: 'Обе записи',
    point: 'Шаг',
    number: 'Номер',
    since: 'С',
    toCase: 'К расхождению',
    operation: 'Операция',
    state: 'Состояние',
    states: {
      open: 'Открыта',
      matched: 'Сошлась',
      refused: 'Отказ',
      case: 'Расхождение',
      adjusted: 'Скорректирована',
    },
    points: {
      accepted: 'Принята',
      executed: 'Исполнена',
      refused: 'Отказ',
      concluded: 'Завершена',
    },
    back: 'К дню',
  },
);

const path = '/reconciliation';
const shownOperations = 20;

export interface ReconciliationPagesDeps {
  readonly pages: Pages;
  readonly reconciliation: ReconciliationEndpoints;
  readonly today: () => BusinessDate;
}

type Collected = Awaited<
  ReturnType<ReconciliationEndpoints['listCollectedOperations']>
>['items'][number];

const tones: Readonly<Record<Collected['state'], Tone>> = {
  open: 'busy',
  matched: 'good',
  refused: 'plain',
  case: 'bad',
  adjusted: 'warn',
};

/** How a business date stands, down to the two legs of an operation side by side. */
export function reconciliationPages(deps: ReconciliationPagesDeps): void {
  const { pages, reconciliation, today } = deps;

  pages.page({ path, permission: 'reconciliation.read' }, async (view) => {
    const words = view.words(reconciliationTexts);
    const date = view.query.date ?? today();
    const report = await reconciliation.getReconciliation(view.c, {
      params: { businessDate: date },
    });
    const content = (
      <>
        <Heading title={`${words.title}: ${view.format.date(date)}`}>
          <State tone={report.complete ? 'good' : 'busy'}>
            {report.complete ? words.complete : words.incomplete}
          </State>
        </Heading>
        <form method="get" action={path} class="panel actions">
          <Field label={words.date} name="date" type="date" value={date} />
          <Button kind="plain">{words.show}</Button>
        </form>
        <Branches view={view} date={date} branches={report.branches} />
        <Pairs view={view} date={date} pairs={report.pairs} />
      </>
    );
    return { title: words.title, content, next: null };
  });

  pages.page({ path: `${path}/operations`, permission: 'reconciliation.read' }, async (view) => {
    const words = view.words(reconciliationTexts);
    const { date = today(), serving, home, kind, cursor } = view.query;
    const filter = Object.entries({ serving, home, kind, cursor }).flatMap(([name, value]) =>
      value ? [[name, value] as const] : [],
    );
    const { items, next } = await reconciliation.listCollectedOperations(view.c, {
      params: { businessDate: date },
      query: { ...Object.fromEntries(filter), limit: String(shownOperations) },
    });
    const content = (
      <>
        <Heading title={words.operations}>
          <LinkButton href={`${path}?date=${date}`}>{words.back}</LinkButton>
        </Heading>
        {items.map((operation) => (
          <Legs view={view} operation={operation} />
        ))}
        <LegTable view={view} operations={items} />
      </>
    );
    return { title: words.operations, content, next };
  });
}

type Report = Awaited<ReturnType<ReconciliationEndpoints['getReconciliation']>>;

function Branches(props: { view: View; date: string; branches: Report['branches'] }) {
  const { view, date, branches } = props;
  const words = view.words(reconciliationTexts);
  return (
    <Table
      {...{ caption: words.branches, empty: words.noBranches, rows: branches }}
      columns={[
        { label: words.branch, cell: ({ branch }) => branch },
        {
          label: words.closing,
          cell: ({ closed, closedAt }) => (
            <State tone={closed ? 'good' : 'busy'}>
              {closed && closedAt
                ? `${words.closed} ${view.format.moment(closedAt)}`
                : words.notClosed}
            </State>
          ),
        },
        {
          label: words.totals,
          cell: ({ branch, equal }) => {
            if (equal === null) return '–';
            if (equal) return <State tone="good">{words.equal}</State>;
            return (
              <a href={`${differencesPath}?${new URLSearchParams({ date, branch })}`}>
                <State tone="bad">{words.differ}</State>
              </a>
            );
          },
        },
      ]}
    />
  );
}

function Pairs(props: { view: View; date: string; pairs: Report['pairs'] }) {
  const { view, date, pairs } = props;
  const words = view.words(reconciliationTexts);
  const { count } = view.format;
  return (
    <Table
      {...{ caption: words.pairs, empty: words.noPairs, rows: pairs }}
      columns={[
        {
          label: words.kind,
          cell: ({ kind, serving, home }) => (
            <a
              href={`${path}/operations?${new URLSearchParams({ date, serving, home, kind })}`}
            >{`${serving} → ${home}: ${operationKindText(view, kind)}`}</a>
          ),
        },
        { label: words.count, isNumber: true, cell: (pair) => count(pair.count) },
        {
          label: words.sum,
          isNumber: true,
          cell: ({ sum }) => (sum ? view.format.money(sum) : '–'),
        },
        { label: words.matched, isNumber: true, cell: ({ matched }) => count(matched) },
        { label: words.refused, isNumber: true, cell: ({ refused }) => count(refused) },
        { label: words.open, isNumber: true, cell: ({ open }) => count(open) },
        { label: words.inCase, isNumber: true, cell: ({ inCase }) => count(inCase) },
        { label: words.adjusted, isNumber: true, cell: ({ adjusted }) => count(adjusted) },
      ]}
    />
  );
}

function Legs({ view, operation }: { view: View; operation: Collected }) {
  const words = view.words(reconciliationTexts);
  const { operationId, kind, state, legs, money, since, caseId } = operation;
  return (
    <Panel title={`${operationKindText(view, kind)} ${money ? view.format.money(money) : ''}`}>
      <p>
        <State tone={tones[state]}>{words.states[state]}</State>{' '}
        {caseId === null ? null : <a href={`/cases/${caseId}`}>{words.toCase}</a>}
      </p>
      <p class="soft">
        {operationId} · {words.since} {view.format.moment(since)}
      </p>
      <div class="columns">
        {legs.map((leg) => (
          <Panel title={leg.branch}>
            <Facts
              facts={[
                [words.point, words.points[leg.point] ?? leg.point],
                [words.number, view.format.msisdn(leg.msisdn)],
                [words.sum, leg.money ? view.format.money(leg.money) : '–'],
                [words.date, view.format.date(leg.businessDate)],
              ]}
            />
          </Panel>
        ))}
      </div>
    </Panel>
  );
}

/** The same as one list, for a spreadsheet. */
function LegTable({ view, operations }: { view: View; operations: readonly Collected[] }) {
  const words = view.words(reconciliationTexts);
  const rows = operations.flatMap(({ legs, ...operation }) =>
    legs.map((leg) => ({ ...leg, operation })),
  );
  return (
    <Table
      {...{ caption: words.legs, empty: words.noPairs, rows }}
      columns={[
        { label: words.operation, cell: ({ operation }) => operation.operationId },
        { label: words.kind, cell: ({ operation }) => operationKindText(view, operation.kind) },
        { label: words.state, cell: ({ operation }) => words.states[operation.state] },
        { label: words.branch, cell: ({ branch }) => branch },
        { label: words.point, cell: ({ point }) => words.points[point] ?? point },
        { label: words.number, cell: ({ msisdn }) => view.format.msisdn(msisdn) },
        {
          label: words.sum,
          isNumber: true,
          cell: ({ money }) => (money ? view.format.money(money) : '–'),
        },
        { label: words.date, cell: (leg) => view.format.date(leg.businessDate) },
      ]}
    />
  );
}
