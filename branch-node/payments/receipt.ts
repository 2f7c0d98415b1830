import { z } from 'zod';
import { nodeCode } from '../../shared/wire/peer-messages.ts';
import { type Disposition, dispositions, type ReceiptKind, receiptKinds } from './payment.ts';

/** JWS type (RFC 8725, 3.11). */
export const receiptType = 'sbms-receipt+jws';

/** What a receipt's code says, signed by the branch that took the payment; the number is masked. */
export const receiptStatement = z.strictObject({
  node: nodeCode,
  home: nodeCode,
  number: z.string().max(64),
  operationId: z.string().max(64),
  amount: z.string().max(24),
  currency: z.string().max(3),
  msisdn: z.string().max(20),
  kind: z.enum(receiptKinds),
  /** What had become of the money by then: a receipt of a refunded payment says so. */
  disposition: z.enum(dispositions),
  issuedAt: z.string().max(30),
  at: z.string().max(30),
});
export type ReceiptStatement = z.infer<typeof receiptStatement>;

const kindSentences: Record<ReceiptKind, (home: string) => string> = {
  provisional: (home) =>
    `PROVISIONAL: only this branch has recorded the payment so far. The home branch ${home} will credit it when it can be reached.`,
  accepted: (home) =>
    `ACCEPTED: another node holds the payment too, it cannot be lost. The home branch ${home} will credit it when it answers.`,
  credited: (home) => `CREDITED: the home branch ${home} has put it on the subscriber's account.`,
};

const dispositionSentences: Record<Exclude<Disposition, 'taken'>, (home: string) => string> = {
  suspended: (home) =>
    `NOT CREDITED: the home branch ${home} refused it. The money is kept at this branch: it is paid back or sent to another number at the desk.`,
  refunded: () => 'NOT CREDITED: the payment was refused, its money goes back to the customer.',
  redirected: () => 'NOT CREDITED: the payment was refused and its money sent to another number.',
  'paid-back': () => 'CANCELLED: the payment was cancelled, its money goes back to the customer.',
};

/** A receipt in plain sentences: what was paid, for whom, how sure it is, and how to check it. */
export function receiptText(statement: ReceiptStatement): string[] {
  const { node, home, number, amount, currency, msisdn, kind, disposition } = statement;
  const standing =
    disposition === 'taken' ? kindSentences[kind](home) : dispositionSentences[disposition](home);
  return [
    `Receipt ${number} of branch ${node}, ${statement.issuedAt}.`,
    `${amount} ${currency} for the number ${msisdn}.`,
    `${standing} This is how it stood at ${statement.at}.`,
    'Any branch of the operator can check this receipt by its code.',
  ];
}
