import type { Machine } from './machine.ts';
import { rowsOf } from './rows.ts';

const inOrder = `SELECT l.kind, l.epoch, l.entry FROM log_entries l JOIN node_starts n ON n.epoch = l.epoch
  WHERE l.kind IN ('payment.accepted', 'payment-cancellation.accepted', 'payment-cancellation.concluded')
  ORDER BY n.ordinal, l.seq`;

// biome-ignore lint/suspicious/noExplicitAny: what stands in a log is read as it was written
type Body = any;

/**
 * By a branch's own log: a payment that is being cancelled follows no number. Within one start nobody can have forgotten
 * that it is. It shares no code with the branches.
 */
export function paymentStoryFaults({ code, disk: { slot } }: Machine): string[] {
  const attempts = new Map<string, number>();
  const cancelledIn = new Map<string, string>();
  return rowsOf(slot.db, inOrder).flatMap(({ kind, epoch, entry }) => {
    const { body }: { body: Body } = JSON.parse(String(entry));
    const { id, attempt, request } = body.operation;
    if (kind === 'payment-cancellation.accepted') cancelledIn.set(request.payment, String(epoch));
    if (kind === 'payment-cancellation.concluded') cancelledIn.delete(request.payment);
    if (kind !== 'payment.accepted') return [];
    const before = attempts.get(id) ?? attempt;
    attempts.set(id, Math.max(before, attempt));
    const follows = attempt > before && cancelledIn.get(id) === epoch;
    return follows ? [`${code}: payment ${id} was cancelled, and followed its number`] : [];
  });
}
