import type { Federation } from '../../shared/federation/federation.ts';
import { headOffice } from '../../shared/ids/ids.ts';
import { isCounted } from '../../shared/reconciliation/counted-legs-store.ts';
import { type Leg, legIn, legOf } from '../../shared/reconciliation/leg.ts';
import { addToTotals, takeFromTotals } from '../../shared/reconciliation/leg-totals-store.ts';
import type { Transaction } from '../../shared/store/store.ts';
import type { BusinessDate } from '../../shared/time/clock.ts';
import { entryKindOf, type OperationPoint } from '../../shared/wire/operation-kinds.ts';
import type { JsonObject, LogEntry } from '../../shared/wire/peer-messages.ts';
import type { Decision, Operation, OperationKind } from './operation.ts';

/** Who but head office is told at each point. */
const recipients = {
  accepted: ({ home }: Operation) => [home],
  executed: ({ serving }: Operation) => [serving],
  refused: ({ serving }: Operation) => [serving],
  concluded: () => [],
} as const;

export type OperationJournal = ReturnType<typeof createOperationJournal>;

/** Tells the points of operations' lives in the log, and counts them for the business date. */
export function createOperationJournal(deps: {
  federation: Pick<Federation, 'log'>;
  kindOf(name: string): OperationKind;
  businessDate(tx: Transaction): Promise<BusinessDate>;
}) {
  const { federation, kindOf } = deps;

  /**
   * A point of an operation's life is reached: it counts for the business date, and is told. What is only found again has
   * the date on which it was reached.
   */
  async function record(
    tx: Transaction,
    point: OperationPoint,
    operation: Operation,
    body: { decision?: Decision; details?: JsonObject },
    date?: BusinessDate,
  ): Promise<void> {
    const entry = await tell(tx, point, operation, body, date);
    await add(tx, legIn(entry, { operation, decision: body.decision }));
  }

  const count = (tx: Transaction, entry: LogEntry) => add(tx, legOf(entry));

  /**
   * An own entry came back about what was done, and counted, once more since: it counts for the date on which head office
   * heard of it first.
   */
  async function recount(tx: Transaction, entry: LogEntry): Promise<void> {
    const { operationId = '', kind } = entry;
    const attempt = legOf(entry)?.attempt;
    const legs: Leg[] = [];
    let first: Leg | undefined;
    for (const told of await federation.log.toldAbout(tx, { operationId, kind })) {
      const leg = legOf(told.entry);
      if (leg?.attempt !== attempt || leg === undefined) continue;
      legs.push(leg);
      if (told.isHeld) first ??= leg;
    }
    for (const leg of legs) {
      if (!first || leg.businessDate === first.businessDate || !(await isCounted(tx, leg)))
        continue;
      await takeFromTotals(tx, leg);
      await addToTotals(tx, first);
    }
  }

  async function add(tx: Transaction, leg: Leg | undefined): Promise<void> {
    if (leg) await addToTotals(tx, leg);
  }

  async function tell(
    tx: Transaction,
    point: OperationPoint,
    operation: Operation,
    body: { decision?: Decision; details?: JsonObject },
    date?: BusinessDate,
  ): Promise<LogEntry> {
    return federation.log.append(tx, {
      kind: entryKindOf(kindOf(operation.kind).kind, point),
      to: [...recipients[point](operation), headOffice],
      operationId: operation.id,
      occurredAt: operation.occurredAt,
      businessDate:
        // What follows a number is sent again on a day of its own: that of its acceptance may be closed.
        point === 'accepted' && operation.attempt === 1
          ? operation.businessDate
          : (date ?? (await deps.businessDate(tx))),
      body: { operation, ...body },
    });
  }

  return { record, count, recount, tell };
}
