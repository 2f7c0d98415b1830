import type { Ids } from '../../shared/ids/ids.ts';
import {
  Button,
  Facts,
  Field,
  Heading,
  LinkButton,
  Notice,
  Panel,
  State,
} from '../../shared/pages/components.tsx';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import { reasonText } from '../../shared/pages/problem-texts.ts';
import type { View } from '../../shared/pages/view.ts';
import type { PaymentEndpoints } from './payment-routes.ts';
import { paymentTexts } from './payment-texts.ts';
import type { PaymentView } from './payment-view.ts';
import { newPaymentPath as newPath, tenderName } from './taking-pages.tsx';

export interface PaymentPagesDeps {
  readonly pages: Pages;
  readonly payments: PaymentEndpoints;
  readonly ids: Ids;
}

/** A payment that was taken: its receipt, which follows its life by itself, and its cancellation. */
export function paymentPages({ pages, payments, ids }: PaymentPagesDeps): void {
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

/** Nothing more will become of it by itself. */
function isFinal(payment: PaymentView): boolean {
  const { outcome, payout, receipt } = payment;
  if (outcome === undefined || receipt.kind === 'provisional') return false;
  if (payout !== undefined) return payout.state !== 'held';
  return !isBeingCancelled(payment);
}

/** Its money is still where a cancellation finds it: after a set-back it may have gone to another number all the same. */
function isBeingCancelled({ cancelledBy, disposition }: PaymentView): boolean {
  return cancelledBy !== undefined && (disposition === 'taken' || disposition === 'suspended');
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
            tender.reference === undefined ? undefined : [words.reference, tender.reference],
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
  const { operationId, outcome, receipt, payout, disposition } = payment;
  const refused = payment.refusedCancellation;
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
      {isBeingCancelled(payment) ? <Notice tone="busy">{words.notCancellable}</Notice> : null}
      {refused === undefined ? null : (
        <Notice tone="bad" title={words.cancellationRefused}>
          {reasonText(view, refused.reason)}{' '}
          <a href={`/operations/${refused.operationId}`}>{words.cancellation}</a>
        </Notice>
      )}
      {payout === undefined ? null : (
        <Notice tone={payout.state === 'released' ? 'good' : 'warn'}>
          {payoutText(view, payment)}
        </Notice>
      )}
    </section>
  );
}

/** What the desk is to do about money that goes back: the way it came. */
function payoutText(view: View, { payout, tender }: PaymentView): string {
  const words = view.words(paymentTexts);
  if (payout?.awaits) return words.payoutAwaits(payout.awaits.join(', '));
  if (payout?.state === 'released' && tender.kind !== 'cash')
    return words.releasedOtherwise(tenderName(view, tender.kind));
  return payout ? words.payouts[payout.state] : '';
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
