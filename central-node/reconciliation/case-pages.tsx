import type { Ids } from '../../shared/ids/ids.ts';
import { caseDetailText } from '../../shared/pages/case-detail-texts.ts';
import {
  Button,
  Facts,
  Field,
  Heading,
  LinkButton,
  Panel,
  Select,
  State,
  Table,
  type Tone,
} from '../../shared/pages/components.tsx';
import { moneyInput } from '../../shared/pages/inputs.ts';
import { caseKindText } from '../../shared/pages/kind-texts.ts';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import type { View } from '../../shared/pages/view.ts';
import type { CaseEndpoints } from './case-routes.ts';
import { caseTexts } from './case-texts.ts';

const path = '/cases';
const one = `${path}/:id`;
const shownCases = 50;

type CaseView = Awaited<ReturnType<CaseEndpoints['getCase']>>;
type CaseState = CaseView['state'];

export interface CasePagesDeps {
  readonly pages: Pages;
  readonly cases: CaseEndpoints;
  readonly ids: Ids;
}

function toneOf(state: CaseState): Tone {
  if (state === 'closed') return 'good';
  return state === 'detected' || state === 'notified' ? 'bad' : 'warn';
}

/** Mismatches, from found to closed: explained by one, adjusted by two. */
export function casePages({ pages, cases, ids }: CasePagesDeps): void {
  pages.page({ path, permission: 'case.read' }, async (view) => {
    const words = view.words(caseTexts);
    const { cursor, state } = view.query;
    const areAll = state === 'all';
    const filter = { ...(areAll ? {} : { state: 'open' as const }), ...(cursor ? { cursor } : {}) };
    const query = { limit: String(shownCases), ...filter };
    const { items, next } = await cases.listCases(view.c, { query });
    const content = (
      <>
        <Heading title={`${words.title}: ${areAll ? words.all : words.open}`}>
          <LinkButton href={areAll ? path : `${path}?state=all`}>
            {areAll ? words.showOpen : words.showAll}
          </LinkButton>
        </Heading>
        <Table
          {...{ caption: words.title, empty: words.empty, rows: items }}
          columns={[
            { label: words.opened, cell: ({ openedAt }) => view.format.moment(openedAt) },
            {
              label: words.kind,
              cell: ({ id, kind }) => <a href={`${path}/${id}`}>{caseKindText(view, kind)}</a>,
            },
            { label: words.branches, cell: ({ branches }) => branches.join(', ') },
            {
              label: words.state,
              cell: ({ state }) => <State tone={toneOf(state)}>{words.states[state]}</State>,
            },
          ]}
        />
      </>
    );
    return { title: words.title, content, next };
  });

  const show = async (view: View) => {
    const found = await cases.getCase(view.c, { params: { id: view.params.id ?? '' } });
    return casePage(view, found, { ids, currencies: await cases.currencies() });
  };
  pages.page({ path: one, permission: 'case.read' }, show);

  function work(
    step: string,
    act: (view: View, wish: { params: { id: string }; key: string }) => Promise<object>,
  ): void {
    const done = async (view: View): Promise<Shown> => {
      const { id = '' } = view.params;
      await act(view, { params: { id }, key: view.form.key ?? ids.uuid() });
      return { goTo: `${path}/${id}` };
    };
    pages.action({ path: `${one}/${step}`, permission: 'case.work' }, done, show);
  }

  work('explanation', (view, wish) =>
    cases.explainCase(view.c, { ...wish, body: { explanation: view.form.explanation ?? '' } }),
  );
  work('adjustment', (view, wish) => {
    const { reason = '', debtor = '', creditor = '', sum = '', currency = '' } = view.form;
    const owes = {
      ...{ debtor: debtor.trim(), creditor: creditor.trim() },
      money: { amount: moneyInput(sum, currency) ?? sum, currency },
    };
    const isWithout = [debtor, creditor, sum].every((text) => text.trim() === '');
    const body = isWithout ? { reason } : { reason, owes };
    return cases.proposeAdjustment(view.c, { ...wish, body });
  });
  work('approval', (view, wish) =>
    cases.approveAdjustment(view.c, { ...wish, body: { proposal: view.form.proposal ?? '' } }),
  );
}

interface Making {
  readonly ids: Ids;
  readonly currencies: readonly string[];
}

function casePage(view: View, found: CaseView, making: Making): Shown {
  const words = view.words(caseTexts);
  const title = caseKindText(view, found.kind);
  const content = (
    <>
      <Heading title={title}>
        <State tone={toneOf(found.state)}>{words.states[found.state]}</State>
      </Heading>
      <div class="columns">
        <Panel title={words.detail}>
          <p>{caseDetailText(view, found.detail)}</p>
          <Facts
            facts={[
              [words.subject, subjectText(view, found.subject)],
              [words.branches, found.branches.join(', ')],
              [words.opened, view.format.moment(found.openedAt)],
              found.explanation ? [words.explanation, found.explanation] : undefined,
              found.resolution
                ? [words.resolution, caseDetailText(view, found.resolution)]
                : undefined,
            ]}
          />
        </Panel>
        <Proposal view={view} found={found} />
      </div>
      {view.may('case.work') && found.state !== 'closed' ? (
        <Work {...{ view, found }} {...making} />
      ) : null}
      <Table
        {...{ caption: words.timeline, empty: '', rows: found.steps }}
        columns={[
          { label: words.when, cell: ({ at }) => view.format.moment(at) },
          { label: words.state, cell: ({ state }) => words.states[state] },
          { label: words.who, cell: ({ actor }) => actor ?? words.system },
          { label: words.note, cell: ({ note }) => caseDetailText(view, note) },
        ]}
      />
    </>
  );
  return { title, content };
}

/** `operation:…`, `day:MSK/2026-01-01`: what it is in words, and which. */
function subjectText(view: View, subject: string): string {
  const kinds: Readonly<Record<string, string>> = view.words(caseTexts).subjects;
  const [, kind = '', which] = /^([a-z]+):(.*)$/s.exec(subject) ?? [];
  return which === undefined ? subject : `${kinds[kind] ?? kind} ${which}`;
}

function Proposal({ view, found }: { view: View; found: CaseView }) {
  const words = view.words(caseTexts);
  const { adjustment } = found;
  if (!adjustment) return null;
  const { owes, reason } = adjustment;
  return (
    <Panel title={words.proposal}>
      <p>
        {owes
          ? words.owes(owes.debtor, owes.creditor, view.format.money(owes.money))
          : words.noMoney}
      </p>
      <p>{reason}</p>
    </Panel>
  );
}

interface WorkProps extends Making {
  readonly view: View;
  readonly found: CaseView;
}

function Work(props: WorkProps) {
  const { view, found, ids } = props;
  const words = view.words(caseTexts);
  if (found.adjustment !== null) {
    return (
      <>
        <form method="post" action={`${path}/${found.id}/approval`} class="panel">
          <input type="hidden" name="key" value={ids.uuid()} />
          <input type="hidden" name="proposal" value={found.adjustment.id} />
          <p class="hint">{words.approveText}</p>
          <Button>{words.approve}</Button>
        </form>
        <details open={view.form.reason !== undefined}>
          <summary>{words.proposeOther}</summary>
          <Proposing {...props} />
        </details>
      </>
    );
  }
  if (found.state === 'explained') return <Proposing {...props} />;
  return (
    <form method="post" action={`${path}/${found.id}/explanation`} class="panel">
      <input type="hidden" name="key" value={ids.uuid()} />
      <Field
        {...{ label: words.explainText, name: 'explanation', maxlength: 1000, required: true }}
        value={view.form.explanation ?? ''}
      />
      <Button>{words.explain}</Button>
    </form>
  );
}

function Proposing({ view, found, ids, currencies }: WorkProps) {
  const words = view.words(caseTexts);
  const typed = (name: string) => ({ name, value: view.form[name] ?? '' });
  const [first = '', second = ''] = found.branches;
  return (
    <form method="post" action={`${path}/${found.id}/adjustment`} class="panel">
      <input type="hidden" name="key" value={ids.uuid()} />
      <Field label={words.reason} {...typed('reason')} maxlength={1000} required />
      <div class="columns">
        <Field label={words.debtor} {...typed('debtor')} list="branches" autocomplete="off" />
        <Field label={words.creditor} {...typed('creditor')} list="branches" autocomplete="off" />
        <Field label={words.sum} {...typed('sum')} inputmode="decimal" autocomplete="off" />
        <Select
          {...{ label: words.currency, name: 'currency', value: view.form.currency }}
          choices={[
            ...(currencies.length > 1 ? [{ value: '', label: '–' }] : []),
            ...currencies.map((code) => ({ value: code, label: code })),
          ]}
        />
      </div>
      <datalist id="branches">
        <option value={first} />
        <option value={second} />
      </datalist>
      <Button>{words.propose}</Button>
    </form>
  );
}
