import { headOffice } from '../../shared/ids/ids.ts';
import type { PaidOut } from './judge.ts';
import type { Machine } from './machine.ts';
import type { People } from './people.ts';
import { rowsOf } from './rows.ts';

/**
 * When all is quiet the cash is counted: what is presumed paid and never left its desk, two people find there.
 * @returns what is wrong if it is not paid once they have said so.
 */
export function countCash(
  machines: readonly Machine[],
  { people, paidOut }: { people: People; paidOut: PaidOut },
): () => string[] {
  const found = machines.flatMap((machine) => {
    const { code } = machine;
    if (code === headOffice) return [];
    const presumed = "SELECT payment_id AS id FROM payouts WHERE state = 'presumed-paid'";
    return rowsOf(machine.disk.slot.db, presumed)
      .map(({ id }) => ({ machine, id: String(id) }))
      .filter(({ id }) => !paidOut.get(code)?.has(id));
  });
  const body = { reason: 'The cash was counted.' };
  for (const { machine, id } of found) {
    const { code } = machine;
    const path = `/api/v1/payments/${id}/payout/reinstatement`;
    for (const login of ['manager', 'deputy'])
      people.wish({ code, what: 'cash-count', path, body, login });
  }
  return () =>
    found.flatMap(({ machine: { code, disk }, id }) => {
      const [row] = rowsOf(disk.slot.db, 'SELECT state FROM payouts WHERE payment_id = ?', id);
      const { state } = row ?? {};
      return state === 'released' ? [] : [`${code}: the cash of ${id} was found, and is ${state}`];
    });
}
