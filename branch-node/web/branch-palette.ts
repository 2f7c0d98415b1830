import type { NodeCode } from '../../shared/ids/ids.ts';
import { msisdnInput } from '../../shared/pages/inputs.ts';
import { catalogue } from '../../shared/pages/language.ts';
import type { PaletteItem } from '../../shared/pages/palette-pages.tsx';
import type { View } from '../../shared/pages/view.ts';
import { isDomainError } from '../../shared/problem/problem.ts';
import type { ReceiptEndpoints } from '../payments/receipt-routes.ts';
import { subscriberQuery } from '../subscribers/subscriber-query.ts';
import type { SubscriberEndpoints } from '../subscribers/subscriber-routes.ts';

const paletteTexts = catalogue(
  { card: 'Card', pay: 'Take a payment', receipt: 'Receipt', subscriber: 'Subscriber' },
  { card: 'Карточка', pay: 'Принять платёж', receipt: 'Чек', subscriber: 'Абонент' },
);

const receiptPattern = /^[A-Z]{2,8}-\d{8}-\d{6}/i;
const shownSubscribers = '5';

/** The receipt of this branch that has the number. */
export function receiptFinder(receipts: ReceiptEndpoints) {
  return async (view: View, typed: string) => {
    const number = typed.trim();
    if (!receiptPattern.test(number) || !view.may('operation.read')) return undefined;
    try {
      const found = await receipts.findByReceipt(view.c, { params: { number } });
      return { number: found.receipt.number, href: `/payments/${found.operationId}` };
    } catch (error) {
      if (isDomainError(error, 'operation-not-found')) return undefined;
      throw error;
    }
  };
}

/** What a branch finds by name besides its pages: numbers, subscribers of its own, receipts. */
export function branchPalette(endpoints: {
  receiptOf: ReturnType<typeof receiptFinder>;
  subscribers: SubscriberEndpoints;
  node: NodeCode;
}) {
  async function receiptsOf(view: View, typed: string): Promise<PaletteItem[]> {
    const receipt = await endpoints.receiptOf(view, typed);
    if (!receipt) return [];
    return [{ label: receipt.number, hint: view.words(paletteTexts).receipt, href: receipt.href }];
  }

  async function subscribersOf(view: View, query: string): Promise<PaletteItem[]> {
    if (!view.may('subscriber.read')) return [];
    const { by } = subscriberQuery(query, endpoints.node);
    // Nobody who only types a number is refused, and written down, for what it looks like.
    if (by === 'document' && !view.may('subscriber.personal')) return [];
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
    ...(await receiptsOf(view, query)),
    ...worksOf(view, query),
    ...(await subscribersOf(view, query)),
  ];
}
