import { z } from '@hono/zod-openapi';
import type { Permission } from '../../shared/access/permissions.ts';
import { maskDigits, type NodeCode } from '../../shared/ids/ids.ts';
import { formatMoney } from '../../shared/money/money.ts';
import { businessDate, instant, nodeCode, wireMoney } from '../../shared/web/schemas.ts';
import { nodeCode as parsedNodeCode } from '../../shared/wire/peer-messages.ts';
import { type Customer, customerNumber, incompleteName, maskName } from './customer.ts';
import {
  changeKinds,
  type Subscriber,
  type SubscriberChange,
  subscriberStatuses,
} from './subscriber.ts';

const maxNameLength = 200;
const maxTextLength = 500;
const text = z.string().trim().min(1).max(maxTextLength);

/** The search knows a document by what stands between its spaces, and knows no other spaces. */
const plainSpaces = (typed: string): string => typed.replaceAll(/\s+/g, ' ');

/** Personal data as a person enters it. */
export const customerInput = z
  .strictObject({
    name: z.string().trim().min(2).max(maxNameLength).openapi({ example: 'Иванов Иван Петрович' }),
    document: z.strictObject({
      type: z.string().min(1).max(40).openapi({ description: 'A code of the document types' }),
      number: z.string().trim().overwrite(plainSpaces).toUpperCase().min(3).max(40),
    }),
    birthDate: businessDate.optional(),
    address: text.optional(),
    contact: text
      .optional()
      .openapi({ description: 'How to reach the customer: e-mail or a number' }),
  })
  .openapi('CustomerData');

export const customerView = z
  .strictObject({
    number: z.string().openapi({ example: 'MSK-104' }),
    name: z.string().openapi({ description: 'Masked without subscriber.personal' }),
    /** The data was lost with a backup and has to be entered again. */
    incomplete: z.boolean(),
    document: customerInput.shape.document.optional(),
    birthDate: z.string().optional(),
    address: z.string().optional(),
    contact: z.string().optional(),
  })
  .openapi('Customer');

/** The card is the same for any home branch; it is read live and stored nowhere else. */
export const subscriberCard = z
  .strictObject({
    msisdn: z.string(),
    homeBranch: nodeCode,
    status: z.enum(subscriberStatuses),
    balance: wireMoney,
    customer: customerView,
    ratePlan: z.string(),
    services: z.array(z.string()),
    sim: z
      .strictObject({ iccid: z.string(), imsi: z.string() })
      .openapi({ description: 'Masked without subscriber.personal' }),
    activatedAt: instant,
    servedLive: z.literal(true),
  })
  .openapi('SubscriberCard');
export type SubscriberCard = z.infer<typeof subscriberCard>;

const maxChanges = 50;

/** What became of a subscriber at his home, the newest first. */
export const subscriberHistory = z
  .strictObject({
    items: z
      .array(
        z.strictObject({
          what: z.enum(changeKinds),
          before: z.string().nullable(),
          after: z.string().openapi({ description: 'Codes; cards masked as on the card' }),
          operationId: z.string(),
          actorName: z.string(),
          branch: nodeCode,
          occurredAt: instant,
        }),
      )
      .max(maxChanges),
  })
  .openapi('SubscriberHistory');
export type SubscriberHistory = z.input<typeof subscriberHistory>;

/** What the desk sees before it takes money. */
export const verifiedPayability = z.strictObject({
  verified: z.literal(true),
  homeBranch: parsedNodeCode,
  status: z.enum(subscriberStatuses),
  name: z.string(),
  currency: z.string(),
});
export type Payability = z.infer<typeof verifiedPayability> | { readonly verified: false };

/** A customer as far as the permissions let him be seen. */
export function viewOfCustomer(
  node: NodeCode,
  customer: Customer,
  permissions: ReadonlySet<Permission>,
): z.infer<typeof customerView> {
  const number = customerNumber(node, customer.number);
  const { data } = customer;
  if (!data) return { number, name: incompleteName, incomplete: true };
  if (permissions.has('subscriber.personal')) return { number, incomplete: false, ...data };
  return { number, name: maskName(data.name), incomplete: false };
}

export function cardFrom(
  node: NodeCode,
  known: { subscriber: Subscriber; customer: Customer; balance: bigint },
  permissions: ReadonlySet<Permission>,
): SubscriberCard {
  const { subscriber, customer, balance } = known;
  const { msisdn, status, currency, ratePlan, services, iccid, imsi, activatedAt } = subscriber;
  const shown = permissions.has('subscriber.personal') ? (digits: string) => digits : maskDigits;
  return {
    msisdn,
    homeBranch: node,
    status,
    balance: formatMoney({ amount: balance, currency }),
    customer: viewOfCustomer(node, customer, permissions),
    ratePlan,
    services: [...services],
    sim: { iccid: shown(iccid), imsi: shown(imsi) },
    activatedAt,
    servedLive: true,
  };
}

/** Cards are told as the card itself tells them. */
export function historyFrom(
  changes: readonly SubscriberChange[],
  permissions: ReadonlySet<Permission>,
): SubscriberHistory {
  const isShown = permissions.has('subscriber.personal');
  const items = changes.slice(0, maxChanges).map((change) => {
    const { what, before, after } = change;
    if (what !== 'sim' || isShown) return { ...change };
    return { ...change, before: before && maskDigits(before), after: maskDigits(after) };
  });
  return { items };
}
