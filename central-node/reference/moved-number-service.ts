import type { Msisdn, NodeCode } from '../../shared/ids/ids.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import type { Transaction } from '../../shared/store/store.ts';
import { decidedBody, type LogEntry } from '../../shared/wire/peer-messages.ts';
import { findBeginning, insertMove, movesOf, saveMovedNumber } from './moved-number-store.ts';
import { beginningOf, homeAfter } from './moved-numbers.ts';

/**
 * Numbers that changed their home, as the branches report it: they are in the next release's ported numbers, so that
 * every branch finds them at once.
 */
export function createMovedNumbers(deps: { reference: () => Reference | undefined }) {
  return {
    /**
     * Takes the home branch's `number-move.executed`. It does not count as a change of the draft: a move that is
     * collected while a release is signed is in the one after it.
     */
    async take(tx: Transaction, entry: LogEntry): Promise<void> {
      const { operation, decision } = decidedBody.parse(entry.body);
      const { id: operationId, msisdn, home: from, serving: to } = operation;
      const reference = deps.reference();
      // One to a branch that is not known here, or not yet, is kept, and in no release before that is.
      const isSound = from === entry.node && decision.outcome === 'executed' && from !== to;
      if (!isSound || !reference) return;
      const directory = reference.homeOf(msisdn as Msisdn);
      // Nobody moves a number that is not the operator's own.
      if (directory.kind !== 'own') return;
      if (!(await insertMove(tx, { operationId, msisdn, from, to }))) return;
      const moves = await movesOf(tx, msisdn);
      const known = (await findBeginning(tx, msisdn)) ?? directory.branch;
      const began = beginningOf(moves, { known, directory, range: rangeHome(reference, msisdn) });
      const branch = homeAfter(began, moves);
      await saveMovedNumber(tx, { msisdn, began, branch });
    },
  };
}

function rangeHome(reference: Reference, msisdn: string): NodeCode | undefined {
  const isAround = ({ from, to }: { from: string; to: string }) =>
    from.length === msisdn.length && from <= msisdn && msisdn <= to;
  return reference.rows('numbering-plan').find(isAround)?.branch as NodeCode | undefined;
}

export type MovedNumbers = ReturnType<typeof createMovedNumbers>;
