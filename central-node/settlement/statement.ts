import type { NodeCode } from '../../shared/ids/ids.ts';
import { formatAmount } from '../../shared/money/money.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { PairPosition, SettlementModel } from '../../shared/settlement/netting.ts';
import { csvText } from '../../shared/text/csv.ts';
import type { Instant } from '../../shared/time/clock.ts';
import type { SettlementState, SettlementView } from './settlement.ts';

/** One branch's part of a settlement, as it gets it: a line per peer. */
export interface Statement {
  readonly settlementId: string;
  readonly state: SettlementState;
  readonly branch: NodeCode;
  readonly branchName: string;
  readonly currency: string;
  readonly model: SettlementModel;
  readonly madeAt: Instant;
  readonly decidedAt: Instant | null;
  readonly windowIds: readonly string[];
  readonly lines: readonly PairPosition[];
  /** To the branch's favour if positive. */
  readonly net: bigint;
}

/** @throws DomainError `branch-not-found` for a branch that the settlement does not concern. */
export function statementOf(
  settlement: SettlementView,
  { branch, branchName }: { branch: NodeCode; branchName: string },
): Statement {
  const lines = settlement.positions.filter((position) => position.branch === branch);
  if (lines.length === 0) {
    throw new DomainError('branch-not-found', `The settlement does not concern ${branch}.`);
  }
  const { id: settlementId, state, currency, model, madeAt, decidedAt, windowIds } = settlement;
  return {
    ...{ settlementId, state, branch, branchName, currency, model, madeAt, decidedAt },
    ...{ windowIds, lines },
    net: lines.reduce((sum, line) => sum + line.net, 0n),
  };
}

/** What comes of it, in words: by pairs each line is paid by itself, else the net position. */
export function outcomeOf({
  state,
  model,
  lines,
  net,
}: Pick<Statement, 'state' | 'model' | 'lines' | 'net'>): string {
  if (state === 'ABORTED') return 'The settlement was given up: nothing is paid.';
  if (state === 'PENDING_SETTLEMENT') return 'It is not approved yet: nothing is paid.';
  if (model === 'bilateral' && lines.some((line) => line.net !== 0n)) {
    return 'It is paid with each peer by itself: the sum of its line, not the net position.';
  }
  if (net === 0n) return 'Nothing changes hands.';
  return net < 0n ? 'The branch pays this sum.' : 'The branch receives this sum.';
}

export const statementColumns = ['Peer', 'Operations', 'Gross', 'Commission', 'Fees', 'Net'];

/** The cells of a statement's lines; sums with the currency's decimals. */
export function statementRows({ lines, currency }: Statement): string[][] {
  return lines.map(({ peer, count, gross, commission, fees, net }) => [
    peer,
    String(count),
    ...[gross, commission, fees, net].map((amount) => formatAmount(amount, currency)),
  ]);
}

export function statementCsv(statement: Statement): string {
  const { settlementId, branch, branchName, currency, model, state, decidedAt, net } = statement;
  const rows = [
    ['Settlement', settlementId],
    ['State', state],
    ['Branch', branch, branchName],
    ['Currency', currency],
    ['Netting', model],
    ...(decidedAt === null ? [] : [[state === 'ABORTED' ? 'Given up' : 'Completed', decidedAt]]),
    [],
    statementColumns,
    ...statementRows(statement),
    ['Total', '', '', '', '', formatAmount(net, currency)],
  ];
  return csvText(rows);
}
