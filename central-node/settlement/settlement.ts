import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError, type ProblemCode } from '../../shared/problem/problem.ts';
import type { PairPosition, SettlementModel } from '../../shared/settlement/netting.ts';
import type { Instant } from '../../shared/time/clock.ts';

export const windowStates = ['OPEN', 'CLOSED', 'PENDING_SETTLEMENT', 'SETTLED', 'ABORTED'] as const;
export type WindowState = (typeof windowStates)[number];

export const settlementStates = ['PENDING_SETTLEMENT', 'SETTLED', 'ABORTED'] as const;
export type SettlementState = (typeof settlementStates)[number];

export type WindowStep = 'close' | 'prepare' | 'settle' | 'abort';

const windowSteps: Record<
  WindowStep,
  { from: WindowState; to: WindowState; otherwise: ProblemCode }
> = {
  close: { from: 'OPEN', to: 'CLOSED', otherwise: 'window-not-open' },
  prepare: { from: 'CLOSED', to: 'PENDING_SETTLEMENT', otherwise: 'window-not-closed' },
  settle: { from: 'PENDING_SETTLEMENT', to: 'SETTLED', otherwise: 'settlement-conflict' },
  abort: { from: 'PENDING_SETTLEMENT', to: 'ABORTED', otherwise: 'settlement-conflict' },
};

/** @throws DomainError `window-not-open`, `window-not-closed`, `settlement-conflict`. */
export function nextWindowState(state: WindowState, step: WindowStep): WindowState {
  const { from, to, otherwise } = windowSteps[step];
  if (state !== from) throw new DomainError(otherwise, `The window is ${state}.`);
  return to;
}

/** @throws DomainError `settlement-conflict`. */
export function nextSettlementState(
  state: SettlementState,
  step: 'settle' | 'abort',
): SettlementState {
  if (state !== 'PENDING_SETTLEMENT') {
    throw new DomainError('settlement-conflict', `The settlement is ${state}.`);
  }
  return step === 'settle' ? 'SETTLED' : 'ABORTED';
}

/** A person at head office. */
export interface Person {
  readonly id: string;
  readonly name: string;
}

export interface SettlementWindow {
  readonly id: string;
  readonly currency: string;
  readonly state: WindowState;
  readonly openedAt: Instant;
  readonly closedAt: Instant | null;
}

export interface Settlement {
  readonly id: string;
  readonly currency: string;
  readonly model: SettlementModel;
  readonly state: SettlementState;
  readonly madeBy: Person;
  readonly madeAt: Instant;
  /** Who approved or aborted it. */
  readonly decidedBy: Person | null;
  readonly decidedAt: Instant | null;
}

/** What a branch said of a settlement after it checked its own books. */
export interface SettlementAnswer {
  readonly branch: NodeCode;
  readonly outcome: 'confirmed' | 'disputed';
  readonly detail: string;
  readonly at: Instant;
}

export interface SettlementView extends Settlement {
  readonly windowIds: readonly string[];
  readonly positions: readonly PairPosition[];
  readonly answers: readonly SettlementAnswer[];
}
