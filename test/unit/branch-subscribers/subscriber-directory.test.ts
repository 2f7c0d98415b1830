import { expect } from 'chai';
import type { SubscriberChange } from '../../../branch-node/subscribers/subscriber.ts';
import { historyFrom } from '../../../branch-node/subscribers/subscriber-card.ts';
import { actorHeader, signActor } from '../../../shared/federation/actor.ts';
import { refusalBy } from '../../support/federation-keys.ts';
import {
  by,
  clerk,
  ivanov,
  msk,
  openBranches,
  principal,
  simCard,
  spb,
} from './branches-fixture.ts';

const msisdn = '79250000001';
const path = `/peer/v1/subscribers/${msisdn}`;
const reader = principal('subscriber.read');
const cashier = principal('payment.take');

const simChange: SubscriberChange = {
  what: 'sim',
  before: null,
  after: simCard(1, 1).iccid,
  ...{ operationId: 'o', actorName: 'A', branch: msk, occurredAt: '2026-01-01T00:00:00.000Z' },
};

describe('the directory of subscribers', () => {
  let federation: Awaited<ReturnType<typeof openBranches>>;
  beforeEach(async () => {
    federation = await openBranches();
    await federation.msk.stock([simCard(1, 1), simCard(1, 2)], [msisdn]);
    await federation.spb.stock([simCard(2, 1)]);
    await federation.msk.register(msisdn, simCard(1, 1).iccid);
  });
  afterEach(() => federation.close());

  const audited = async () => {
    const { store, audit } = federation.msk;
    const entries = await store.read((tx) => audit.list(tx, { limit: 10 }));
    return entries
      .filter(({ actor }) => actor.node === spb)
      .map(({ action, subject, outcome, detail }) => ({ action, subject, outcome, detail }));
  };

  it('shows the same card at every branch, and the home branch knows who looked', async () => {
    const card = await federation.spb.directory.card(msisdn, clerk);
    expect(card).to.deep.equal(await federation.msk.card(msisdn));
    expect(card).to.deep.equal(await federation.msk.directory.card(msisdn, clerk));
    expect(card.customer).to.deep.include(ivanov);
    expect(await audited()).to.deep.equal([
      { action: 'subscriber.look-up', subject: msisdn, outcome: 'done', detail: undefined },
    ]);
  });

  it('shows no more than the permissions allow', async () => {
    const card = await federation.spb.directory.card(msisdn, reader);
    expect(card.customer).to.deep.equal({ number: 'MSK-1', name: 'И•••• И.', incomplete: false });
    expect(card.sim.iccid).to.match(/^8970•+/);
    const refusal = await refusalBy(federation.spb.directory.card(msisdn, cashier));
    expect(refusal.code).to.equal('not-permitted');
    const [denied] = await audited();
    expect(denied).to.deep.include({ outcome: 'denied', detail: { reason: 'not-permitted' } });
  });

  it('tells what became of a subscriber at any branch, cards masked as on the card', async () => {
    const seen = await federation.spb.directory.history(msisdn, clerk);
    expect(seen).to.deep.equal(await federation.msk.directory.history(msisdn, clerk));
    expect(seen.items.map(({ what, after }) => [what, after])).to.deep.equal([['start', 'BASIC']]);
    const refusal = await refusalBy(federation.spb.directory.history(msisdn, cashier));
    expect(refusal.code).to.equal('not-permitted');
    expect(historyFrom([simChange], new Set()).items[0]?.after).to.match(/^8970•+/);
  });

  it('says who is paid, masked, and what it cannot verify', async () => {
    const known = {
      ...{ verified: true, homeBranch: 'MSK', status: 'active', name: 'И•••• И.', currency: 'RUB' },
    };
    expect(await federation.spb.directory.payability(msisdn, cashier)).to.deep.equal(known);
    expect(await federation.msk.directory.payability(msisdn, cashier)).to.deep.equal(known);
    const unknown = federation.spb.directory.payability('79250000009', cashier);
    expect((await refusalBy(unknown)).code).to.equal('unknown-number');

    federation.network.cut.add(msk);
    const unverified = await federation.spb.directory.payability(msisdn, cashier);
    expect(unverified).to.deep.equal({ verified: false });
    const refusal = await refusalBy(federation.spb.directory.card(msisdn, reader));
    expect(refusal.code).to.equal('home-unreachable');
  });

  it('finds by document at another branch only for who may see documents', async () => {
    const { number } = ivanov.document;
    const items = await federation.spb.directory.searchAt(msk, number, clerk);
    expect(items.map(({ name }) => name)).to.deep.equal(['И•••• И.']);
    const refusal = await refusalBy(federation.spb.directory.searchAt(msk, number, reader));
    expect(refusal.code).to.equal('not-permitted');
    const [denied, done] = await audited();
    expect([denied?.outcome, done?.outcome]).to.deep.equal(['denied', 'done']);
  });

  it('finds at another branch by name, masked for everybody, and that branch knows who asked', async () => {
    const { spb: away, network } = federation;
    const found = { msisdn, status: 'active', name: 'И•••• И.', customerNumber: 'MSK-1' };
    for (const person of [clerk, reader]) {
      const items = await away.directory.searchAt(msk, 'иванов', person);
      expect(items).to.deep.equal([{ ...found, ratePlan: 'BASIC', homeBranch: 'MSK' }]);
    }
    expect(await away.directory.searchAt(msk, msisdn.slice(-4), reader)).to.have.length(1);
    expect(await away.directory.searchAt(msk, 'петров', reader)).to.deep.equal([]);
    expect(await audited()).to.deep.include({
      ...{ action: 'subscriber.search', subject: undefined, outcome: 'done', detail: undefined },
    });
    expect(await away.directory.searchAt(msk, 'MSK-1', reader)).to.have.length(1);
    for (const query of ['ив', msisdn, 'SPB-1']) {
      const refusal = await refusalBy(away.directory.searchAt(msk, query, clerk));
      expect(refusal.code, query).to.equal('invalid-input');
    }
    const denied = await refusalBy(away.directory.searchAt(msk, 'иванов', cashier));
    expect(denied.code).to.equal('not-permitted');
    network.cut.add(msk);
    const gone = await refusalBy(away.directory.searchAt(msk, 'иванов', reader));
    expect(gone.code).to.equal('home-unreachable');
  });

  it('does not ask a branch that is known to be away', async () => {
    federation.network.cut.add(msk);
    await federation.spb.federation.liveness.probe();
    federation.network.cut.delete(msk);
    federation.network.asked.length = 0;
    const unverified = await federation.spb.directory.payability(msisdn, cashier);
    expect(unverified).to.deep.equal({ verified: false });
    // A node that waits for a peer's past goes on asking for that.
    const asked = federation.network.asked.filter((question) => !/recovery$/.test(question));
    expect(asked).to.deep.equal([]);
  });

  it('follows a number that has moved', async () => {
    const wish = { msisdn, iccid: simCard(2, 1).iccid, whose: { customer: ivanov } };
    const { spb: away, msk: home } = federation;
    const { id } = await away.write((tx) => away.desk.moveNumber(tx, wish, by));
    await away.concluded(id);
    const card = await home.directory.card(msisdn, clerk);
    expect(card).to.include({ homeBranch: 'SPB', status: 'active' });
    // A third branch asks by the numbering plan; the old home sends it on.
    const asked = await refusalBy(away.questions.ask(msk, clerk, { method: 'GET', path }));
    expect([asked.code, asked.members]).to.deep.equal(['subscriber-moved', { movedTo: 'SPB' }]);
  });

  describe('at the home branch', () => {
    const signed = (changes: { path?: string; to?: typeof msk } = {}) =>
      signActor(federation.spb, {
        to: changes.to ?? msk,
        actor: { operator: 'op-1', name: 'Ольга', permissions: ['subscriber.read'] },
        request: { method: 'GET', path: changes.path ?? path },
      });
    const get = async (assertion: string | undefined, caller = spb) => {
      const response = await federation.msk.app.fetch(
        new Request(`https://msk.test${path}`, {
          headers: assertion === undefined ? {} : { [actorHeader]: assertion },
        }),
        { caller, address: 'test' },
      );
      return [response.status, JSON.parse(await response.text()).code];
    };

    it('an assertion opens the record once', async () => {
      const assertion = await signed();
      expect(await get(assertion)).to.deep.equal([200, undefined]);
      expect(await get(assertion)).to.deep.equal([409, 'replayed']);
      expect(await audited()).to.have.length(1);
    });

    it('an assertion must be there, for this request and this branch', async () => {
      expect(await get(undefined)).to.deep.equal([403, 'peer-refused']);
      expect(await get(await signed({ path: `${path}1` }))).to.deep.equal([403, 'peer-refused']);
      expect(await get(await signed({ to: spb }))).to.deep.equal([403, 'peer-refused']);
      expect(await audited()).to.deep.equal([]);
    });
  });
});
