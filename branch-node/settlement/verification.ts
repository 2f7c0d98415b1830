import type { NodeCode } from '../../shared/ids/ids.ts';
import { type Money, parseMoney } from '../../shared/money/money.ts';
import { faultSentences } from '../../shared/settlement/fault-sentences.ts';
import { type OperationKindName, operationKinds } from '../../shared/wire/operation-kinds.ts';
import {
  adjustmentKind,
  type CaseAdjusted,
  servingBranchOwes,
  type WireObligation,
} from '../../shared/wire/settlement-messages.ts';
import type { Decision, Operation } from '../operations/operation.ts';

const { say } = faultSentences;

/** What this branch's own books say of an obligation that head office lists. */
export interface OwnRecord {
  /** The operation as this branch accepted it, or decided it for another. */
  readonly operation?: Operation | undefined;
  /** Absent while the home branch has not answered. */
  readonly decision?: Decision | undefined;
  readonly adjustment?: CaseAdjusted | undefined;
  /** The settlement that it was settled in already. */
  readonly settledIn?: string | undefined;
}

/** `waits`: the answer that would tell is on its way to this branch. */
export type Finding = 'agrees' | 'waits' | { readonly fault: string };

/** Whether this branch served the operation; else it was its home. */
export function isServedHere({ kind, direction }: Pick<WireObligation, 'kind' | 'direction'>) {
  return servingBranchOwes(kind) === (direction === 'owes');
}

/**
 * Compares an obligation with this branch's own record of it. Terms are head office's; facts are the branch's. Of a branch
 * that is cut off no answer is awaited: all else in the settlement would wait with it, and nobody would know.
 */
export function verify(
  obligation: WireObligation,
  own: OwnRecord,
  { node, currency, isAwaited }: { node: NodeCode; currency: string; isAwaited: boolean },
): Finding {
  if (own.settledIn !== undefined)
    return { fault: say('settledBefore', { settlement: own.settledIn }) };
  if (obligation.net !== obligation.gross - obligation.commission + obligation.fee) {
    return { fault: say('doesNotAddUp', {}) };
  }
  if (obligation.kind === adjustmentKind) return verifyAdjustment(obligation, own, node, currency);
  const { operation, decision } = own;
  if (!operation || operation.kind !== obligation.kind) return { fault: say('unknown', {}) };
  const peer = isServedHere(obligation) ? operation.home : operation.serving;
  if (operation.attempt !== obligation.attempt || peer !== obligation.peer) {
    return { fault: say('otherPeer', { peer: obligation.peer }) };
  }
  if (!decision) return isAwaited ? 'waits' : { fault: say('unanswered', { peer }) };
  if (decision.outcome !== 'executed') return { fault: say('refused', {}) };
  return verifyMoney(obligation, grossOf(operation, decision.result), currency);
}

function verifyAdjustment(
  { peer, direction, gross, net }: WireObligation,
  { adjustment }: OwnRecord,
  node: NodeCode,
  currency: string,
): Finding {
  const owes = adjustment?.owes;
  if (!owes) return { fault: say('noAdjustment', {}) };
  const [debtor, creditor] = direction === 'owes' ? [node, peer] : [peer, node];
  const isSame = owes.debtor === debtor && owes.creditor === creditor && net === gross;
  if (!isSame) return { fault: say('otherAdjustment', {}) };
  return verifyMoney({ gross }, owes, currency);
}

function verifyMoney(
  { gross }: Pick<WireObligation, 'gross'>,
  own: Money | undefined,
  currency: string,
): Finding {
  if ((own?.amount ?? 0n) !== gross) return { fault: say('otherSum', {}) };
  if (own && own.currency !== currency) return { fault: say('otherCurrency', { currency }) };
  return 'agrees';
}

/** What an operation left on the clearing accounts of its two branches. */
function grossOf(operation: Operation, result: object): Money | undefined {
  const { owes } = operationKinds[operation.kind as OperationKindName];
  if (owes === 'sum-less-commission') return moneyIn(operation.request);
  return owes === 'reversed-sum' || owes === 'moved-balance' ? moneyIn(result) : undefined;
}

function moneyIn(value: object): Money | undefined {
  if (!('money' in value)) return undefined;
  const { money } = value;
  if (typeof money !== 'object' || money === null) return undefined;
  if (!('amount' in money) || !('currency' in money)) return undefined;
  return parseMoney({ amount: String(money.amount), currency: String(money.currency) });
}
