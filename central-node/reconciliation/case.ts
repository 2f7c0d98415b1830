import { z } from 'zod';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Instant } from '../../shared/time/clock.ts';
import { canonicalJson, sha256 } from '../../shared/wire/canonical.ts';
import { nodeCode } from '../../shared/wire/peer-messages.ts';

export const caseKinds = [
  'missing-home-leg',
  'missing-serving-leg',
  'legs-differ',
  'totals-differ',
  'conclusion-differs',
  'forked',
  'two-histories',
  'stranger-leg',
] as const;
export type CaseKind = (typeof caseKinds)[number];

export const caseStates = ['detected', 'notified', 'explained', 'adjusted', 'closed'] as const;
export type CaseState = (typeof caseStates)[number];

/** `resolve`: what it was about has gone away by itself. */
export type CaseStep = 'notify' | 'explain' | 'propose' | 'adjust' | 'close' | 'resolve';

const steps: Record<CaseState, Partial<Record<CaseStep, CaseState>>> = {
  detected: { notify: 'notified', explain: 'explained', resolve: 'closed' },
  notified: { explain: 'explained', resolve: 'closed' },
  explained: {
    explain: 'explained',
    propose: 'explained',
    adjust: 'adjusted',
    resolve: 'closed',
  },
  adjusted: { close: 'closed' },
  closed: {},
};

/** @throws DomainError `case-conflict`. */
export function nextCaseState(state: CaseState, step: CaseStep): CaseState {
  const next = steps[state][step];
  if (!next) throw new DomainError('case-conflict', `The case is ${state}.`);
  return next;
}

/** What an adjustment makes one branch owe another; minor units as a string where it is stored. */
export const proposal = z.strictObject({
  reason: z.string(),
  owes: z
    .strictObject({
      debtor: nodeCode,
      creditor: nodeCode,
      currency: z.string(),
      amount: z.string().transform((digits) => BigInt(digits)),
    })
    .optional(),
});
export type Proposal = z.infer<typeof proposal>;

export interface Case {
  readonly id: string;
  readonly kind: CaseKind;
  /** What it is about; one case at a time is open about the same. */
  readonly subject: string;
  readonly state: CaseState;
  readonly operation: { readonly id: string; readonly attempt: number } | null;
  readonly branches: readonly NodeCode[];
  readonly detail: string;
  readonly openedAt: Instant;
  readonly explanation: string | null;
  readonly proposal: Proposal | null;
  readonly proposedBy: string | null;
  readonly approvedBy: string | null;
  readonly resolution: string | null;
  readonly closedAt: Instant | null;
}

/** What an approval names: exactly this, as this person proposed it. */
export function proposalIdOf(about: Pick<Case, 'id' | 'proposal' | 'proposedBy'>): string | null {
  const { id, proposal: made, proposedBy } = about;
  if (!made) return null;
  const owes = made.owes && { ...made.owes, amount: made.owes.amount.toString() };
  return sha256(canonicalJson({ id, proposedBy, reason: made.reason, ...(owes ? { owes } : {}) }));
}

export interface CaseStepTaken {
  readonly state: CaseState;
  readonly at: Instant;
  readonly actor: string | null;
  readonly note: string;
}

export const subjects = {
  operation: ({ operationId, attempt }: { operationId: string; attempt: number }) =>
    `operation:${operationId}/${attempt}`,
  day: (branch: NodeCode, businessDate: string) => `day:${branch}/${businessDate}`,
  /** What a branch says of operations that are not its own: one case at a time, however much it says. */
  strangerOf: (branch: NodeCode) => `stranger:${branch}`,
  stream: (branch: NodeCode, epoch: string) => `stream:${branch}/${epoch}`,
} as const;

/** The branch and date of a `day` subject. */
export function dayOfSubject(
  subject: string,
): { branch: NodeCode; businessDate: string } | undefined {
  const [, branch, businessDate] = /^day:([A-Z]+)\/([\d-]+)$/.exec(subject) ?? [];
  const code = nodeCode.safeParse(branch).data;
  return code && businessDate ? { branch: code, businessDate } : undefined;
}
