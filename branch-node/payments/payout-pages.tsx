import { Heading, Table } from '../../shared/pages/components.tsx';
import type { Pages } from '../../shared/pages/pages.tsx';
import type { PaymentEndpoints } from './payment-routes.ts';
import { payoutTexts } from './payout-texts.ts';

const path = '/payouts/presumed-paid';
const shownPayouts = 50;

/** Sums that may have left the desk before the node was set back: whoever counts the cash needs the list. */
export function payoutPages(deps: { pages: Pages; payments: PaymentEndpoints }): void {
  const { pages, payments } = deps;
  pages.page({ path, permission: 'recovery.override' }, async (view) => {
    const words = view.words(payoutTexts);
    const { cursor } = view.query;
    const { items, next } = await payments.listPresumedPaid(view.c, {
      query: { limit: String(shownPayouts), ...(cursor ? { cursor } : {}) },
    });
    const content = (
      <>
        <Heading title={words.title} />
        {items.length > 0 ? <p>{words.about}</p> : null}
        <Table
          {...{ caption: words.title, empty: words.empty, rows: items }}
          columns={[
            {
              label: words.recorded,
              cell: ({ payout, occurredAt }) =>
                view.format.moment(payout?.recordedAt ?? occurredAt),
            },
            {
              label: words.receipt,
              cell: ({ operationId, receipt }) => (
                <a href={`/payments/${operationId}`}>{receipt.number}</a>
              ),
            },
            { label: words.number, cell: ({ msisdn }) => view.format.msisdn(msisdn) },
            { label: words.sum, isNumber: true, cell: ({ money }) => view.format.money(money) },
            {
              label: words.found,
              cell: ({ payout }) => words.people(payout?.reinstatedBy?.length ?? 0),
            },
          ]}
        />
      </>
    );
    return { title: words.title, content, next };
  });
}
