import { expect } from 'chai';
import { z } from 'zod';
import { DomainError } from '../../../shared/problem/problem.ts';
import { instantOf, now } from '../../../shared/time/clock.ts';
import { deleteAnswersBefore } from '../../../shared/web/idempotency-store.ts';
import { type ApiFixture, apiFixture } from './api-fixture.ts';

const dayMs = 86_400_000;

describe('idempotency', () => {
  let fixture: ApiFixture;
  let token: string;
  let runs: number;
  let isRefusing: boolean;
  let isRefusedBefore: boolean;

  beforeEach(async () => {
    fixture = await apiFixture();
    token = await fixture.signIn('boris');
    runs = 0;
    isRefusing = false;
    isRefusedBefore = false;
    const body = z.strictObject({ a: z.unknown(), b: z.string().default('b') });
    fixture.api.endpoint(
      {
        ...{ method: 'POST', path: '/api/v1/things/{id}', permission: 'signed-in', tag: 'Test' },
        ...{ operationId: 'make', summary: 'Make', idempotent: true, status: 202, body },
        params: z.strictObject({ id: z.string() }),
        response: z.strictObject({ run: z.number(), key: z.string().optional() }),
      },
      ({ idempotency }) => {
        if (isRefusedBefore) throw new DomainError('unknown-number');
        return idempotency.write(async (_, { key }) => {
          runs += 1;
          if (isRefusing) throw new DomainError('insufficient-balance');
          return { run: runs, ...(key === undefined ? {} : { key }) };
        });
      },
    );
  });
  afterEach(() => fixture.close());

  function make(body: unknown, key?: string, path = '/api/v1/things/1', as = token) {
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
    return fixture.send('POST', path, { token: as, body, headers });
  }

  it('answers a repeat as the first time, without doing it again', async () => {
    const first = await make({ a: 1, b: 'x' }, 'key 1');
    const repeat = await make({ b: 'x', a: 1 }, 'key 1');
    expect([first.status, first.json]).to.deep.equal([202, { run: 1, key: 'key 1' }]);
    expect([repeat.status, repeat.text]).to.deep.equal([202, first.text]);
    expect(first.headers.get('idempotent-replayed')).to.equal(null);
    expect(repeat.headers.get('idempotent-replayed')).to.equal('true');
    expect(runs).to.equal(1);
  });

  it('answers a repeat as the first time, though what is checked before is refused by now', async () => {
    const first = await make({ a: 1 }, 'k');
    isRefusedBefore = true;
    expect((await make({ a: 1 }, 'k')).text).to.equal(first.text);
    expect((await make({ a: 1 }, 'new')).json.code).to.equal('unknown-number');
  });

  it('refuses the key for another body, even where only a default tells them apart', async () => {
    await make({ a: 1 }, 'k');
    for (const body of [{ a: 2 }, { a: 1, b: 'b' }]) {
      const answer = await make(body, 'k');
      expect([answer.status, answer.json.code]).to.deep.equal([422, 'idempotency-key-reused']);
    }
    expect(runs).to.equal(1);
  });

  it('keeps keys of other paths and other people apart', async () => {
    const other = await fixture.signIn('anna');
    await make({ a: 1 }, 'k');
    expect((await make({ a: 2 }, 'k', '/api/v1/things/2')).json.run).to.equal(2);
    expect((await make({ a: 3 }, 'k', '/api/v1/things/1', other)).json.run).to.equal(3);
  });

  it('does it once for many at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => make({ a: 1 }, 'k')));
    expect(new Set(all.map(({ text }) => text)).size).to.equal(1);
    expect(runs).to.equal(1);
  });

  it('does it every time without a key', async () => {
    expect((await make({ a: 1 })).json).to.deep.equal({ run: 1 });
    expect((await make({ a: 1 })).json).to.deep.equal({ run: 2 });
  });

  it('lets a refused request be tried again', async () => {
    isRefusing = true;
    expect((await make({ a: 1 }, 'k')).status).to.equal(409);
    isRefusing = false;
    expect((await make({ a: 1 }, 'k')).json.run).to.equal(2);
  });

  it('refuses a key that is empty, too long or not ASCII', async () => {
    for (const key of ['', 'x'.repeat(129), 'ключ'.normalize('NFKD').replace(/./g, 'é')]) {
      const answer = await make({ a: 1 }, key);
      expect(answer.status, key).to.equal(400);
      expect(answer.json.errors[0].field).to.equal('Idempotency-Key');
    }
    expect((await make({ a: 1 }, 'x'.repeat(128))).status).to.equal(202);
  });

  it('refuses a text without a canonical form', async () => {
    const answer = await make({ a: '\ud800' }, 'k');
    expect([answer.status, answer.json.code]).to.deep.equal([400, 'invalid-input']);
  });

  it('keeps answers for seven days at least, and forgets them later', async () => {
    await make({ a: 1 }, 'k');
    const purge = () => fixture.store.write(fixture.api.purgeIdempotencyKeys);
    fixture.clock.advance(7 * dayMs);
    expect(await purge()).to.equal(0);
    token = await fixture.signIn('boris');
    expect((await make({ a: 1 }, 'k')).json.run).to.equal(1);
    fixture.clock.advance(1 * dayMs + 1);
    expect(await purge()).to.equal(1);
    token = await fixture.signIn('boris');
    expect((await make({ a: 1 }, 'k')).json.run).to.equal(2);
  });

  it('forgets nothing that came after what is kept, whatever the clock said when it came', async () => {
    const purge = () => fixture.store.write(fixture.api.purgeIdempotencyKeys);
    await make({ a: 1 }, 'before');
    for (const wrongMs of [-9 * dayMs, 9 * dayMs]) {
      fixture.clock.advance(wrongMs);
      token = await fixture.signIn('boris');
      await make({ a: 1 }, `wrong by ${wrongMs}`);
      fixture.clock.advance(-wrongMs);
    }
    expect(await purge()).to.equal(0);
    fixture.clock.advance(8 * dayMs + 1);
    expect(await purge()).to.equal(2);
  });

  it('forgets what is old behind any number that a clock far ahead has dated', async () => {
    const yearMs = 365 * dayMs;
    fixture.clock.advance(yearMs);
    token = await fixture.signIn('boris');
    for (const key of ['1', '2']) await make({ a: 1 }, key);
    fixture.clock.advance(-yearMs);
    token = await fixture.signIn('boris');
    await make({ a: 1 }, 'old');
    fixture.clock.advance(8 * dayMs + 1);
    const before = instantOf(fixture.clock.nowMs() - 8 * dayMs);
    const page = { before, at: now(fixture.clock), limit: 2 };
    expect(await fixture.store.write((tx) => deleteAnswersBefore(tx, page))).to.equal(1);
  });
});
