import { DomainError } from '../../shared/problem/problem.ts';

export const simStates = ['in-stock', 'reserved', 'in-use', 'retired', 'transferred'] as const;
export type SimState = (typeof simStates)[number];

/** What can happen to a card; `transfer` is its leaving for good to another branch's subscriber. */
export type SimEvent = 'reserve' | 'release' | 'bind' | 'transfer' | 'retire';

export interface SimIdentity {
  readonly iccid: string;
  readonly imsi: string;
}

export interface SimCard extends SimIdentity {
  readonly state: SimState;
  /** The operation that a reserved card waits for. */
  readonly reservedFor?: string;
}

const transitions: Readonly<Record<SimState, Partial<Record<SimEvent, SimState>>>> = {
  'in-stock': { reserve: 'reserved' },
  reserved: { release: 'in-stock', bind: 'in-use', transfer: 'transferred' },
  'in-use': { retire: 'retired' },
  retired: {},
  transferred: {},
};

/** @throws DomainError `sim-not-available` for what a card in this state cannot do. */
export function nextSimState(state: SimState, event: SimEvent): SimState {
  const next = transitions[state][event];
  if (!next) throw new DomainError('sim-not-available', `The SIM card is ${state}.`);
  return next;
}
