import { expect } from 'chai';
import {
  cash,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';
import { pageText } from '../support/page-text.ts';

const codes = ['MSK', 'SPB', 'NSK'] as const;
const reason = 'Its building burnt down, there is no backup.';

/** Head office forgets a settlement, and St Petersburg, whose legs it forgot as well, is never there again. */
describe('a settlement that head office lost together with a branch', function () {
  this.timeout(240_000);
  let federation: TestFederation;

  before(async () => {
    federation = await startFederation(codes);
  });
  after(() => federation.stop());

  const manager = (code: string) => federation.branch(code).manager;
  const hq = () => federation.hq.manager;

  async function ok(asked: Promise<{ status: number; body: unknown }>): Promise<void> {
    const { status, body } = await asked;
    expect(status, JSON.stringify(body)).to.be.lessThan(300);
  }

  async function openWindow(): Promise<string | undefined> {
    const { items } = (await hq().get('/api/v1/settlement-windows')).body;
    return items.find(({ state }: { state: string }) => state === 'OPEN')?.id;
  }

  async function settled(): Promise<string> {
    const id = await openWindow();
    await ok(hq().post(`/api/v1/settlement-windows/${id}/close`));
    const made = await hq().post('/api/v1/settlements', { windowIds: [id] });
    await ok(federation.deputy.post(`/api/v1/settlements/${made.body.id}/approval`));
    for (const code of codes) {
      await until(`${code} confirms`, async () => {
        const { body } = await manager(code).get(`/api/v1/settlements/${made.body.id}`);
        return body.state === 'confirmed';
      });
    }
    return made.body.id;
  }

  const lost = async () => (await hq().get('/api/v1/lost-settlements')).body.items;
  const books = async () => (await hq().get('/api/v1/trial-balance')).body;

  it('stands as the others have checked it, once two people no longer wait', async () => {
    const backup = await federation.backup('HQ');
    const [a, b] = [
      await registerSubscriber(federation.branch('MSK')),
      await registerSubscriber(federation.branch('NSK')),
    ];
    for (const [at, msisdn, amount] of [
      ['SPB', a, '1000.00'],
      ['SPB', b, '200.00'],
      ['NSK', a, '50.00'],
    ] as const) {
      await ok(manager(at).post('/api/v1/payments', { msisdn, ...cash(amount) }));
    }
    await federation.untilQuiet();
    const id = await settled();
    await federation.untilQuiet();
    const before = await books();

    for (const code of ['SPB', 'HQ']) await federation.stopNode(code);
    await federation.restore('HQ', backup);
    await federation.startNode('HQ');
    await until('the others have answered', async () => {
      const { body } = await hq().get('/api/v1/recovery');
      return body.awaited.length === 1;
    });
    for (const by of [hq(), federation.deputy]) {
      await ok(by.post('/api/v1/recovery/override', { reason }));
    }
    await until('what the other two did comes back by itself', async () => {
      const [found] = await lost();
      return found?.positions.length === 2;
    });
    type Side = { branch: string; outcomeWithout: string | null };
    await until('they have said what they hold', async () => {
      const [{ positions }] = await lost();
      return positions.every(({ sides }: { sides: Side[] }) =>
        sides.some(({ branch, outcomeWithout }) => branch === 'SPB' && outcomeWithout === 'upheld'),
      );
    });
    await until('Petersburg is known to be away', async () => {
      const [{ positions }] = await lost();
      return positions.every(({ sides }: { sides: { branch: string; gone: boolean }[] }) =>
        sides.every(({ branch, gone }) => gone === (branch === 'SPB')),
      );
    });
    const window = await hq().post(`/api/v1/settlement-windows/${await anyWindow()}/close`);
    expect(window.body.code).to.be.oneOf(['recovering', 'window-not-open']);

    await decideWithout('SPB', id);
    await until('nothing is lost any more', async () => (await lost()).length === 0);
    const after = await books();
    expect(after.balanced).to.equal(true);
    expect(after.items).to.deep.equal(before.items);
    await ok(manager('MSK').post('/api/v1/payments', { msisdn: b, ...cash('1.00') }));
    await until('a window is open', async () => (await openWindow()) !== undefined);
    await ok(hq().post(`/api/v1/settlement-windows/${await openWindow()}/close`));

    // It is there again after all, tells what it had told, and nothing is owed twice.
    await federation.startNode('SPB');
    await federation.untilQuiet();
    expect((await books()).balanced).to.equal(true);
    const nodes = codes.map((code) => ({ code, store: federation.running(code).store }));
    expect(await moneyFaults(nodes)).to.deep.equal([]);
    const { matrix } = (await hq().get(`/api/v1/settlements/${id}`)).body;
    expect(matrix.map(({ count }: { count: number }) => count)).to.deep.equal([1, 1, 1, 1, 1, 1]);
    const { items } = (await hq().get(`/api/v1/settlements/${id}/obligations`)).body;
    expect(items).to.have.length(3);
  });

  /** One proposes it for each position, another approves. */
  async function decideWithout(without: string, id: string): Promise<void> {
    const shown = await pageText(federation.hq.url, { path: '/lost-settlements' });
    expect(shown)
      .to.contain(`${without}, not there: has not answered`)
      .and.contain(`Go on without ${without}`);
    for (const { branch, peer } of (await lost())[0].positions) {
      const path = `/api/v1/lost-settlements/${id}/decisions`;
      const body = { branch, peer, without, reason };
      const other = branch === without ? peer : branch;
      const refused = await hq().post(path, { ...body, without: other });
      expect(refused.body.code).to.equal('settlement-conflict');
      const proposed = await hq().post(path, body);
      await ok(Promise.resolve(proposed));
      const approval = { proposal: proposed.body.decision.id };
      const own = await hq().post(`${path}/approval`, approval);
      expect(own.body.code).to.equal('same-person');
      await ok(federation.deputy.post(`${path}/approval`, approval));
    }
  }

  async function anyWindow(): Promise<string> {
    return (await hq().get('/api/v1/settlement-windows')).body.items[0].id;
  }
});
