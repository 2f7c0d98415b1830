import type { Api } from '../web/api.ts';
import { accountPath as path } from './account-paths.ts';
import { accountTexts } from './account-texts.ts';
import { Button, Facts, Field, Heading, Notice, Panel, State, Table } from './components.tsx';
import type { Pages, Shown } from './pages.tsx';
import type { View } from './view.ts';

const permission = 'signed-in';

interface AccountPagesDeps {
  readonly pages: Pages;
  readonly endpoints: Api['common'];
}

type Factor = Awaited<ReturnType<Api['common']['getSecondFactor']>>;
type Offer = Awaited<ReturnType<Api['common']['offerSecondFactor']>>;

/** One's own second factor, and where one is signed in. */
export function accountPages({ pages, endpoints }: AccountPagesDeps): void {
  pages.page({ path, permission }, show);

  const proofOf = ({ form: { current = '', code = '' } }: View) =>
    code === '' ? { current } : { current, code };

  const offer = async (view: View): Promise<Shown> => {
    const made = await endpoints.offerSecondFactor(view.c, { body: proofOf(view) });
    return confirmation(view, made);
  };
  pages.action({ path: `${path}/second-factor`, permission }, offer, show);

  const confirm = async (view: View): Promise<Shown> => {
    const body = { code: view.form.code ?? '' };
    return codes(view, (await endpoints.confirmSecondFactor(view.c, { body })).recoveryCodes);
  };
  const spec = { path: `${path}/second-factor/confirmation`, permission } as const;
  pages.action(spec, confirm, async (view) => confirmation(view));

  function work(spec: string, act: (view: View) => Promise<unknown>): void {
    const done = async (view: View): Promise<Shown> => {
      await act(view);
      return { goTo: path };
    };
    pages.action({ path: spec, permission }, done, show);
  }
  work(`${path}/second-factor/removal`, (view) =>
    endpoints.removeSecondFactor(view.c, { body: proofOf(view) }),
  );
  work(`${path}/sessions/:id/end`, (view) =>
    endpoints.endOwnSession(view.c, { params: { id: view.params.id ?? '' } }),
  );
  work(`${path}/sessions/end-others`, (view) => endpoints.endOtherSessions(view.c));

  async function show(view: View): Promise<Shown> {
    const words = view.words(accountTexts);
    const factor = await endpoints.getSecondFactor(view.c);
    const { items } = await endpoints.listOwnSessions(view.c);
    const content = (
      <>
        <Heading title={words.title} />
        {factor.isRequired ? <Notice tone="warn">{words.required}</Notice> : null}
        <FactorPanel view={view} factor={factor} />
        <Sessions view={view} items={items} />
      </>
    );
    return { title: words.title, content };
  }
}

function FactorPanel({ view, factor }: { view: View; factor: Factor }) {
  const words = view.words(accountTexts);
  const { isSetUp, recoveryCodesLeft } = factor;
  const left = view.format.count(recoveryCodesLeft ?? 0);
  return (
    <section class="panel narrow">
      <h2>{words.factor}</h2>
      <Facts
        facts={[
          [
            words.state,
            <State tone={isSetUp ? 'good' : 'plain'}>{isSetUp ? words.on : words.off}</State>,
          ],
          isSetUp ? [words.left, left] : undefined,
        ]}
      />
      <p class="hint">{words.hint}</p>
      <form method="post" action={`${path}/second-factor`} class="stack">
        <Proof view={view} isSetUp={isSetUp} id="set-up" />
        <Button>{isSetUp ? words.replace : words.begin}</Button>
        {isSetUp ? (
          <Button kind="danger" formaction={`${path}/second-factor/removal`}>
            {words.remove}
          </Button>
        ) : null}
      </form>
    </section>
  );
}

function Proof({ view, isSetUp, id }: { view: View; isSetUp: boolean; id: string }) {
  const words = view.words(accountTexts);
  return (
    <>
      <Field
        {...{ label: words.password, name: 'current', id: `${id}-current`, type: 'password' }}
        {...{ autocomplete: 'current-password', required: true }}
      />
      {isSetUp ? (
        <Field
          {...{ label: words.code, name: 'code', id: `${id}-code`, hint: words.codeHint }}
          {...{ autocomplete: 'one-time-code', required: true }}
        />
      ) : null}
    </>
  );
}

function confirmation(view: View, offer?: Offer): Shown {
  const words = view.words(accountTexts);
  const content = (
    <>
      <Heading title={words.confirmTitle} />
      <form method="post" action={`${path}/second-factor/confirmation`} class="panel narrow">
        {offer ? (
          <>
            <p>{words.confirmHint}</p>
            <Facts
              facts={[
                [words.secret, <code>{offer.secret}</code>],
                [words.address, <code class="code">{offer.address}</code>],
              ]}
            />
          </>
        ) : null}
        <Field
          {...{ label: words.code, name: 'code', required: true, autofocus: true }}
          {...{ autocomplete: 'one-time-code', inputmode: 'numeric' }}
        />
        <p class="hint">{words.endsOthers}</p>
        <Button>{words.confirm}</Button>
      </form>
    </>
  );
  return { title: words.confirmTitle, content };
}

function codes(view: View, made: readonly string[]): Shown {
  const words = view.words(accountTexts);
  const content = (
    <>
      <Heading title={words.codesTitle} />
      <Panel>
        <Notice tone="good">{words.codesHint}</Notice>
        <ul>
          {made.map((each) => (
            <li>
              <code>{each}</code>
            </li>
          ))}
        </ul>
        <p>
          <a href={path}>{words.back}</a>
        </p>
      </Panel>
    </>
  );
  return { title: words.codesTitle, content };
}

type Session = Awaited<ReturnType<Api['common']['listOwnSessions']>>['items'][number];

function Sessions({ view, items }: { view: View; items: readonly Session[] }) {
  const words = view.words(accountTexts);
  return (
    <>
      <Table
        {...{ caption: words.sessions, empty: '–', rows: items }}
        columns={[
          { label: words.started, cell: ({ startedAt }) => view.format.moment(startedAt) },
          { label: words.seen, cell: ({ seenAt }) => view.format.moment(seenAt) },
          { label: words.source, cell: ({ source }) => source ?? '–' },
          {
            label: words.action,
            cell: ({ id, isCurrent, startedAt }) =>
              isCurrent ? (
                <State tone="good">{words.current}</State>
              ) : (
                <form method="post" action={`${path}/sessions/${id}/end`}>
                  <Button
                    kind="plain"
                    aria-label={`${words.end}: ${view.format.moment(startedAt)}`}
                  >
                    {words.end}
                  </Button>
                </form>
              ),
          },
        ]}
      />
      {items.length > 1 ? (
        <form method="post" action={`${path}/sessions/end-others`} class="actions">
          <Button kind="danger">{words.endOthers}</Button>
        </form>
      ) : null}
    </>
  );
}
