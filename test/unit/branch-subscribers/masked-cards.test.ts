import { expect } from 'chai';
import type { OperationRecord } from '../../../branch-node/operations/operation.ts';
import type { OperationId } from '../../../shared/ids/ids.ts';
import { ivanov, msk, openBranches, simCard, today } from './branches-fixture.ts';
import { frontOf } from './front-fixture.ts';

const msisdn = '79250000001';

describe('who registers and replaces cards without subscriber.personal', () => {
  let federation: Awaited<ReturnType<typeof openBranches>>;
  beforeEach(async () => {
    federation = await openBranches();
  });
  afterEach(() => federation.close());

  it('is told no card in full by what he did', async () => {
    const front = await frontOf(federation.msk);
    const card = simCard(1, 1);
    await front('POST', 'sim-cards', { body: { cards: [card] } });
    await front('POST', 'numbers', { body: { numbers: [msisdn] } });
    const body = { iccid: card.iccid, ratePlan: 'BASIC', customer: ivanov };
    const made = await front('POST', 'subscribers', { as: 'shop', body });
    expect(made.status, JSON.stringify(made.json)).to.equal(201);
    expect(JSON.stringify(made.json)).to.include('•').and.not.include(card.imsi);
  });

  it('is told none when it comes back under its key', async () => {
    const card = simCard(1, 2);
    const record: OperationRecord = {
      ...{ id: '1' as OperationId, kind: 'sim-replacement', serving: msk, home: msk, attempt: 1 },
      ...{ msisdn, businessDate: today, occurredAt: '2025-06-30T09:00:00.000Z', release: 1 },
      ...{ actor: { id: 'a', name: 'A' }, request: { ...card }, details: {}, state: 'accepted' },
    };
    const front = await frontOf(federation.msk, async () => record);
    const body = { msisdn, iccid: card.iccid };
    const made = await front('POST', 'sim-replacements', { as: 'shop', body, key: 'k' });
    expect(made.status, JSON.stringify(made.json)).to.equal(201);
    expect(JSON.stringify(made.json)).to.include('•').and.not.include(card.imsi);
  });
});
