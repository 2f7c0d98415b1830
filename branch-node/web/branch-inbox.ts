import type { AdministrationEndpoints } from '../../shared/node/administration.ts';
import { type InboxSource, waitingIn } from '../../shared/pages/inbox.ts';
import { catalogue } from '../../shared/pages/language.ts';
import { nodeInbox } from '../../shared/pages/node-inbox.ts';
import type { BusinessDayEndpoints } from '../business-days/business-day-routes.ts';
import type { OperationEndpoints } from '../operations/operation-routes.ts';
import type { PaymentEndpoints } from '../payments/payment-routes.ts';
import type { BranchSettlementEndpoints } from '../settlement/settlement-routes.ts';

const inboxTexts = catalogue(
  {
    suspense: 'Payments in suspense: pay them back or send them on',
    reinstatements: 'Sums that somebody found in the cash: a second person has to say so',
    operations: 'Operations that wait for their home branch',
    days: 'Business days to close',
    cases: 'Open cases about this branch',
    settlements: 'Settlements that this branch disputes',
  },
  {
    suspense: 'Невыясненные платежи: вернуть или отправить дальше',
    reinstatements: 'Деньги, найденные в кассе: подтвердить должен второй',
    operations: 'Операции ждут домашнего филиала',
    days: 'Операционные дни, которые пора закрыть',
    cases: 'Открытые расхождения с этим филиалом',
    settlements: 'Расчёты, которые филиал оспаривает',
  },
);

const counted = '100';

/** What waits for people at a branch. */
export function branchInbox(endpoints: {
  administration: AdministrationEndpoints;
  days: BusinessDayEndpoints;
  operations: OperationEndpoints;
  payments: PaymentEndpoints;
  settlements: BranchSettlementEndpoints;
}): InboxSource[] {
  const { administration, days, operations, payments, settlements } = endpoints;
  return [
    {
      permission: 'suspense.read',
      async look(view) {
        const found = await payments.listSuspense(view.c, { query: { limit: counted } });
        return [waitingIn(found, { text: view.words(inboxTexts).suspense, href: '/suspense' })];
      },
    },
    {
      permission: 'recovery.override',
      async look(view) {
        const { items } = await payments.listPresumedPaid(view.c, { query: { limit: counted } });
        const { operatorId } = view.principal;
        const { length: count } = items.filter(({ payout }) => {
          const { reinstatedBy = [] } = payout ?? {};
          return reinstatedBy.length > 0 && !reinstatedBy.includes(operatorId);
        });
        const text = view.words(inboxTexts).reinstatements;
        return [{ text, href: '/payouts/presumed-paid', count }];
      },
    },
    {
      permission: 'operation.read',
      async look(view) {
        const query = { state: 'accepted', limit: counted };
        const found = await operations.listOperations(view.c, { query });
        const text = view.words(inboxTexts).operations;
        return [waitingIn(found, { text, href: '/operations?state=accepted', tone: 'busy' })];
      },
    },
    {
      permission: 'day.close',
      async look(view) {
        const { due } = await days.listBusinessDays(view.c);
        const text = view.words(inboxTexts).days;
        return [{ text, href: '/business-days', count: due.length }];
      },
    },
    {
      permission: 'case.read',
      async look(view) {
        const query = { state: 'open', limit: counted };
        const found = await settlements.listCases(view.c, { query });
        return [waitingIn(found, { text: view.words(inboxTexts).cases, href: '/cases' })];
      },
    },
    {
      permission: 'settlement.read',
      async look(view) {
        const { items } = await settlements.listSettlements(view.c, { query: { limit: counted } });
        const { length: count } = items.filter(({ state }) => state === 'disputed');
        const text = view.words(inboxTexts).settlements;
        return [{ text, href: '/settlements', count, tone: 'bad' }];
      },
    },
    ...nodeInbox(administration),
  ];
}
