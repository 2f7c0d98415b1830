import type { NodeCode } from '../../../shared/ids/ids.ts';
import { systemIds } from '../../../shared/ids/ids.ts';
import type { OperationKindName, OperationPoint } from '../../../shared/wire/operation-kinds.ts';
import { entryKindOf } from '../../../shared/wire/operation-kinds.ts';
import { type JsonObject, type LogEntry, logEntry } from '../../../shared/wire/peer-messages.ts';
import { msk, spb, today } from './settlement-fixture.ts';

export interface Story {
  readonly id?: string;
  readonly kind?: OperationKindName;
  readonly attempt?: number;
  readonly serving?: NodeCode;
  readonly home?: NodeCode;
  readonly amount?: string;
  readonly tender?: string;
  readonly request?: JsonObject;
  readonly result?: JsonObject;
}

let seq = 0;

/** The log entries of one operation's points; a payment of 500.00 in cash at MSK for a number of SPB unless told. */
export function operationEntries(story: Story = {}) {
  const { kind = 'payment', attempt = 1, serving = msk, home = spb } = story;
  const { id = systemIds.uuid(), amount = '500.00', tender = 'cash', result = {} } = story;
  const money = { amount, currency: 'RUB' };
  const operation = {
    ...{ id, kind, serving, home, attempt, msisdn: '79211234567', businessDate: today },
    occurredAt: '2025-06-30T09:00:00.000Z',
    actor: { id: 'op-1', name: 'Ольга' },
    release: 3,
    request: story.request ?? { money, tender: { kind: tender } },
  };
  const refused = { outcome: 'refused', reason: 'subscriber-not-found' };
  const executed = { outcome: 'executed', result };

  function entry(node: NodeCode, point: OperationPoint, body: object): LogEntry {
    seq += 1;
    return logEntry.parse({
      ...{ node, epoch: 'e'.repeat(32), seq, id: systemIds.uuid(), to: ['HQ'] },
      kind: entryKindOf(kind, point),
      operationId: id,
      ...{ occurredAt: operation.occurredAt, recordedAt: operation.occurredAt },
      businessDate: today,
      body: { operation, ...body },
    });
  }

  return {
    id,
    accepted: () => entry(serving, 'accepted', { details: {} }),
    executed: () => entry(home, 'executed', { decision: executed, details: {} }),
    refused: (movedTo?: NodeCode) =>
      entry(home, 'refused', {
        decision: movedTo ? { ...refused, movedTo } : refused,
        details: {},
      }),
    concluded: (outcome: 'executed' | 'refused' = 'executed') =>
      entry(serving, 'concluded', { decision: outcome === 'executed' ? executed : refused }),
  };
}

/** The entry told again: another place in the log, and another day. */
export function toldAgain(entry: LogEntry, changes: Partial<LogEntry> = {}): LogEntry {
  seq += 1;
  return { ...entry, seq, id: systemIds.uuid(), ...changes };
}
