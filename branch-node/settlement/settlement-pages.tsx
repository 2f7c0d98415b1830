import type { Ids } from '../../shared/ids/ids.ts';
import { caseDetailText, settlementFaultText } from '../../shared/pages/case-detail-texts.ts';
import { Button, Heading, State, Table, type Tone } from '../../shared/pages/components.tsx';
import { caseKindText } from '../../shared/pages/kind-texts.ts';
import { catalogue } from '../../shared/pages/language.ts';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import type { View } from '../../shared/pages/view.ts';
import type { BranchSettlementEndpoints } from './settlement-routes.ts';

const settlementTexts = catalogue(
  {
    title: 'Settlements',
    empty: 'Head office has not settled with this branch yet.',
    received: 'Received',
    state: 'State',
    states: {
      received: 'Being checked',
      confirmed: 'Confirmed: it is posted',
      disputed: 'Disputed: nothing was posted',
    },
    net: 'The branch receives',
    faults: 'What does not agree',
    action: 'Action',
    recheck: 'Check again',
    cases: 'Cases about this branch',
    noCases: 'Head office has found no mismatch with this branch.',
    opened: 'Opened',
    kind: 'Kind',
    caseStates: { open: 'Open', adjusted: 'Adjusted', closed: 'Closed' },
    detail: 'Detail',
    resolution: 'Resolution',
  },
  {
    title: 'Взаиморасчёты',
    empty: 'Головной офис ещё не проводил расчётов с этим филиалом.',
    received: 'Получен',
    state: 'Состояние',
    states: {
      received: 'Проверяется',
      confirmed: 'Подтверждён и проведён',
      disputed: 'Оспорен: ничего не проведено',
    },
    net: 'Филиал получает',
    faults: 'Что не сходится',
    action: 'Действие',
    recheck: 'Проверить снова',
    cases: 'Расхождения с этим филиалом',
    noCases: 'Головной офис не нашёл расхождений с этим филиалом.',
    opened: 'Открыто',
    kind: 'Вид',
    caseStates: { open: 'Открыто', adjusted: 'Исправлено', closed: 'Закрыто' },
    detail: 'Подробности',
    resolution: 'Решение',
  },
);

const path = '/settlements';
const shown = '50';
const tones: Readonly<Record<string, Tone>> = {
  received: 'busy',
  confirmed: 'good',
  disputed: 'bad',
  open: 'warn',
  adjusted: 'busy',
  closed: 'good',
};

/** What head office settles with this branch, and what it asks about. */
export function settlementPages(deps: {
  pages: Pages;
  settlements: BranchSettlementEndpoints;
  ids: Ids;
}): void {
  const { pages, settlements, ids } = deps;
  pages.page({ path, permission: 'settlement.read' }, show);
  pages.page({ path: '/cases', permission: 'case.read' }, showCases);

  const recheck = async (view: View): Promise<Shown> => {
    const { id = '' } = view.params;
    const key = view.form.key ?? ids.uuid();
    await settlements.recheckSettlement(view.c, { params: { id }, key });
    return { goTo: path };
  };
  pages.action({ path: `${path}/:id/check`, permission: 'settlement.recheck' }, recheck, show);

  async function show(view: View): Promise<Shown> {
    const words = view.words(settlementTexts);
    const { items, next } = await settlements.listSettlements(view.c, { query: queryOf(view) });
    const content = (
      <>
        <Heading title={words.title} />
        <Table
          {...{ caption: words.title, empty: words.empty, rows: items }}
          columns={[
            { label: words.received, cell: ({ receivedAt }) => view.format.moment(receivedAt) },
            {
              label: words.state,
              cell: ({ state }) => (
                <State tone={tones[state] ?? 'plain'}>{words.states[state]}</State>
              ),
            },
            { label: words.net, isNumber: true, cell: ({ net }) => view.format.money(net) },
            { label: words.faults, cell: ({ faults }) => faultsText(view, faults) || '–' },
            {
              label: words.action,
              cell: ({ id, state }) =>
                state === 'disputed' && view.may('settlement.recheck') ? (
                  <form method="post" action={`${path}/${id}/check`}>
                    <input type="hidden" name="key" value={ids.uuid()} />
                    <Button kind="plain">{words.recheck}</Button>
                  </form>
                ) : (
                  '–'
                ),
            },
          ]}
        />
      </>
    );
    return { title: words.title, content, next };
  }

  async function showCases(view: View): Promise<Shown> {
    const words = view.words(settlementTexts);
    const { items, next } = await settlements.listCases(view.c, { query: queryOf(view) });
    const content = (
      <>
        <Heading title={words.cases} />
        <Table
          {...{ caption: words.cases, empty: words.noCases, rows: items }}
          columns={[
            { label: words.opened, cell: ({ openedAt }) => view.format.moment(openedAt) },
            { label: words.kind, cell: ({ kind }) => caseKindText(view, kind) },
            {
              label: words.state,
              cell: ({ state }) => (
                <State tone={tones[state] ?? 'plain'}>{words.caseStates[state]}</State>
              ),
            },
            {
              label: words.detail,
              cell({ detail, operationId }) {
                const text = caseDetailText(view, detail);
                if (operationId === null) return text;
                return <a href={`/operations/${operationId}`}>{text}</a>;
              },
            },
            {
              label: words.resolution,
              cell: ({ resolution }) => (resolution ? caseDetailText(view, resolution) : '–'),
            },
          ]}
        />
      </>
    );
    return { title: words.cases, content, next };
  }
}

const faultsText = (view: View, faults: readonly string[]) =>
  faults.map((fault) => settlementFaultText(view, fault)).join('; ');

function queryOf({ query: { cursor } }: View) {
  return { limit: shown, ...(cursor ? { cursor } : {}) };
}
