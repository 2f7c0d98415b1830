import { expect } from 'chai';
import { plansOf } from '../../support/query-plans.ts';
import { type AccessFixture, accessFixture } from './access-fixture.ts';

const actor = { id: 'o-1', name: 'Anna', node: 'MSK' };

describe('the audit trail', () => {
  let fixture: AccessFixture;
  before(async () => {
    fixture = await accessFixture();
    await fixture.store.write(async (tx) => {
      for (let count = 1; count <= 5; count += 1) {
        await fixture.audit.record(tx, {
          ...{ actor, action: count % 2 ? 'sim.replace' : 'day.close', outcome: 'done' },
          ...{ subject: `s-${count}`, detail: { count, password: 'secret!' } },
        });
      }
    });
  });
  after(() => fixture.close());

  const list = (query: { before?: number; limit: number; action?: string; subject?: string }) =>
    fixture.store.read((tx) => fixture.audit.list(tx, query));

  it('lists newest first, in pages by position', async () => {
    const first = await list({ limit: 2 });
    expect(first.map(({ subject }) => subject)).to.deep.equal(['s-5', 's-4']);
    const rest = await list({ limit: 10, before: first.at(-1)?.position ?? 0 });
    expect(rest.map(({ subject }) => subject)).to.deep.equal(['s-3', 's-2', 's-1']);
  });

  it('filters', async () => {
    const closed = await list({ limit: 10, action: 'day.close' });
    expect(closed.map(({ subject }) => subject)).to.deep.equal(['s-4', 's-2']);
    const [third] = await list({ limit: 10, subject: 's-3' });
    expect(third).to.deep.include({ actor, at: '2025-06-30T09:00:00.000Z', outcome: 'done' });
  });

  it('finds by each filter along an index, however long the trail', async () => {
    const [action, actor, subject] = ['day.close', 'o-1', 's-1'];
    for (const [by, filter] of [
      ['action', { action }],
      ['actor', { actor }],
      ['actor', { actor, action }],
      ['subject', { subject }],
      ['subject', { subject, action }],
      ['subject', { subject, actor, action }],
    ] as const) {
      const query = { ...filter, before: 5, limit: 10 };
      const steps = await plansOf(fixture.store, (tx) => fixture.audit.list(tx, query));
      expect(steps.join('\n'), JSON.stringify(filter)).to.include(`INDEX audit_entries_by_${by} `);
    }
  });

  it('holds no secrets', async () => {
    const [entry] = await list({ limit: 1 });
    expect(entry?.detail).to.deep.equal({ count: 5, password: '[redacted]' });
  });

  for (const sql of ["UPDATE audit_entries SET outcome = 'failed'", 'DELETE FROM audit_entries']) {
    it(`refuses ${sql.split(' ')[0]}`, async () => {
      const error = await fixture.store
        .write((tx) => tx.run(sql))
        .catch((thrown: unknown) => thrown);
      expect(String(error)).to.include('append-only');
      expect((await list({ limit: 10 })).length).to.equal(5);
    });
  }
});
