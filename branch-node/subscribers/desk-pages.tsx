import type { Child } from 'hono/jsx';
import type { Permission } from '../../shared/access/permissions.ts';
import type { Ids } from '../../shared/ids/ids.ts';
import type { WireMoney } from '../../shared/money/money.ts';
import {
  Button,
  Facts,
  Field,
  Heading,
  LinkButton,
  Notice,
  Select,
  State,
  Table,
} from '../../shared/pages/components.tsx';
import { keyAgain } from '../../shared/pages/form-key.ts';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import { Refusal } from '../../shared/pages/refusal.tsx';
import type { View } from '../../shared/pages/view.ts';
import { type DomainError, isDomainError } from '../../shared/problem/problem.ts';
import type { SimEndpoints } from '../sim/sim-routes.ts';
import { deskTexts } from './desk-texts.ts';
import type { DeskEndpoints } from './subscriber-desk-routes.ts';
import type { SubscriberEndpoints } from './subscriber-routes.ts';

const shownCards = 20;

export interface Choices {
  readonly reasons: (kind: string) => readonly { code: string; name: string }[];
  readonly documentTypes: () => readonly { code: string; name: string }[];
  /** What the subscriber pays for it. */
  readonly simReplacementFee: () => Promise<WireMoney | undefined>;
  /** What comes with a plan, also with one that is offered no more. */
  readonly servicesOf: (ratePlan: string) => Promise<readonly string[]>;
}

export interface DeskPagesDeps {
  readonly pages: Pages;
  readonly desk: DeskEndpoints;
  readonly subscribers: SubscriberEndpoints;
  readonly sims: SimEndpoints;
  readonly choices: Choices;
  readonly ids: Ids;
}

/** What is done for a subscriber of any branch, one form each; then the operation's own page follows it. */
export function deskPages(deps: DeskPagesDeps): void {
  simPages(deps);
  planPages(deps);
  servicePages(deps);
  blockPages(deps);
  terminationPages(deps);
}

interface Form {
  readonly title: string;
  readonly action: string;
  readonly content: Child;
  readonly isDangerous?: boolean;
}

/** A form about a number: it is sent under a key, so that sending it twice does it once. */
function form(
  view: View,
  { ids }: Pick<DeskPagesDeps, 'ids'>,
  made: Form,
  error?: DomainError,
): Shown {
  const words = view.words(deskTexts);
  const { msisdn = '' } = view.params;
  const { title, action, isDangerous = false } = made;
  const content = (
    <>
      <Heading title={`${title}: ${view.format.msisdn(msisdn)}`}>
        <LinkButton href={`/subscribers/${msisdn}`}>{words.back}</LinkButton>
      </Heading>
      {error === undefined ? null : <Refusal language={view.language} error={error} />}
      <form method="post" action={`/subscribers/${msisdn}/${action}`} class="panel narrow">
        <input type="hidden" name="key" value={keyAgain(view, ids, error)} />
        {made.content}
        <Button kind={isDangerous ? 'danger' : 'main'}>{title}</Button>
      </form>
    </>
  );
  return { title, content, ...(error === undefined ? {} : { status: 422 }) };
}

interface Work {
  readonly action: string;
  readonly permission: Permission;
  readonly show: (view: View) => Promise<Form>;
  readonly send: (
    view: View,
    wish: { msisdn: string; key: string },
  ) => Promise<{ operationId: string }>;
}

/** A form and what sending it does. What is refused is shown on the form, as it was filled in. */
function addWork(deps: DeskPagesDeps, { action, permission, show, send }: Work): void {
  const path = `/subscribers/:msisdn/${action}`;
  deps.pages.page({ path, permission }, async (view) => form(view, deps, await show(view)));
  deps.pages.action({ path, permission }, async (view) => {
    const { msisdn = '' } = view.params;
    try {
      const key = view.form.key ?? deps.ids.uuid();
      const { operationId } = await send(view, { msisdn, key });
      return { goTo: `/operations/${operationId}` };
    } catch (error) {
      if (!isDomainError(error)) throw error;
      return form(view, deps, await show(view), error);
    }
  });
}

function simPages(deps: DeskPagesDeps): void {
  const { desk, sims } = deps;
  addWork(deps, {
    action: 'sim-replacement',
    permission: 'sim.replace',
    async show(view) {
      const words = view.words(deskTexts);
      const stock = view.may('sim.stock')
        ? await sims.listSimCards(view.c, {
            query: { state: 'in-stock', limit: String(shownCards) },
          })
        : undefined;
      const fee = await deps.choices.simReplacementFee();
      const content = (
        <>
          <Field
            {...{ label: words.iccid, name: 'iccid', hint: words.iccidHint, list: 'stock' }}
            {...{ inputmode: 'numeric', autocomplete: 'off', autofocus: true, required: true }}
            value={view.form.iccid ?? ''}
          />
          <datalist id="stock">
            {stock?.items.map(({ iccid }) => (
              <option value={iccid} />
            ))}
          </datalist>
          {stock?.items.length === 0 ? <Notice tone="warn">{words.noStock}</Notice> : null}
          {fee ? <Facts facts={[[words.fee, view.format.money(fee)]]} /> : null}
          <p class="hint">{words.feeText}</p>
        </>
      );
      return { title: words.sim, action: 'sim-replacement', content };
    },
    send: (view, { msisdn, key }) =>
      desk.replaceSim(view.c, { body: { msisdn, iccid: (view.form.iccid ?? '').trim() }, key }),
  });
}

type Card = Awaited<ReturnType<SubscriberEndpoints['showSubscriber']>>;

/** What is there now, if its home branch can say: the work itself waits for it. */
async function cardIfReached(
  subscribers: SubscriberEndpoints,
  view: View,
): Promise<Card | undefined> {
  if (!view.may('subscriber.read')) return undefined;
  const { msisdn = '' } = view.params;
  try {
    return await subscribers.showSubscriber(view.c, { params: { msisdn } });
  } catch (error) {
    if (isDomainError(error, 'home-unreachable')) return undefined;
    throw error;
  }
}

function Present({ view, card }: { view: View; card: Card | undefined }) {
  const words = view.words(deskTexts);
  if (!card) return null;
  return (
    <Facts
      facts={[
        [words.presentPlan, view.nameOf('rate-plans', card.ratePlan)],
        [words.balance, view.format.money(card.balance)],
      ]}
    />
  );
}

function planPages(deps: DeskPagesDeps): void {
  const { desk, subscribers } = deps;
  addWork(deps, {
    action: 'rate-plan-change',
    permission: 'rate-plan.change',
    async show(view) {
      const words = view.words(deskTexts);
      const present = await cardIfReached(subscribers, view);
      const { items } = await subscribers.listRatePlans(view.c);
      const { money } = view.format;
      // The fees of a plan are paid out of the account as it is.
      const currency = present?.balance.currency;
      const others = items.filter(
        ({ code, monthlyFee }) =>
          code !== present?.ratePlan && (currency ?? monthlyFee.currency) === monthlyFee.currency,
      );
      const choices = others.map(({ code, name, monthlyFee, switchFee }) => ({
        value: code,
        label: [
          `${name} — ${money(monthlyFee)} ${words.monthly}`,
          `${money(switchFee)} ${words.switchFee}`,
        ].join(', '),
      }));
      const content = (
        <>
          <Present view={view} card={present} />
          <Select
            label={words.newPlan}
            name="ratePlan"
            value={view.form.ratePlan}
            {...{ choices, isLong: true }}
          />
          <p class="hint">{words.feeText}</p>
        </>
      );
      return { title: words.plan, action: 'rate-plan-change', content };
    },
    send: (view, { msisdn, key }) =>
      desk.changeRatePlan(view.c, { body: { msisdn, ratePlan: view.form.ratePlan ?? '' }, key }),
  });
}

function servicePages({ pages, desk, subscribers, choices, ids }: DeskPagesDeps): void {
  const path = '/subscribers/:msisdn/services';
  const permission = 'service.change';

  async function show(view: View, error?: DomainError): Promise<Shown> {
    const words = view.words(deskTexts);
    const { msisdn = '' } = view.params;
    const card = await subscribers.showSubscriber(view.c, { params: { msisdn } });
    const { items } = await subscribers.listServices(view.c);
    const included = await choices.servicesOf(card.ratePlan);
    // What is not offered any more can still be switched off.
    const dropped = card.services
      .filter((service) => !items.some(({ code }) => code === service))
      .map((code) => ({ code, name: view.nameOf('services', code), fee: undefined }));
    const feeText = (code: string, fee: WireMoney | undefined) => {
      if (fee === undefined) return words.notOffered;
      return included.includes(code) ? words.included : view.format.money(fee);
    };
    const title = words.service;
    const content = (
      <>
        <Heading title={`${title}: ${view.format.msisdn(msisdn)}`}>
          <LinkButton href={`/subscribers/${msisdn}`}>{words.back}</LinkButton>
        </Heading>
        {error === undefined ? null : <Refusal language={view.language} error={error} />}
        <Present view={view} card={card} />
        <Table
          {...{ caption: title, rows: [...items, ...dropped], empty: '' }}
          columns={[
            { label: words.name, cell: ({ name }) => name },
            {
              ...{ label: words.fee, isNumber: true },
              cell: ({ code, fee }) => feeText(code, fee),
            },
            {
              label: words.state,
              cell: ({ code }) => {
                const isOn = card.services.includes(code);
                return (
                  <State tone={isOn ? 'good' : 'plain'}>{isOn ? words.isOn : words.isOff}</State>
                );
              },
            },
            {
              label: words.action,
              cell: ({ code, name }) => {
                const isOn = card.services.includes(code);
                return (
                  <form method="post" action={`/subscribers/${msisdn}/services`}>
                    <input type="hidden" name="key" value={ids.uuid()} />
                    <input type="hidden" name="service" value={code} />
                    <Button
                      {...{ kind: 'plain', name: 'action', value: isOn ? 'off' : 'on' }}
                      aria-label={`${isOn ? words.off : words.on}: ${name}`}
                    >
                      {isOn ? words.off : words.on}
                    </Button>
                  </form>
                );
              },
            },
          ]}
        />
        <p class="hint">{words.feeText}</p>
      </>
    );
    return { title, content, ...(error === undefined ? {} : { status: 422 }) };
  }

  pages.page({ path, permission }, (view) => show(view));
  pages.action({ path, permission }, async (view) => {
    const { msisdn = '' } = view.params;
    const { service = '', action = '', key = ids.uuid() } = view.form;
    try {
      const body = { msisdn, service, action };
      const { operationId } = await desk.changeService(view.c, { body, key });
      return { goTo: `/operations/${operationId}` };
    } catch (error) {
      if (!isDomainError(error)) throw error;
      return show(view, error);
    }
  });
}

function ReasonField({ view, deps, kind }: { view: View; deps: DeskPagesDeps; kind: string }) {
  const choices = deps.choices
    .reasons(kind)
    .map(({ code, name }) => ({ value: code, label: name }));
  const { reason } = view.form;
  return (
    <Select {...{ label: view.words(deskTexts).reason, name: 'reason', value: reason, choices }} />
  );
}

function blockPages(deps: DeskPagesDeps): void {
  for (const action of ['block', 'unblock'] as const) {
    addWork(deps, {
      action,
      permission: 'subscriber.block',
      async show(view) {
        const content = <ReasonField {...{ view, deps, kind: 'block' }} />;
        return { title: view.words(deskTexts)[action], action, content };
      },
      send: (view, { msisdn, key }) => {
        const { reason } = view.form;
        const body = { msisdn, action, ...(reason ? { reason } : {}) };
        return deps.desk.blockSubscriber(view.c, { body, key });
      },
    });
  }
}

function terminationPages(deps: DeskPagesDeps): void {
  addWork(deps, {
    action: 'termination',
    permission: 'subscriber.terminate',
    async show(view) {
      const words = view.words(deskTexts);
      const present = await cardIfReached(deps.subscribers, view);
      const content = (
        <>
          <Notice tone="warn">{words.terminateText}</Notice>
          <Present view={view} card={present} />
          <p class="hint">{words.terminateBalance}</p>
          <ReasonField {...{ view, deps, kind: 'termination' }} />
        </>
      );
      return { title: words.terminate, action: 'termination', content, isDangerous: true };
    },
    send: (view, { msisdn, key }) =>
      deps.desk.terminateSubscriber(view.c, {
        body: { msisdn, ...(view.form.reason ? { reason: view.form.reason } : {}) },
        key,
      }),
  });
}
