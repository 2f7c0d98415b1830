import { z } from '@hono/zod-openapi';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { nodeCode } from '../../shared/web/schemas.ts';
import { customerNumber, maskName } from './customer.ts';
import { subscriberStatuses } from './subscriber.ts';
import type { FoundSubscriber } from './subscriber-search-store.ts';

const maxTextLength = 200;
const text = z.string().max(maxTextLength);

/** One line of a list, here or at another branch. */
export const listedSubscriber = z
  .strictObject({
    msisdn: text,
    status: z.enum(subscriberStatuses),
    name: text.openapi({ description: 'Masked without subscriber.personal' }),
    customerNumber: text,
    ratePlan: text,
    homeBranch: nodeCode,
  })
  .openapi('ListedSubscriber');

export type ListedSubscriber = z.input<typeof listedSubscriber>;

export function listedFrom(
  node: NodeCode,
  found: FoundSubscriber,
  { isMasked }: { isMasked: boolean },
): ListedSubscriber {
  const { msisdn, status, ratePlan, name, movedTo, customerNumber: number } = found;
  return {
    ...{ msisdn, status, ratePlan },
    name: isMasked ? maskName(name) : name,
    customerNumber: customerNumber(node, number),
    homeBranch: movedTo ?? node,
  };
}

/** What another branch finds: enough for a person to go on, too little to read a branch out. */
export const maxFoundElsewhere = 20;
export const searchPath = '/peer/v1/subscriber-searches';
export const searchRequest = z.strictObject({ query: z.string().min(1).max(100) });
export const searchAnswer = z.strictObject({
  items: z.array(listedSubscriber).max(maxFoundElsewhere),
});
