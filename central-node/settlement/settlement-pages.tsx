import type { Child } from 'hono/jsx';
import type { Ids } from '../../shared/ids/ids.ts';
import { settlementAnswerText } from '../../shared/pages/case-detail-texts.ts';
import {
  Button,
  Facts,
  Heading,
  LinkButton,
  Panel,
  Select,
  State,
  Table,
  type Tone,
} from '../../shared/pages/components.tsx';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import type { View } from '../../shared/pages/view.ts';
import type { LostSettlementEndpoints } from './lost-settlement-routes.ts';
import type { WindowState } from './settlement.ts';
import type { SettlementEndpoints } from './settlement-routes.ts';
import { settlementTexts } from './settlement-texts.ts';

const path = '/settlement';
const shown = 20;

type Detail = Awaited<ReturnType<SettlementEndpoints['getSettlement']>>;

export interface SettlementPagesDeps {
  readonly pages: Pages;
  readonly settlement: SettlementEndpoints & Pick<LostSettlementEndpoints, 'listLostSettlements'>;
  readonly ids: Ids;
}

const tones: Readonly<Record<WindowState, Tone>> = {
  OPEN: 'busy',
  CLOSED: 'warn',
  PENDING_SETTLEMENT: 'warn',
  SETTLED: 'good',
  ABORTED: 'plain',
};

/** Windows and settlements: prepared by one person, approved by another, confirmed by every branch. */
export function settlementPages({ pages, settlement, ids }: SettlementPagesDeps): void {
  pages.page({ path, permission: 'settlement.read' }, overview);

  /** On its first page with what is to be done; further ones are older settlements. */
  async function overview(view: View): Promise<Shown> {
    const words = view.words(settlementTexts);
    const { cursor } = view.query;
    const { items, next } = await settlement.listSettlements(view.c, {
      query: { limit: String(shown), ...(cursor ? { cursor } : {}) },
    });
    const content = (
      <>
        {cursor ? <Heading title={words.title} /> : await workToDo(view)}
        <Table
          {...{ caption: words.settlements, empty: words.none, rows: items }}
          columns={[
            {
              label: words.made,
              cell: ({ id, madeAt }) => <a href={`${path}/${id}`}>{view.format.moment(madeAt)}</a>,
            },
            { label: words.currency, cell: ({ currency }) => currency },
            { label: words.by, cell: ({ madeBy }) => madeBy },
            { label: words.model, cell: ({ model }) => words.models[model] },
            {
              label: words.state,
              cell: ({ state }) => <State tone={tones[state]}>{words.windowStates[state]}</State>,
            },
            { label: words.decided, cell: ({ decidedBy }) => decidedBy ?? '–' },
          ]}
        />
      </>
    );
    return { title: words.title, content, next };
  }

  async function workToDo(view: View): Promise<Child> {
    const words = view.words(settlementTexts);
    const windows = await windowsToShow(view);
    const lost = await settlement.listLostSettlements(view.c);
    // The newest comes first, and says which currency is settled.
    const closed = windows.find(({ state }) => state === 'CLOSED');
    return (
      <>
        <Heading title={words.title}>
          {lost.items.length > 0 ? (
            <LinkButton href="/lost-settlements">{words.lost(lost.items.length)}</LinkButton>
          ) : null}
        </Heading>
        <Windows {...{ view, ids, windows }} />
        {view.may('settlement.make') && closed ? (
          <Preparation {...{ view, ids, currency: closed.currency }} />
        ) : null}
      </>
    );
  }

  /** What is still to be closed or settled, however old, then the newest. */
  async function windowsToShow(view: View): Promise<WindowView[]> {
    const found = new Map<string, WindowView>();
    for (const state of ['OPEN', 'CLOSED', undefined] as const) {
      const query = { limit: String(shown), ...(state ? { state } : {}) };
      const { items } = await settlement.listSettlementWindows(view.c, { query });
      for (const window of items) found.set(window.id, window);
    }
    return [...found.values()];
  }

  const closing = { path: `${path}/windows/:id/close`, permission: 'settlement.make' } as const;
  const close = async (view: View): Promise<Shown> => {
    const { id = '' } = view.params;
    await settlement.closeSettlementWindow(view.c, { params: { id }, key: keyOf(view) });
    return { goTo: path };
  };
  pages.action(closing, close, overview);

  const make = async (view: View): Promise<Shown> => {
    const { model = 'multilateral' } = view.form;
    const { id } = await settlement.makeSettlement(view.c, { body: { model }, key: keyOf(view) });
    return { goTo: `${path}/${id}` };
  };
  pages.action({ path, permission: 'settlement.make' }, make, overview);

  function keyOf(view: View): string {
    return view.form.key ?? ids.uuid();
  }

  const look = (view: View) =>
    settlement.getSettlement(view.c, { params: { id: view.params.id ?? '' } });
  const one = `${path}/:id`;
  const show = async (view: View) => settlementPage(view, await look(view), ids);
  pages.page({ path: one, permission: 'settlement.read' }, show);

  for (const step of ['approval', 'abort'] as const) {
    const decide = step === 'approval' ? settlement.approveSettlement : settlement.abortSettlement;
    const act = async (view: View): Promise<Shown> => {
      const { id = '' } = view.params;
      await decide(view.c, { params: { id }, key: keyOf(view) });
      return { goTo: `${path}/${id}` };
    };
    pages.action({ path: `${one}/${step}`, permission: 'settlement.check' }, act, show);
  }

  pages.fragment({ path: `${one}/answers`, permission: 'settlement.read' }, async (view) => (
    <Answers view={view} found={await look(view)} />
  ));
}

type WindowView = Awaited<
  ReturnType<SettlementEndpoints['listSettlementWindows']>
>['items'][number];

function Windows(props: { view: View; ids: Ids; windows: readonly WindowView[] }) {
  const { view, ids, windows } = props;
  const words = view.words(settlementTexts);
  return (
    <Table
      {...{ caption: words.windows, empty: words.noWindows, rows: windows }}
      columns={[
        { label: words.window, cell: ({ openedAt }) => view.format.moment(openedAt) },
        { label: words.currency, cell: ({ currency }) => currency },
        {
          label: words.state,
          cell: ({ state }) => <State tone={tones[state]}>{words.windowStates[state]}</State>,
        },
        {
          label: words.closedAt,
          cell: ({ closedAt }) => (closedAt ? view.format.moment(closedAt) : '–'),
        },
        {
          label: words.action,
          cell: ({ id, currency, state }) =>
            state === 'OPEN' && view.may('settlement.make') ? (
              <form method="post" action={`${path}/windows/${id}/close`}>
                <input type="hidden" name="key" value={ids.uuid()} />
                <Button kind="plain" aria-label={`${words.close}: ${currency}`}>
                  {words.close}
                </Button>
              </form>
            ) : (
              '–'
            ),
        },
      ]}
    />
  );
}

function Preparation(props: { view: View; ids: Ids; currency: string }) {
  const { view, ids, currency } = props;
  const words = view.words(settlementTexts);
  return (
    <form method="post" action={path} class="panel narrow">
      <input type="hidden" name="key" value={ids.uuid()} />
      <Select
        {...{ label: words.model, name: 'model' }}
        choices={(['multilateral', 'bilateral'] as const).map((value) => ({
          value,
          label: words.models[value],
        }))}
      />
      <p class="hint">{words.prepareText}</p>
      <Button>{words.prepare(currency)}</Button>
    </form>
  );
}

function settlementPage(view: View, found: Detail, ids: Ids): Shown {
  const words = view.words(settlementTexts);
  const { money, moment, count } = view.format;
  const title = `${words.title}: ${moment(found.madeAt)}`;
  const content = (
    <>
      <Heading title={title}>
        <State tone={tones[found.state]}>{words.windowStates[found.state]}</State>
      </Heading>
      <Panel>
        <Facts
          facts={[
            [words.by, found.madeBy],
            [words.decided, found.decidedBy ?? '–'],
            [words.model, words.models[found.model]],
            [words.currency, found.currency],
          ]}
        />
        <Decision view={view} found={found} ids={ids} />
      </Panel>
      <Table
        {...{ caption: words.net, empty: words.noTransfers, rows: found.net }}
        columns={[
          { label: words.branch, cell: ({ branch }) => branch },
          { label: words.receives, isNumber: true, cell: ({ net }) => money(net) },
          {
            label: words.statement,
            cell: ({ branch }) => {
              const file = `/api/v1/settlements/${found.id}/statements/${branch}`;
              return (
                <span>
                  <a href={`${file}?format=pdf`} aria-label={`PDF ${branch}`}>
                    PDF
                  </a>{' '}
                  <a href={`${file}?format=csv`} aria-label={`CSV ${branch}`}>
                    CSV
                  </a>
                </span>
              );
            },
          },
        ]}
      />
      <Matrix view={view} found={found} />
      <Table
        {...{ caption: words.pairs, empty: words.noTransfers, rows: found.matrix }}
        columns={[
          { label: words.branch, cell: ({ branch }) => branch },
          { label: words.peer, cell: ({ peer }) => peer },
          { label: words.count, isNumber: true, cell: (row) => count(row.count) },
          { label: words.gross, isNumber: true, cell: ({ gross }) => money(gross) },
          { label: words.commission, isNumber: true, cell: (row) => money(row.commission) },
          { label: words.fees, isNumber: true, cell: ({ fees }) => money(fees) },
          { label: words.total, isNumber: true, cell: ({ net }) => money(net) },
        ]}
      />
      <Table
        {...{ caption: words.transfers, empty: words.noTransfers, rows: found.transfers }}
        columns={[
          { label: words.from, cell: ({ from }) => from },
          { label: words.to, cell: ({ to }) => to },
          { label: words.gross, isNumber: true, cell: (row) => money(row.money) },
        ]}
      />
      {found.state === 'SETTLED' ? <Answers view={view} found={found} /> : null}
    </>
  );
  return { title, content };
}

/** Who owes whom: a row per branch, a column per peer. */
function Matrix({ view, found }: { view: View; found: Detail }) {
  const words = view.words(settlementTexts);
  const branches = found.net.map(({ branch }) => branch);
  const owed = new Map(found.matrix.map(({ branch, peer, net }) => [`${branch} ${peer}`, net]));
  const cell = (branch: string, peer: string) => {
    const net = owed.get(`${branch} ${peer}`);
    return net ? view.format.money(net) : '–';
  };
  return (
    <Table
      {...{ caption: words.matrix, empty: words.noTransfers, rows: branches }}
      columns={[
        { label: words.branch, cell: (branch) => <strong>{branch}</strong> },
        ...branches.map((peer) => ({
          ...{ label: peer, isNumber: true },
          cell: (branch: string) => cell(branch, peer),
        })),
      ]}
    />
  );
}

function Decision({ view, found, ids }: { view: View; found: Detail; ids: Ids }) {
  const words = view.words(settlementTexts);
  if (found.state !== 'PENDING_SETTLEMENT' || !view.may('settlement.check')) return null;
  return (
    <div class="actions">
      <form method="post" action={`${path}/${found.id}/approval`}>
        <input type="hidden" name="key" value={ids.uuid()} />
        <p class="hint">{words.approveText}</p>
        <Button>{words.approve}</Button>
      </form>
      <form method="post" action={`${path}/${found.id}/abort`}>
        <input type="hidden" name="key" value={ids.uuid()} />
        <Button kind="danger">{words.abort}</Button>
      </form>
    </div>
  );
}

/** It asks again until every branch has answered. */
function Answers({ view, found }: { view: View; found: Detail }) {
  const words = view.words(settlementTexts);
  const renewal =
    found.answers.length < found.net.length
      ? {
          'hx-get': `${path}/${found.id}/answers`,
          'hx-trigger': 'every 2s',
          'hx-swap': 'outerHTML',
        }
      : {};
  return (
    <div {...renewal} aria-live="polite" id="answers">
      <Table
        {...{ caption: words.answers, empty: words.noAnswers, rows: found.answers }}
        columns={[
          { label: words.branch, cell: ({ branch }) => branch },
          {
            label: words.state,
            cell: ({ outcome }) => (
              <State tone={outcome === 'confirmed' ? 'good' : 'bad'}>{words[outcome]}</State>
            ),
          },
          { label: words.detail, cell: ({ detail }) => settlementAnswerText(view, detail) },
          { label: words.answeredAt, cell: ({ at }) => view.format.moment(at) },
        ]}
      />
    </div>
  );
}
