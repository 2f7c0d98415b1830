import type { Child } from 'hono/jsx';
import type { Ids } from '../../shared/ids/ids.ts';
import {
  Button,
  Facts,
  Field,
  Heading,
  LinkButton,
  Notice,
  Panel,
  Select,
  State,
} from '../../shared/pages/components.tsx';
import { moneyInput, msisdnInput } from '../../shared/pages/inputs.ts';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import { problemText } from '../../shared/pages/problem-texts.ts';
import { refusalText } from '../../shared/pages/refusal.tsx';
import type { View } from '../../shared/pages/view.ts';
import { isDomainError } from '../../shared/problem/problem.ts';
import type { Payability, PaymentEndpoints } from './payment-routes.ts';
import { paymentTexts } from './payment-texts.ts';
import type { PaymentView } from './payment-view.ts';

const newPath = '/payments/new';
const defaultCurrency = 'RUB';
const tenders = ['cash', 'card'] as const;

export interface PaymentPagesDeps {
  readonly pages: Pages;
  readonly payments: PaymentEndpoints;
  readonly ids: Ids;
}

/** Taking a payment by keyboard: number, Enter, sum, Enter; then its receipt, which follows its life by itself. */
export function paymentPages({ pages, payments, ids }: PaymentPagesDeps): void {
  pages.page({ path: newPath, permission: 'payment.take' }, async (view) => {
    const typed = view.query.msisdn;
    if (typed === undefined || typed === '') return numberForm(view, {});
    const msisdn = msisdnInput(typed);
    if (msisdn === undefined) {
      return numberForm(view, { typed, error: view.words(paymentTexts).wrongNumber });
    }
    try {
      const payability = await payments.checkPayability(view.c, { params: { msisdn } });
      return sumForm(view, { msisdn, payability, key: ids.uuid() });
    } catch (error) {
      if (!isDomainError(error)) throw error;
      return numberForm(view, { typed, error: problemText(view.language, error) });
    }
  });

  pages.action({ path: '/payments', permission: 'payment.take' }, async (view) => {
    const { msisdn = '', sum = '', tender = 'cash', reference = '', key = ids.uuid() } = view.form;
    const again = async (error: string): Promise<Shown> => {
      const payability = await payments.checkPayability(view.c, { params: { msisdn } });
      const filled = { key, sum, tender, reference };
      return { ...sumForm(view, { msisdn, payability, ...filled, error }), status: 422 };
    };
    const amount = moneyInput(sum, defaultCurrency);
    if (amount === undefined) return again(view.words(paymentTexts).wrongSum);
    try {
      const { operationId } = await payments.takePayment(view.c, {
        body: {
          ...{ msisdn, money: { amount, currency: defaultCurrency } },
          tender: reference === '' ? { kind: tender } : { kind: tender, reference },
        },
        key,
      });
      return { goTo: `/payments/${operationId}` };
    } catch (error) {
      if (!isDomainError(error)) throw error;
      return again(refusalText(view.language, error));
    }
  });

  const path = '/payments/:operationId';
  const look = async (view: View) => {
    const { operationId = '' } = view.params;
    const payment = await payments.getPayment(view.c, { params: { operationId } });
    return receiptPage(view, payment, ids);
  };
  pages.page({ path, permission: 'operation.read' }, look);

  pages.fragment({ path: `${path}/state`, permission: 'operation.read' }, async (view) => {
    const payment = await payments.getPayment(view.c, {
      params: { operationId: view.params.operationId ?? '' },
    });
    return <Life view={view} payment={payment} />;
  });

  const cancel = async (view: View) => {
    const { operationId = '' } = view.params;
    const { reason = '' } = view.form;
    await payments.cancelPayment(view.c, {
      params: { operationId },
      body: reason.trim() === '' ? {} : { reason },
      ...(view.form.key === undefined ? {} : { key: view.form.key }),
    });
    return { goTo: `/payments/${operationId}` };
  };
  pages.action({ path: `${path}/cancellation`, permission: 'payment.cancel' }, cancel, look);

  const reinstate = async (view: View) => {
    const { operationId = '' } = view.params;
    const { reason = '', key } = view.form;
    await payments.reinstatePayout(view.c, {
      params: { operationId },
      body: { reason },
      ...(key === undefined ? {} : { key }),
    });
    return { goTo: `/payments/${operationId}` };
  };
  const reinstating = {
    path: `${path}/payout/reinstatement`,
    permission: 'recovery.override',
  } as const;
  pages.action(reinstating, reinstate, look);
}

function numberForm(view: View, { typed = '', error }: { typed?: string; error?: string }): Shown {
  const words = view.words(paymentTexts);
  const content = (
    <>
      <Heading title={words.take} />
      <form method="get" action={newPath} class="panel big narrow">
        <Field
          {...{ label: words.number, name: 'msisdn', value: typed, hint: words.numberHint, error }}
          {...{ inputmode: 'tel', autocomplete: 'off', autofocus: true, required: true }}
        />
        <Button>{words.check}</Button>
      </form>
    </>
  );
  return { title: words.take, content, ...(error ? { status: 422 } : {}) };
}

interface SumFormProps {
  readonly msisdn: string;
  readonly payability: Payability;
  readonly key: string;
  readonly sum?: string;
  readonly tender?: string;
  readonly reference?: string;
  readonly error?: string;
}

function sumForm(view: View, props: SumFormProps): { title: string; content: Child } {
  const words = view.words(paymentTexts);
  const { msisdn, payability, key, sum = '', tender, reference = '', error } = props;
  const content = (
    <>
      <Heading title={words.take}>
        <LinkButton href={newPath}>{words.otherNumber}</LinkButton>
      </Heading>
      <Panel title={view.format.msisdn(msisdn)}>
        <Whose view={view} payability={payability} />
      </Panel>
      <form method="post" action="/payments" class="panel big narrow">
        <input type="hidden" name="msisdn" value={msisdn} />
        <input type="hidden" name="key" value={key} />
        <Field
          {...{ label: words.sum, name: 'sum', value: sum, hint: words.sumHint, error }}
          {...{ inputmode: 'decimal', autocomplete: 'off', autofocus: true, required: true }}
        />
        <Select
          label={words.tender}
          name="tender"
          value={tender}
          choices={tenders.map((value) => ({ value, label: words[value] }))}
        />
        <Field
          {...{ label: words.reference, name: 'reference', value: reference }}
          {...{ autocomplete: 'off', maxlength: 120 }}
        />
        <Button>{words.take}</Button>
      </form>
    </>
  );
  return { title: words.take, content };
}

function Whose({ view, payability }: { view: View; payability: Payability }) {
  const words = view.words(paymentTexts);
  if (!payability.verified) {
    return (
      <Notice tone="warn" title={words.unverified}>
        {words.unverifiedText}
      </Notice>
    );
  }
  const { name, homeBranch, status } = payability;
  return (
    <>
      <Facts
        facts={[
          [words.who, name],
          [words.home, homeBranch],
        ]}
      />
      {status === 'blocked' ? <Notice tone="warn">{words.blocked}</Notice> : null}
    </>
  );
}

function tenderName(view: View, kind: string): string {
  const known = tenders.find((each) => each === kind);
  return known ? view.words(paymentTexts)[known] : view.nameOf('tenders', kind);
}

/** Nothing more will become of it by itself. */
function isFinal({ outcome, cancelledBy, payout, receipt }: PaymentView): boolean {
  if (outcome === undefined || receipt.kind === 'provisional') return false;
  if (payout !== undefined) return payout.state !== 'held';
  return cancelledBy === undefined;
}

function receiptPage(view: View, payment: PaymentView, ids: Ids): Shown {
  const words = view.words(paymentTexts);
  const { operationId, receipt, money, msisdn, occurredAt, operator, tender } = payment;
  const content = (
    <>
      <Heading title={`${words.receipt} ${receipt.number}`}>
        <LinkButton href={newPath} kind="main" autofocus>
          {words.next}
        </LinkButton>
        <LinkButton href={`/payments/${operationId}/receipt`}>{words.print}</LinkButton>
        <LinkButton href={`/payments/${operationId}/receipt-a4.pdf`}>PDF A4</LinkButton>
        <LinkButton href={`/payments/${operationId}/receipt-80mm.pdf`}>{words.slip}</LinkButton>
      </Heading>
      <Life view={view} payment={payment} />
      <Panel>
        <p class="sum money">{view.format.money(money)}</p>
        <Facts
          facts={[
            [words.subscriber, view.format.msisdn(msisdn)],
            [words.home, payment.homeBranch],
            [words.tender, tenderName(view, tender.kind)],
            ...(tender.reference ? [[words.reference, tender.reference] as const] : []),
            [words.time, view.format.moment(occurredAt)],
            [words.operator, operator.name],
          ]}
        />
      </Panel>
      {view.may('payment.cancel') &&
      payment.cancelledBy === undefined &&
      payment.outcome !== 'refused' ? (
        <CancelForm {...{ view, operationId, ids }} />
      ) : null}
      {view.may('recovery.override') && payment.payout?.state === 'presumed-paid' ? (
        <ReinstateForm {...{ view, payment, ids }} />
      ) : null}
    </>
  );
  return { title: `${words.receipt} ${receipt.number}`, content };
}

/** What has become of the money says more than what the home branch once decided. */
function Standing({
  view,
  payment: { outcome, disposition },
}: {
  view: View;
  payment: PaymentView;
}) {
  const { states } = view.words(paymentTexts);
  switch (disposition) {
    case 'paid-back':
    case 'refunded':
    case 'redirected':
      return <State tone="warn">{states[disposition]}</State>;
  }
  if (outcome === 'credited') return <State tone="good">{states.credited}</State>;
  if (outcome === 'refused') return <State tone="bad">{states.refused}</State>;
  return <State tone="busy">{states.accepted}</State>;
}

/** Where the payment stands, in words; it asks again until nothing more will happen. */
function Life({ view, payment }: { view: View; payment: PaymentView }) {
  const words = view.words(paymentTexts);
  const { operationId, outcome, receipt, cancelledBy, payout, disposition } = payment;
  const renewal = isFinal(payment)
    ? {}
    : {
        'hx-get': `/payments/${operationId}/state`,
        'hx-trigger': 'every 2s',
        'hx-swap': 'outerHTML',
      };
  return (
    <section class="panel" id="life" aria-live="polite" {...renewal}>
      <p>
        <Standing view={view} payment={payment} />
      </p>
      <ol class="life">
        <li>
          <State tone="good">{words.lifeAccepted}</State>
        </li>
        <li>
          <State tone={receipt.kind === 'provisional' ? 'busy' : 'good'}>{words.lifeHeld}</State>
        </li>
        <li>
          <State tone={outcome === undefined ? 'busy' : outcome === 'credited' ? 'good' : 'bad'}>
            {words.lifeDecided}
          </State>
        </li>
      </ol>
      {disposition === 'suspended' ? <Notice tone="warn">{words.toSuspense}</Notice> : null}
      {cancelledBy !== undefined && payout === undefined ? (
        <Notice tone="busy">{words.notCancellable}</Notice>
      ) : null}
      {payout === undefined ? null : (
        <Notice tone={payout.state === 'released' ? 'good' : 'warn'}>
          {payout.awaits
            ? words.payoutAwaits(payout.awaits.join(', '))
            : words.payouts[payout.state]}
        </Notice>
      )}
    </section>
  );
}

function CancelForm(props: { view: View; operationId: string; ids: Ids }) {
  const { view, operationId, ids } = props;
  const words = view.words(paymentTexts);
  return (
    <details class="panel">
      <summary>{words.cancel}</summary>
      <form class="stack" method="post" action={`/payments/${operationId}/cancellation`}>
        <input type="hidden" name="key" value={ids.uuid()} />
        <Field label={words.cancelReason} name="reason" maxlength={200} value={words.wrongReason} />
        <Button kind="danger">{words.cancel}</Button>
      </form>
    </details>
  );
}

function ReinstateForm(props: { view: View; payment: PaymentView; ids: Ids }) {
  const { view, payment, ids } = props;
  const words = view.words(paymentTexts);
  const { operationId, payout } = payment;
  const { operatorId } = view.principal;
  const { reinstatedBy = [] } = payout ?? {};
  if (reinstatedBy.includes(operatorId)) return <Notice tone="busy">{words.reinstateWaits}</Notice>;
  return (
    <details class="panel">
      <summary>{words.reinstate}</summary>
      <form class="stack" method="post" action={`/payments/${operationId}/payout/reinstatement`}>
        <p>{reinstatedBy.length > 0 ? words.reinstateSecond : words.reinstateFirst}</p>
        <input type="hidden" name="key" value={ids.uuid()} />
        <Field
          {...{ label: words.reinstateReason, name: 'reason', hint: words.reinstateHint }}
          {...{ required: true, minlength: 10, maxlength: 500 }}
        />
        <Button kind="danger">{words.reinstate}</Button>
      </form>
    </details>
  );
}
