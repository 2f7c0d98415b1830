import { z } from 'zod';
import { currencyPattern } from '../money/money.ts';
import { canonicalJson } from './canonical.ts';
import { operationKinds } from './operation-kinds.ts';
import { nodeCode } from './peer-messages.ts';

/**
 * What head office and the branches tell each other about cases and settlements. Members that a newer node adds are
 * passed over: they must not stop an older one.
 */

const id = z.string().max(64);
const text = z.string().max(2_000);
const currency = z.string().regex(currencyPattern);
/** Sums outgrow what one payment may be: minor units as a whole number in a string. */
const minorUnits = z
  .string()
  .regex(/^-?\d{1,18}$/)
  .transform((digits) => BigInt(digits));
const attempt = z.int().min(1).max(9);

export const maxObligationsPerPage = 500;
const maxPeers = 512;
const maxWindows = 100;
export const maxReportedFaults = 100;

/** The kind of an obligation that no operation made, but two people in a case. */
export const adjustmentKind = 'case-adjustment';

/** Body of `case.opened`, to the branches concerned; the entry's `operationId` is the case's id. */
export const caseOpened = z.object({
  caseId: id,
  kind: z.string().max(40),
  /** What it is about, e.g. `operation:<id>/<attempt>`, `day:MSK/2025-06-30`. */
  subject: z.string().max(160),
  branches: z.array(nodeCode).max(maxPeers),
  operation: z.object({ id, attempt }).optional(),
  detail: text,
  openedAt: z.string().max(30),
});
export type CaseOpened = z.infer<typeof caseOpened>;

const owed = z.object({ debtor: nodeCode, creditor: nodeCode, currency, amount: minorUnits });

/** Body of `case.adjusted`: what one branch owes another by it, if anything. */
export const caseAdjusted = z.object({
  caseId: id,
  reason: text,
  owes: owed.optional(),
  proposedBy: z.string().max(120),
  approvedBy: z.string().max(120),
});
export type CaseAdjusted = z.infer<typeof caseAdjusted>;

/** Body of `case.closed`. */
export const caseClosed = z.object({
  caseId: id,
  resolution: text,
  closedAt: z.string().max(30),
});

/** Body of `settlement.completed`, to each branch its own; a positive sum is to the branch's favour. */
export const settlementCompleted = z.object({
  settlementId: id,
  currency,
  model: z.enum(['multilateral', 'bilateral']),
  windows: z.array(id).min(1).max(maxWindows),
  madeBy: z.string().max(120),
  approvedBy: z.string().max(120),
  completedAt: z.string().max(30),
  positions: z
    .array(
      z.object({
        peer: nodeCode,
        count: z.int().min(0),
        gross: minorUnits,
        commission: minorUnits,
        fees: minorUnits,
        net: minorUnits,
      }),
    )
    .max(maxPeers),
});
export type SettlementCompleted = z.infer<typeof settlementCompleted>;

/** Whether a branch was told the same twice, as far as this version reads it. */
export function isSameWord(one: SettlementCompleted, other: SettlementCompleted): boolean {
  const textOf = (word: SettlementCompleted) =>
    canonicalJson(
      JSON.parse(
        JSON.stringify(word, (_, value) => (typeof value === 'bigint' ? value.toString() : value)),
      ),
    );
  return textOf(one) === textOf(other);
}

/**
 * Body of `settlement.recalled`, to both branches of a position: head office lost which operations it was, and neither
 * has them. It is not settled; the operations are, another time.
 */
export const settlementRecalled = z.object({
  settlementId: id,
  branches: z.tuple([nodeCode, nodeCode]),
});

/** Body of `settlement.confirmed`: the branch's own books say the same, and it has posted. */
export const settlementConfirmed = z.object({
  settlementId: id,
  count: z.int().min(0),
  /** To the other branches as well: each finds its own here, with the sign turned round, or was told otherwise. */
  positions: z
    .array(z.object({ peer: nodeCode, count: z.int().min(0), net: minorUnits }))
    .max(maxPeers)
    .optional(),
});

/** Body of `settlement.disputed`: nothing was posted. */
export const settlementDisputed = z.object({
  settlementId: id,
  count: z.int().min(1),
  /** The first of them. */
  faults: z.array(z.string().max(200)).max(maxReportedFaults),
});

/** One obligation as the branch that asks sees it; sums are never negative. */
export const wireObligation = z.object({
  operationId: id,
  attempt,
  kind: z.string().max(40),
  peer: nodeCode,
  direction: z.enum(['owes', 'receives']),
  gross: minorUnits,
  commission: minorUnits,
  fee: minorUnits,
  net: minorUnits,
});
export type WireObligation = z.infer<typeof wireObligation>;

/** Answer of `GET /peer/v1/settlements/{id}/obligations?after=&limit=&peer=`; an older branch answers with all peers. */
export const obligationPage = z.object({
  items: z.array(wireObligation).max(maxObligationsPerPage),
  next: z.string().max(512).nullable(),
  /** A branch has not checked the settlement to its end, and takes no page of it that was asked for before. */
  unchecked: z.literal(true).optional(),
});

/** Whether the branch that served an operation of this kind is the one that owes; else its home branch does. */
export function servingBranchOwes(kind: string): boolean {
  return isOperationKind(kind) && operationKinds[kind].owes === 'sum-less-commission';
}

export function isOperationKind(kind: string): kind is keyof typeof operationKinds {
  return Object.hasOwn(operationKinds, kind);
}
