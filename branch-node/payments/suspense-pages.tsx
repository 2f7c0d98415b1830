import type { Ids } from '../../shared/ids/ids.ts';
import { Button, Field, Heading, Notice, Table } from '../../shared/pages/components.tsx';
import { msisdnInput } from '../../shared/pages/inputs.ts';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import { reasonText } from '../../shared/pages/problem-texts.ts';
import type { View } from '../../shared/pages/view.ts';
import type { PaymentEndpoints } from './payment-routes.ts';
import { paymentTexts } from './payment-texts.ts';
import type { PaymentView } from './payment-view.ts';
import { suspenseTexts } from './suspense-texts.ts';

const path = '/suspense';
const shownPayments = 50;

export interface SuspensePagesDeps {
  readonly pages: Pages;
  readonly payments: PaymentEndpoints;
  readonly ids: Ids;
}

/** Money that its home branch refused: paid back, or sent to the number that was meant. */
export function suspensePages({ pages, payments, ids }: SuspensePagesDeps): void {
  pages.page({ path, permission: 'suspense.read' }, (view) => show(view));

  const resolving = (step: string) =>
    ({ path: `${path}/:operationId/${step}`, permission: 'suspense.resolve' }) as const;
  const paymentOf = ({ operationId }: { operationId: string }): Shown => ({
    goTo: `/payments/${operationId}`,
  });
  const wishOf = ({ params, form }: View) => ({
    params: { operationId: params.operationId ?? '' },
    key: form.key ?? ids.uuid(),
  });

  const refund = async (view: View) =>
    paymentOf(await payments.refundSuspense(view.c, wishOf(view)));
  pages.action(resolving('refund'), refund, (view) => show(view));

  const redirect = async (view: View) => {
    const msisdn = msisdnInput(view.form.msisdn ?? '');
    if (msisdn === undefined) return show(view, view.words(paymentTexts).wrongNumber);
    return paymentOf(
      await payments.redirectSuspense(view.c, { ...wishOf(view), body: { msisdn } }),
    );
  };
  pages.action(resolving('redirection'), redirect, (view) => show(view));

  async function show(view: View, error?: string): Promise<Shown> {
    const words = view.words(suspenseTexts);
    const { cursor } = view.query;
    const { items, next } = await payments.listSuspense(view.c, {
      query: { limit: String(shownPayments), ...(cursor ? { cursor } : {}) },
    });
    const content = (
      <>
        <Heading title={words.title} />
        {error === undefined ? null : <Notice tone="bad">{error}</Notice>}
        <Table
          {...{ caption: words.title, empty: words.empty, rows: items }}
          columns={[
            { label: words.since, cell: ({ occurredAt }) => view.format.moment(occurredAt) },
            {
              label: words.receipt,
              cell: ({ operationId, receipt }) => (
                <a href={`/payments/${operationId}`}>{receipt.number}</a>
              ),
            },
            { label: words.number, cell: ({ msisdn }) => view.format.msisdn(msisdn) },
            { label: words.sum, isNumber: true, cell: ({ money }) => view.format.money(money) },
            {
              label: words.reason,
              cell: ({ reason = '' }) => reasonText(view, reason),
            },
            {
              label: words.action,
              cell: (payment) =>
                view.may('suspense.resolve') ? <Resolution {...{ view, payment, ids }} /> : null,
            },
          ]}
        />
      </>
    );
    return { title: words.title, content, next, ...(error === undefined ? {} : { status: 422 }) };
  }
}

function Resolution(props: { view: View; payment: PaymentView; ids: Ids }) {
  const { view, payment, ids } = props;
  const { operationId, receipt, cancelledBy } = payment;
  const words = view.words(suspenseTexts);
  const isRefused = view.params.operationId === operationId && view.form.msisdn !== undefined;
  return (
    <div class="actions">
      <form method="post" action={`${path}/${operationId}/refund`}>
        <input type="hidden" name="key" value={`refund-${operationId}`} />
        <Button kind="plain" aria-label={`${words.refund}: ${receipt.number}`}>
          {words.refund}
        </Button>
      </form>
      {cancelledBy === undefined ? (
        <details open={isRefused}>
          <summary>{words.redirect}</summary>
          <form method="post" action={`${path}/${operationId}/redirection`}>
            <input type="hidden" name="key" value={ids.uuid()} />
            <Field
              {...{ label: words.right, name: 'msisdn', id: `right-${operationId}` }}
              {...{ inputmode: 'tel', autocomplete: 'off', required: true }}
              value={isRefused ? view.form.msisdn : ''}
            />
            <Button kind="plain">{words.redirect}</Button>
          </form>
        </details>
      ) : (
        <p class="soft">{view.words(paymentTexts).notCancellable}</p>
      )}
    </div>
  );
}
