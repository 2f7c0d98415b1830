import { expect } from 'chai';
import { type OperationId, systemIds } from '../../../shared/ids/ids.ts';
import { accounts } from '../../../shared/ledger/ledger.ts';
import { ledgerFaults } from '../../../shared/ledger/ledger-store.ts';
import type { LogEntry } from '../../../shared/wire/peer-messages.ts';
import { refusalBy } from '../../support/federation-keys.ts';
import {
  type Branch,
  by,
  ivanov,
  msk,
  nsk,
  openBranch,
  openBranches,
  simCard,
  spb,
  today,
  until,
} from './branches-fixture.ts';
import { reference, referenceWith } from './reference-fixture.ts';

const msisdn = '79250000001';
const oldCard = simCard(1, 1);
const mskCard = simCard(1, 2);
const spbCard = simCard(2, 1);
const petrov = { ...ivanov, name: 'Петров Пётр', contact: 'petrov@example.org' };

describe('operations between branches', () => {
  let federation: Awaited<ReturnType<typeof openBranches>>;
  let home: Branch;
  let away: Branch;
  beforeEach(async () => {
    federation = await openBranches();
    home = federation.msk;
    away = federation.spb;
    await home.stock([oldCard, mskCard], [msisdn, '79250000002']);
    await away.stock([spbCard]);
    await home.register(msisdn, oldCard.iccid);
  });
  afterEach(async () => {
    for (const branch of [home, away]) {
      expect(await branch.store.read(ledgerFaults)).to.deep.equal([]);
    }
    await federation.close();
  });

  const replaceAway = () =>
    away.write((tx) => away.desk.replaceSim(tx, { msisdn, iccid: spbCard.iccid }, by));
  const moveAway = (ratePlan?: string) =>
    away.write((tx) =>
      away.desk.moveNumber(
        tx,
        { msisdn, iccid: spbCard.iccid, ratePlan, whose: { customer: petrov } },
        by,
      ),
    );

  /**
   * The branch is lost and comes back empty: its own log, as its peers hold it, is done again,
   * twice.
   */
  async function restored(
    branch: Branch,
    inOrder: (entries: LogEntry[]) => LogEntry[] = (entries) => entries,
  ): Promise<Branch> {
    const entries = inOrder(await branch.ownEntries());
    const fresh = await openBranch(
      branch.node,
      { ...federation.network, join: () => {} },
      federation.keys,
    );
    for (const entry of [...entries, ...entries]) {
      await fresh.write(async (tx) => fresh.replayers.get(entry.kind)?.(tx, entry));
    }
    return fresh;
  }

  describe('a SIM replacement', () => {
    it('gives a card of the serving branch for a fee at the home branch', async () => {
      await home.topUp(msisdn, 25_000n);
      const { id, state } = await replaceAway();
      expect(state).to.equal('accepted');
      expect(await away.simState(spbCard.iccid)).to.equal('reserved');

      const { decision } = await away.concluded(id);
      expect(decision?.outcome).to.equal('executed');
      expect(await away.simState(spbCard.iccid)).to.equal('transferred');
      expect(await home.simState(spbCard.iccid)).to.equal('in-use');
      expect(await home.simState(oldCard.iccid)).to.equal('retired');
      const card = await home.card(msisdn);
      expect(card.sim).to.deep.equal(spbCard);
      expect(card.balance.amount).to.equal('150.00');
      expect((await home.balances())[accounts.revenue]).to.equal(-10_000n);
      expect(await away.balances(), 'no money at the serving branch').to.deep.equal({});
    });

    it('puts the card back on the shelf when the home branch refuses', async () => {
      const { id } = await replaceAway();
      const { decision } = await away.concluded(id);
      expect(decision).to.deep.equal({ outcome: 'refused', reason: 'insufficient-balance' });
      expect(await away.simState(spbCard.iccid)).to.equal('in-stock');
      expect(await home.simState(oldCard.iccid)).to.equal('in-use');
    });

    it('offers a card once', async () => {
      await replaceAway();
      expect((await refusalBy(replaceAway())).code).to.equal('sim-not-available');
    });

    it('is refused for a card that the home branch knows', async () => {
      await home.topUp(msisdn, 25_000n);
      await away.stock([{ ...mskCard, imsi: simCard(2, 7).imsi }]);
      const { id } = await away.write((tx) =>
        away.desk.replaceSim(tx, { msisdn, iccid: mskCard.iccid }, by),
      );
      const { decision } = await away.concluded(id);
      expect(decision).to.deep.equal({ outcome: 'refused', reason: 'sim-not-available' });
    });
  });

  describe('a registration at another branch', () => {
    const wish = { iccid: spbCard.iccid, ratePlan: 'BASIC', homeBranch: msk };
    const register = async (changes: object = {}, requestId = 'request-1') => {
      const asked = { ...wish, whose: { customer: petrov }, ...changes };
      const at = await away.store.read((tx) => away.desk.homeOfWish(tx, asked));
      const elsewhere = await away.desk.enterElsewhere(at, asked, { by, requestId });
      return away.write((tx) => away.desk.register(tx, asked, { by, elsewhere }));
    };

    it('keeps the person at home, and takes the card from the serving branch', async () => {
      const record = await register();
      expect(record).to.include({ home: 'MSK', serving: 'SPB', msisdn: '79250000002' });
      expect((await away.concluded(record.id)).decision?.outcome).to.equal('executed');
      const card = await home.card('79250000002');
      expect(card.customer).to.include({ name: 'Петров Пётр', number: 'MSK-2' });
      expect(card.sim).to.deep.equal(spbCard);
      expect(await away.simState(spbCard.iccid)).to.equal('transferred');
      const kept = await away.store.read((tx) => tx.all('SELECT * FROM customers'));
      expect(kept, 'nothing personal stays').to.deep.equal([]);
      expect(JSON.stringify(await away.ownEntries())).not.to.include('Петров');
      const [entry] = await home.store.read((tx) => home.audit.list(tx, { limit: 1 }));
      expect(entry).to.deep.include({ action: 'customer.receive', outcome: 'done' });
      expect(entry?.actor).to.deep.equal({ id: 'op-1', name: 'Ольга', node: 'SPB' });
    });

    it('asked again, enters the same customer with the same number', async () => {
      const asked = { ...wish, whose: { customer: petrov } };
      const ask = (requestId: string) => away.desk.enterElsewhere(msk, asked, { by, requestId });
      const first = await ask('same');
      expect(await ask('same')).to.deep.equal(first);
      expect((await refusalBy(ask('another'))).code, 'one number is free').to.equal('number-taken');
    });

    it('takes nobody in, nor sends him away, while it would be refused', async () => {
      const customers = (branch: Branch) =>
        branch.store.read((tx) => tx.all('SELECT id FROM customers'));
      const before = await customers(home);
      home.age(100 * 3_600_000);
      expect((await refusalBy(register())).code).to.equal('home-unreachable');
      home.age(0);
      home.doubt();
      expect((await refusalBy(register())).code).to.equal('home-unreachable');
      expect(await customers(home)).to.deep.equal(before);
      const asked = federation.network.asked.length;
      away.doubt();
      expect((await refusalBy(register())).code).to.equal('past-uncertain');
      expect(federation.network.asked.slice(asked).join()).not.to.include('customers');
    });

    it('refuses before personal data leaves the desk', async () => {
      const code = async (changes: object) => (await refusalBy(register(changes))).code;
      expect(await code({ ratePlan: 'NONE' })).to.equal('unknown-rate-plan');
      expect(await code({ iccid: simCard(2, 9).iccid })).to.equal('sim-not-found');
      expect(await code({ homeBranch: 'XXX' })).to.equal('branch-not-found');
      expect(await code({ msisdn: '79231000001' })).to.equal('invalid-input');
      expect(federation.network.asked.filter((each) => each.includes('customers'))).to.deep.equal(
        [],
      );
      expect(await code({ msisdn })).to.equal('number-taken');
      federation.network.cut.add(msk);
      expect(await code({})).to.equal('home-unreachable');
    });
  });

  describe('a number move', () => {
    it('takes number, services and balance along, to the kopeck', async () => {
      await home.topUp(msisdn, 16_001n);
      await home.write((tx) =>
        home.desk.changeService(tx, { msisdn, service: 'VOICEMAIL', action: 'on' }, by),
      );
      const { id } = await moveAway('UNLIMITED');
      expect((await away.concluded(id)).decision?.outcome).to.equal('executed');

      const card = await away.card(msisdn);
      expect(card).to.deep.include({
        ...{ homeBranch: 'SPB', status: 'active', ratePlan: 'UNLIMITED', sim: spbCard },
        ...{ services: ['CALLER-ID', 'MUSIC', 'VOICEMAIL'] },
        balance: { amount: '100.01', currency: 'RUB' },
      });
      expect(card.customer).to.include({ name: 'Петров Пётр', number: 'SPB-1' });
      expect(await home.balances()).to.deep.include({
        ...{ subscribers: 0n, [accounts.clearing(spb)]: -10_001n },
      });
      expect(await away.balances()).to.deep.equal({
        ...{ subscribers: -10_001n, [accounts.clearing(msk)]: 10_001n },
      });
      const refusal = await refusalBy(
        home.store.read((tx) => home.subscribers.requireHere(tx, msisdn)),
      );
      expect([refusal.code, refusal.members]).to.deep.equal([
        'subscriber-moved',
        { movedTo: 'SPB' },
      ]);
      expect(await home.store.read((tx) => home.subscribers.homeOf(tx, msisdn))).to.equal('SPB');
      expect(await home.simState(oldCard.iccid)).to.equal('retired');
      expect(await away.simState(spbCard.iccid)).to.equal('in-use');
    });

    it('posts nothing without a balance, and keeps the plan unless another is wanted', async () => {
      const { id } = await moveAway();
      await away.concluded(id);
      expect(await away.card(msisdn)).to.include({ ratePlan: 'BASIC' });
      expect(await away.balances()).to.deep.equal({});
    });

    it('is refused for a blocked subscriber, and leaves everything where it was', async () => {
      await home.topUp(msisdn, 500n);
      await home.write((tx) =>
        home.desk.block(tx, { msisdn, action: 'block', reason: 'lost-phone' }, by),
      );
      const { id } = await moveAway();
      const { decision } = await away.concluded(id);
      expect(decision).to.deep.equal({ outcome: 'refused', reason: 'subscriber-blocked' });
      expect(await away.simState(spbCard.iccid)).to.equal('in-stock');
      expect((await home.card(msisdn)).balance.amount).to.equal('5.00');
      expect(await away.balances()).to.deep.equal({});
    });

    it('may come back, with what was added meanwhile', async () => {
      await home.topUp(msisdn, 500n);
      await away.concluded((await moveAway()).id);
      await away.topUp(msisdn, 250n);
      const { id } = await home.write((tx) =>
        home.desk.moveNumber(
          tx,
          { msisdn, iccid: mskCard.iccid, whose: { customerNumber: 'MSK-1' } },
          by,
        ),
      );
      await home.concluded(id);
      const card = await home.card(msisdn);
      expect(card).to.deep.include({ homeBranch: 'MSK', status: 'active', sim: mskCard });
      expect(card.balance.amount).to.equal('7.50');
      expect((await home.balances())[accounts.clearing(spb)]).to.equal(250n);
      expect((await away.balances())[accounts.clearing(msk)]).to.equal(-250n);
    });

    it('waits for no other move of the number that is under way', async () => {
      const other = { ...(await moveAway()), home: nsk };
      await away.concluded(other.id);
      const asked = { ...other, id: systemIds.uuid() as OperationId };
      await home.concluded(
        (
          await home.write((tx) =>
            home.desk.moveNumber(
              tx,
              { msisdn, iccid: mskCard.iccid, whose: { customerNumber: 'MSK-1' } },
              by,
            ),
          )
        ).id,
      );
      await away.write((tx) => away.operations.store.insert(tx, asked, {}));
      await away.stock([simCard(2, 2)]);
      const { id } = await away.write((tx) =>
        away.desk.moveNumber(
          tx,
          { msisdn, iccid: simCard(2, 2).iccid, whose: { customer: petrov } },
          by,
        ),
      );
      expect((await away.concluded(id)).decision?.outcome).to.equal('executed');
      expect(await away.card(msisdn)).to.include({ homeBranch: 'SPB', status: 'active' });
    });

    it('is followed by what was meant for the old home', async () => {
      // SPB does not know yet that MSK will say no: the operation goes to MSK and comes back home.
      await away.stock([simCard(2, 2)]);
      federation.network.cut.add(msk);
      const move = await moveAway();
      const block = await away.write((tx) =>
        away.desk.block(tx, { msisdn, action: 'block', reason: 'lost-phone' }, by),
      );
      expect(block.home).to.equal('MSK');
      federation.network.cut.delete(msk);
      await away.federation.liveness.probe();
      expect((await away.concluded(move.id)).decision?.outcome).to.equal('executed');
      const { decision, attempt, home: decider } = await away.concluded(block.id);
      expect([decision?.outcome, attempt, decider]).to.deep.equal(['executed', 2, 'SPB']);
      expect((await away.card(msisdn)).status).to.equal('blocked');
    });
  });

  it('follow a number on that has left the serving branch again', async () => {
    await away.concluded((await moveAway()).id);
    const branches = reference.rows('branches').map((row) => ({ ...row, active: true }));
    away.follow(referenceWith({ branches }));
    // The answer of MSK comes late: the number has been here, and has gone on to NSK.
    await away.write(async (tx) => {
      const gone = { id: 'gone', msisdn, actor: { id: 'x', name: 'x' }, serving: nsk };
      const at = { occurredAt: '2026-01-01T00:00:00.000Z', businessDate: today };
      const operation = { ...gone, ...at } as never;
      await away.subscribers.changeStatus(tx, operation, { status: 'moved', movedTo: nsk });
    });
    const { id } = await away.write((tx) =>
      away.operations.accept(tx, {
        ...{ kind: 'block', msisdn, home: msk, actor: { id: 'op-1', name: 'Ольга' } },
        request: { action: 'block', reason: 'lost-phone' },
      }),
    );
    const follows = await until(async () => {
      const record = await away.store.read((tx) => away.operations.store.find(tx, id));
      return record && record.home !== msk ? record : undefined;
    });
    expect(follows).to.include({ state: 'accepted', home: nsk, attempt: 2 });
    const told = (await away.ownEntries()).filter(({ operationId }) => operationId === id);
    expect(told.map(({ kind, to }) => `${kind} ${to}`)).to.deep.equal([
      'block.accepted MSK,HQ',
      'block.accepted NSK,HQ',
    ]);
  });

  describe('after a set-back', () => {
    const facts = async (branch: Branch) => ({
      balances: await branch.balances(),
      cards: await branch.store.read((tx) => tx.all('SELECT iccid, state FROM sim_cards')),
      subscribers: await branch.store.read((tx) =>
        tx.all(
          `SELECT msisdn, billing_account, iccid, imsi, rate_plan, services, status, moved_to,
             activated_at FROM subscribers ORDER BY msisdn`,
        ),
      ),
      changes: await branch.store.read((tx) => tx.all('SELECT * FROM subscriber_changes')),
    });

    it('each branch is again what it was, however often it is told', async () => {
      await home.write((tx) =>
        home.desk.block(tx, { msisdn, action: 'block', reason: 'lost-phone' }, by),
      );
      await home.write((tx) =>
        home.desk.block(tx, { msisdn, action: 'unblock', reason: 'lost-phone' }, by),
      );
      const elsewhere = { iccid: spbCard.iccid, ratePlan: 'BASIC', homeBranch: msk };
      const asked = { ...elsewhere, whose: { customer: petrov } };
      const entered = await away.desk.enterElsewhere(msk, asked, { by, requestId: 'request' });
      const { id } = await away.write((tx) =>
        away.desk.register(tx, asked, { by, elsewhere: entered }),
      );
      await away.concluded(id);
      for (const branch of [home, away]) {
        // What was on the shelf is in no log.
        await branch.write((tx) => tx.run("DELETE FROM sim_cards WHERE state = 'in-stock'"));
        const fresh = await restored(branch);
        expect(await facts(fresh)).to.deep.equal(await facts(branch));
        await fresh.close();
      }
    });

    describe('although it hears last that a number had come', () => {
      const [spbCard2, mskCard2, mskCard3] = [simCard(2, 2), simCard(1, 3), simCard(1, 4)];
      const isArrival = ({ kind }: LogEntry) => kind === 'number-move.concluded';
      const arrivalsLast = (entries: LogEntry[]) => [
        ...entries.filter((entry) => !isArrival(entry)),
        ...entries.filter(isArrival),
      ];
      const arrivalsBackwards = (entries: LogEntry[]) => [
        ...entries.filter((entry) => !isArrival(entry)),
        ...entries.filter(isArrival).reverse(),
      ];
      const move = async (to: Branch, iccid: string) => {
        const whose = { customer: petrov };
        const { id } = await to.write((tx) => to.desk.moveNumber(tx, { msisdn, iccid, whose }, by));
        expect((await to.concluded(id)).decision?.outcome).to.equal('executed');
      };
      const block = () =>
        home.write((tx) =>
          home.desk.block(tx, { msisdn, action: 'block', reason: 'lost-phone' }, by),
        );
      async function expectSame(inOrder: (entries: LogEntry[]) => LogEntry[]): Promise<void> {
        const fresh = await restored(home, inOrder);
        const shelf = "DELETE FROM sim_cards WHERE state = 'in-stock'";
        for (const branch of [home, fresh]) await branch.write((tx) => tx.run(shelf));
        // What was topped up in these tests is in no log.
        const [{ balances: _, ...was }, { balances: __, ...is }] = [
          await facts(home),
          await facts(fresh),
        ];
        expect(is).to.deep.equal(was);
        const waiting = await fresh.store.read((tx) => tx.all('SELECT * FROM awaited_changes'));
        expect(waiting).to.deep.equal([]);
        await fresh.close();
      }

      beforeEach(async () => {
        await away.stock([spbCard2]);
        await home.stock([mskCard2]);
        await move(away, spbCard.iccid);
        await move(home, mskCard.iccid);
      });

      it('does then what it had decided about it since', async () => {
        await home.topUp(msisdn, 50_000n);
        await home.write((tx) =>
          home.desk.changeService(tx, { msisdn, service: 'VOICEMAIL', action: 'on' }, by),
        );
        await home.write((tx) => home.desk.replaceSim(tx, { msisdn, iccid: mskCard2.iccid }, by));
        await block();
        await expectSame(arrivalsLast);
        expect((await home.card(msisdn)).status).to.equal('blocked');
      });

      it('does not serve a number that had gone on since', async () => {
        await move(away, spbCard2.iccid);
        await expectSame(arrivalsLast);
        expect(await home.store.read((tx) => home.subscribers.homeOf(tx, msisdn))).to.equal(spb);
      });

      it('takes its arrivals in their order', async () => {
        await home.stock([mskCard3]);
        await home.topUp(msisdn, 50_000n);
        await move(away, spbCard2.iccid);
        await move(home, mskCard2.iccid);
        await home.write((tx) => home.desk.replaceSim(tx, { msisdn, iccid: mskCard3.iccid }, by));
        await block();
        await expectSame(arrivalsBackwards);
        await expectSame(arrivalsLast);
      });
    });

    it('keeps a place for a person whose data was lost', async () => {
      const fresh = await restored(home);
      expect((await fresh.card(msisdn)).customer).to.deep.equal({
        ...{ number: 'MSK-1', name: '(to be entered again)', incomplete: true },
      });
      const data = ivanov;
      const person = { id: 'op-1', name: 'Ольга', node: 'MSK' };
      await fresh.write((tx) => fresh.customers.correct(tx, 'MSK-1', { data, by: person }));
      expect((await fresh.card(msisdn)).customer).to.deep.include({ incomplete: false, ...ivanov });
      await fresh.close();
    });

    it('moves a number and its money once', async () => {
      await away.concluded((await moveAway()).id);
      await away.topUp(msisdn, 300n);
      const { id } = await home.write((tx) =>
        home.desk.moveNumber(tx, { msisdn, iccid: mskCard.iccid, whose: { customer: petrov } }, by),
      );
      await home.concluded(id);
      // Only the new home can be restored from its log alone: the top-up of this test is in none.
      const fresh = await restored(home);
      const { balances, ...others } = await facts(home);
      expect(await facts(fresh)).to.deep.equal({ balances, ...others });
      expect(balances).to.deep.equal({ subscribers: -300n, [accounts.clearing(spb)]: 300n });
      await fresh.close();
    });
  });
});
