import { expect } from 'chai';
import { createSettlementProof } from '../../../shared/audit/settlement-proof.ts';
import { headOffice, systemIds } from '../../../shared/ids/ids.ts';
import { type JsonObject, type LogEntry, logEntry } from '../../../shared/wire/peer-messages.ts';
import { msk, spb, today } from './settlement-fixture.ts';

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

  it('wants no operations of a position that head office took back', () => {
    expect(checked(completed)).to.throw('its positions are not what the operations come to');
    expect(checked(completed, recalled)).not.to.throw();
  });
});
