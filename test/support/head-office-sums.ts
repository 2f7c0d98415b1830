import type { Store } from '../../shared/store/store.ts';

/**
 * What is kept as things come is what is there, counted anew with the sign turned round; what is owed is what was moved.
 */
export const keptSums: Readonly<Record<string, string>> = {
  "a window's sum": `SELECT window_id, debtor, creditor, kind, sum(n), sum(gross), sum(commission), sum(fee), sum(net)
     FROM (
       SELECT window_id, debtor, creditor, kind, count AS n, gross, commission, fee, net FROM obligation_sums
       UNION ALL
       SELECT window_id, debtor, creditor, kind, -1, -gross, -commission, -fee, -net FROM obligations
       WHERE window_id IS NOT NULL
     ) GROUP BY 1, 2, 3, 4
     HAVING sum(n) <> 0 OR sum(gross) <> 0 OR sum(commission) <> 0 OR sum(fee) <> 0 OR sum(net) <> 0`,
  "what a branch's cap is measured by": `WITH unsettled AS (
       SELECT o.* FROM obligations o LEFT JOIN settlement_windows w ON w.id = o.window_id
       WHERE coalesce(w.state, 'HELD') <> 'SETTLED' OR w.id IN (SELECT window_id FROM lost_windows))
     SELECT branch, currency, sum(net) FROM (
       SELECT branch, currency, net FROM branch_exposures
       UNION ALL SELECT creditor, currency, -net FROM unsettled
       UNION ALL SELECT debtor, currency, net FROM unsettled
     ) GROUP BY 1, 2 HAVING sum(net) <> 0`,
  'the count of a date': `SELECT operation_date, serving, home, kind, currency, state, sum(n), sum(amount) FROM (
       SELECT operation_date, serving, home, kind, currency, state, count AS n, sum AS amount
       FROM operation_counts
       UNION ALL
       SELECT operation_date, serving, home, kind, currency, state, -1, -amount FROM collected_operations
     ) GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(n) <> 0 OR sum(amount) <> 0`,
  'a settled position': `WITH back AS (
       SELECT id FROM settlements WHERE state = 'SETTLED' AND id NOT IN (SELECT settlement_id FROM lost_windows)),
     settled AS (
       SELECT m.settlement_id, s.* FROM obligation_sums s
       JOIN settlement_members m ON m.window_id = s.window_id JOIN back ON back.id = m.settlement_id)
     SELECT settlement_id, branch, peer, sum(n), sum(net) FROM (
       SELECT p.settlement_id, p.branch, p.peer, p.count AS n, p.net FROM settlement_positions p
       JOIN back ON back.id = p.settlement_id
       UNION ALL SELECT settlement_id, creditor, debtor, -count, -net FROM settled
       UNION ALL SELECT settlement_id, debtor, creditor, -count, net FROM settled
     ) GROUP BY 1, 2, 3 HAVING sum(n) <> 0 OR sum(net) <> 0`,
  'what a payment makes owed': `SELECT o.operation_id, o.debtor, o.creditor, o.gross, c.amount FROM obligations o
     JOIN collected_operations c ON c.operation_id = o.operation_id AND c.attempt = o.attempt
     WHERE o.kind = 'payment' AND (o.debtor <> c.serving OR o.creditor <> c.home
       OR o.gross <> c.amount OR o.currency <> c.currency OR o.fee <> 0)`,
  'what a cancellation gives back': `SELECT o.operation_id, o.debtor, o.creditor, o.gross, o.commission FROM obligations o
     JOIN legs l ON l.operation_id = o.operation_id AND l.point = 'executed'
     JOIN obligations p ON p.operation_id = json_extract(l.facts, '$.payment') AND p.kind = 'payment'
     WHERE o.kind = 'payment-cancellation' AND (o.debtor <> p.creditor OR o.creditor <> p.debtor
       OR o.gross <> p.gross OR o.commission <> p.commission OR o.currency <> p.currency)`,
};

/** Where head office's sums are not what they are kept of; nothing when all is well. */
export function headOfficeSumFaults(store: Store): Promise<string[]> {
  return store.read(async (tx) => {
    const faults: string[] = [];
    for (const [what, sql] of Object.entries(keptSums)) {
      for (const row of await tx.all(sql)) {
        faults.push(`${what} differs: ${Object.values(row).join(' ')}`);
      }
    }
    return faults;
  });
}
