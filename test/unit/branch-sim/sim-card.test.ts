import { expect } from 'chai';
import {
  nextSimState,
  type SimEvent,
  type SimState,
  simStates,
} from '../../../branch-node/sim/sim-card.ts';
import { isDomainError } from '../../../shared/problem/problem.ts';

const events: readonly SimEvent[] = ['reserve', 'release', 'bind', 'transfer', 'retire'];
const allowed: Readonly<Record<string, SimState>> = {
  'in-stock reserve': 'reserved',
  'reserved release': 'in-stock',
  'reserved bind': 'in-use',
  'reserved transfer': 'transferred',
  'in-use retire': 'retired',
};

function outcomeOf(state: SimState, event: SimEvent): string {
  try {
    return nextSimState(state, event);
  } catch (error) {
    if (isDomainError(error)) return error.code;
    throw error;
  }
}

describe('the states of a SIM card', () => {
  for (const state of simStates) {
    for (const event of events) {
      const expected = allowed[`${state} ${event}`] ?? 'sim-not-available';
      it(`${state}, ${event}: ${expected}`, () => {
        expect(outcomeOf(state, event)).to.equal(expected);
      });
    }
  }
});
