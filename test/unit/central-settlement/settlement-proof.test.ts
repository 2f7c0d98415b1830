import { expect } from 'chai';
import { createSettlementProof } from '../../../shared/audit/settlement-proof.ts';
import { headOffice, systemIds } from '../../../shared/ids/ids.ts';
import { type JsonObject, type LogEntry, logEntry } from '../../../shared/wire/peer-messages.ts';
import { operationEntries } from './entries-fixture.ts';
import { msk, reference, spb, today } from './settlement-fixture.ts';

const settlementId = 's-1';
const epoch = 'e'.repeat(32);
const at = '2025-06-30T09:00:00.000Z';

function told(seq: number, kind: string, body: JsonObject): LogEntry {
  return logEntry.parse({
    ...{ node: headOffice, epoch, seq, id: systemIds.uuid(), kind, to: [msk, spb] },
    ...{ operationId: settlementId, occurredAt: at, recordedAt: at, businessDate: today, body },
  });
}

describe('the proof of a settlement', () => {
  const sums = { count: 1, gross: '-50000', commission: '750', fees: '0', net: '-49250' };
  const completed = told(1, 'settlement.completed', {
    ...{ settlementId, currency: 'RUB', model: 'multilateral', windows: ['w'] },
    ...{ madeBy: 'a', approvedBy: 'b', completedAt: at, positions: [{ peer: spb, ...sums }] },
  });
  const recalled = told(2, 'settlement.recalled', { settlementId, branches: [msk, spb] });
  const checked = (...entries: LogEntry[]) => {
    const proof = createSettlementProof(settlementId);
    for (const entry of entries) {
      proof.onEntry(entry, { node: headOffice, to: msk, epoch, position: entry.seq });
    }
    return () => proof.check([]);
  };

  it('refutes a cancellation that two branches signed of itself, or of one another', () => {
    const money = { amount: '500.00', currency: 'RUB' };
    const ids = [systemIds.uuid(), systemIds.uuid()] as const;
    for (const [id, payment] of [[ids[0], ids[0]] as const, ids]) {
      const entries = [
        { id, payment },
        { id: payment, payment: id },
      ].flatMap((one) => {
        const { accepted, executed } = operationEntries({
          ...{ id: one.id, kind: 'payment-cancellation' },
          request: { payment: one.payment, money, reason: 'none' },
          result: { reversed: true, money },
        });
        return [accepted(), executed()];
      });
      const proof = createSettlementProof(settlementId);
      for (const entry of [...entries, completed]) {
        proof.onEntry(entry, { node: entry.node, to: msk, epoch, position: entry.seq });
      }
      proof.addObligation({
        ...{ type: 'obligation', settlementId, operationId: id, attempt: 1 },
        kind: 'payment-cancellation',
        ...{ debtor: spb, creditor: msk, currency: 'RUB' },
        ...{ gross: 50_000n, commission: 750n, fee: 0n, net: 49_250n },
      });
      expect(() => proof.check([reference])).to.throw(/what it makes owed is not what was settled/);
    }
  });

  it('wants no operations of a position that head office took back', () => {
    expect(checked(completed)).to.throw('its positions are not what the operations come to');
    expect(checked(completed, recalled)).not.to.throw();
  });
});
