import { msisdnInput } from '../../shared/pages/inputs.ts';
import { catalogue } from '../../shared/pages/language.ts';
import type { PaletteItem } from '../../shared/pages/palette-pages.tsx';
import type { View } from '../../shared/pages/view.ts';
import { isDomainError } from '../../shared/problem/problem.ts';
import type { ReceiptEndpoints } from '../payments/receipt-routes.ts';
import type { SubscriberEndpoints } from '../subscribers/subscriber-routes.ts';

const paletteTexts = catalogue(
  { card: 'Card', pay: 'Take a payment', receipt: 'Receipt', subscriber: 'Subscriber' },
  { card: 'Карточка', pay: 'Принять платёж', receipt: 'Чек', subscriber: 'Абонент' },
);

const receiptPattern = /^[A-Z]{2,8}-\d{8}-\d{6}/i;
const shownSubscribers = '5';

/** What a branch finds by name besides its pages: numbers, subscribers of its own, receipts. */
export function branchPalette(endpoints: {
  receipts: ReceiptEndpoints;
  subscribers: SubscriberEndpoints;
}) {
  async function receiptOf(view: View, number: string): Promise<PaletteItem[]> {
    if (!receiptPattern.test(number) || !view.may('operation.read')) return [];
    try {
      const found = await endpoints.receipts.findByReceipt(view.c, { params: { number } });
      const hint = view.words(paletteTexts).receipt;
      return [{ label: found.receipt.number, hint, href: `/payments/${found.operationId}` }];
    } catch (error) {
      if (isDomainError(error, 'operation-not-found')) return [];
      throw error;
    }
  }

  async function subscribersOf(view: View, query: string): Promise<PaletteItem[]> {
    if (!view.may('subscriber.read')) return [];
    const found = await endpoints.subscribers.findSubscribers(view.c, {
      query: { query, limit: shownSubscribers },
    });
    const hint = view.words(paletteTexts).subscriber;
    return found.items.map(({ msisdn, name }) => ({
      ...{ label: `${view.format.msisdn(msisdn)} ${name}`, hint, href: `/subscribers/${msisdn}` },
    }));
  }

  /** What may be done with a number of any branch. */
  function worksOf(view: View, query: string): PaletteItem[] {
    const msisdn = msisdnInput(query);
    if (msisdn === undefined) return [];
    const words = view.words(paletteTexts);
    const label = view.format.msisdn(msisdn);
    const works = [
      ['subscriber.read', words.card, `/subscribers/${msisdn}`],
      ['payment.take', words.pay, `/payments/new?msisdn=${msisdn}`],
    ] as const;
    return works.flatMap(([permission, hint, href]) =>
      view.may(permission) ? [{ label, hint, href }] : [],
    );
  }

  return async (view: View, query: string): Promise<PaletteItem[]> => [
    ...(await receiptOf(view, query)),
    ...worksOf(view, query),
    ...(await subscribersOf(view, query)),
  ];
}
