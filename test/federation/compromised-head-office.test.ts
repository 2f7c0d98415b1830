import { expect } from 'chai';
import { createSigner } from '../../shared/federation/signing.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import { datasetContent } from '../../shared/reference/dataset-content.ts';
import { type ReleaseManifest, signLatest, signManifest } from '../../shared/reference/release.ts';
import { instantOf, systemClock } from '../../shared/time/clock.ts';
import { startFederation, type TestFederation, until } from '../support/federation.ts';
import { type Anything, createRogue, type Rogue, stolenIdentity } from '../support/rogue.ts';
import { startsOf } from '../support/siege.ts';

const hourMs = 3_600_000;

describe('a head office in wrong hands', () => {
  let federation: TestFederation;

  before(async function () {
    this.timeout(180_000);
    federation = await startFederation(['MSK', 'SPB']);
  });
  after(() => federation.stop());

  const at = (ms = 0) => instantOf(systemClock.nowMs() + ms);
  const signer = async () =>
    createSigner({ ...(await stolenIdentity(federation.hq)), code: headOffice });
  const references = () => federation.running('MSK').references;
  const alarms = async (code: string): Promise<string> =>
    (await federation.branch(code).manager.get('/readyz')).body.checks.alarms.detail ?? '';

  async function held(): Promise<ReleaseManifest> {
    const release = await references().highest();
    if (!release) throw new Error('no release');
    return release.manifest;
  }

  async function forge(changes: Partial<ReleaseManifest> = {}): Promise<string> {
    const last = await held();
    const next = { version: last.version + 1, previous: last.version };
    return signManifest(await signer(), {
      ...{ ...last, ...next, createdAt: at(), effectiveFrom: at() },
      ...changes,
    });
  }

  /** What MSK says to a release that its head office serves. */
  async function offered(jws: string, contents: Record<string, string> = {}): Promise<string> {
    const fetchDataset = async (sha256: string) =>
      contents[sha256] ?? references().datasetContent(sha256);
    return references()
      .apply({ manifestJws: jws, fetchDataset })
      .then(
        ({ applied }) => (applied ? 'applied' : 'known'),
        (error) => error.code,
      );
  }

  async function edit(name: string): Promise<void> {
    const path = '/api/v1/reference-draft/datasets/reasons';
    const { manager } = federation.hq;
    const { rows } = (await manager.get(path)).body;
    const changed = rows.map((row: Anything, index: number) =>
      index === 0 ? { ...row, name } : row,
    );
    expect((await manager.put(path, { rows: changed })).status).to.equal(200);
  }

  describe('with its releases', () => {
    it('does not bring back an old one', async () => {
      const old = await references().manifest(1);
      await edit('newer');
      await federation.publish();
      await until('MSK has the second', async () => (await held()).version === 2);
      expect(await offered(old)).to.equal('release-invalid');
    });

    it('does not mix, cut short or break data sets', async () => {
      const { datasets } = await held();
      const { branches, tariffs } = datasets;
      if (!branches || !tariffs) throw new Error('no data sets');
      const swapped = { datasets: { ...datasets, tariffs: branches } };
      expect(await offered(await forge(swapped))).to.equal('release-invalid');
      const text = '[]';
      const lied = { ...tariffs, sha256: '1'.repeat(64) };
      const short = await forge({ datasets: { ...datasets, tariffs: lied } });
      expect(await offered(short, { [lied.sha256]: text })).to.equal('release-invalid');
      const rows = JSON.parse(await references().datasetContent(branches.sha256));
      const fewer = datasetContent('branches', rows.slice(1));
      const { sha256, rows: count } = fewer;
      const broken = await forge({
        datasets: { ...datasets, branches: { sha256, rows: count } },
      });
      expect(await offered(broken, { [sha256]: fewer.text })).to.equal('release-invalid');
    });

    it('does not use the numbers up', async () => {
      const { version } = await held();
      for (const ahead of [version + 10_001, Number.MAX_SAFE_INTEGER]) {
        expect(await offered(await forge({ version: ahead }))).to.equal('release-invalid');
      }
    });

    it('does not stop true statements by one of the future, or of a release that is not', async () => {
      const { version } = await held();
      const manifestSha256 = '2'.repeat(64);
      const say = async (issuedMs: number, named: number) => {
        const statement = { version: named, manifestSha256, issuedAt: at(issuedMs) };
        const jws = await signLatest(await signer(), {
          ...statement,
          expiresAt: at(issuedMs + hourMs),
        });
        return references()
          .acceptLatest(jws)
          .then(
            () => 'accepted',
            (error) => error.code,
          );
      };
      expect(await say(48 * hourMs, version + 1)).to.equal('release-invalid');
      expect(await say(0, version + 9_000)).to.equal('accepted');
      await edit('newest');
      await federation.publish();
      await until('the next one is taken', async () => (await held()).version === version + 1);
    });

    it('does not put off what comes after a release of a far day', async () => {
      const { version } = await held();
      await edit('far');
      const effectiveFrom = at(10_000 * 24 * hourMs);
      const far = await federation.deputy.post('/api/v1/reference-releases', { effectiveFrom });
      expect(far.status, JSON.stringify(far.body)).to.equal(201);
      await edit('near');
      await federation.publish();
      await until('it is in force', () => references().current()?.version === version + 2);
    });

    it('is found out when it gives two branches different ones', async () => {
      // Where MSK's next hello comes first, head office takes that release for one that it lost, and has it back.
      let turn = 0;
      await until('head office publishes another one', async () => {
        turn += 1;
        await edit(`for SPB ${turn}`);
        const forged = await forge();
        expect(await offered(forged)).to.equal('applied');
        const { status, body } = await federation.deputy.post('/api/v1/reference-releases', {});
        // Being fetched back, or in force already with nothing to publish after it.
        if (status !== 201) expect(['recovering', 'release-invalid']).to.include(body.code);
        return status === 201;
      });
      await until('MSK hears it of SPB', async () =>
        (await alarms('MSK')).includes('release-differs'),
      );
    });
  });

  describe('with its log', () => {
    let rogue: Rogue;
    let earlier: string;

    before(async function () {
      this.timeout(180_000);
      const victim = federation.branch('MSK');
      const starts = await startsOf(victim, 'HQ');
      earlier = starts.at(-1) ?? '';
      await federation.stopNode('HQ');
      const identity = await stolenIdentity(federation.hq);
      rogue = createRogue({ identity, victim, previous: [...starts].reverse() });
    });

    const settlement = (net: string) => ({
      ...{ settlementId: 's-1', currency: 'RUB', model: 'multilateral', windows: ['w'] },
      ...{ madeBy: 'a', approvedBy: 'b', completedAt: '2026-01-01T00:00:00.000Z' },
      positions: [{ peer: 'SPB', count: 1, gross: net, commission: '0', fees: '0', net }],
    });
    const tell = async (net: string) => {
      const about = { operationId: 's-1' };
      const entry = rogue.entry('settlement.completed', settlement(net), about);
      const answer = await rogue.send([entry]);
      expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    };

    it('cannot tell a settlement another way than before', async () => {
      await tell('50000');
      await tell('50000');
      expect(await alarms('MSK')).not.to.include('settlement-rewritten');
      await tell('40000');
      expect(await alarms('MSK')).to.include('settlement-rewritten');
    });

    it('is found out when it tells two branches different positions', async () => {
      const { store, federation: spb } = federation.running('SPB');
      const confirmed = async (settlementId: string, net: string) =>
        store.write((tx) =>
          spb.log.append(tx, {
            ...{ kind: 'settlement.confirmed', to: ['MSK' as NodeCode], operationId: settlementId },
            ...{ occurredAt: at(), businessDate: at().slice(0, 10) },
            body: { settlementId, count: 1, positions: [{ peer: 'MSK', count: 1, net }] },
          }),
        );
      await confirmed('s-1', '-50000');
      await federation.running('SPB').federation.liveness.probe();
      expect(await alarms('MSK')).not.to.include('settlement-differs');
      const settled = settlement('70000');
      const entry = rogue.entry('settlement.completed', { ...settled, settlementId: 's-2' });
      expect((await rogue.send([entry])).status).to.equal(200);
      await confirmed('s-2', '-60000');
      await until('MSK hears it of SPB', async () =>
        (await alarms('MSK')).includes('settlement-differs'),
      );
    });

    it('is caught with another history of a start that the branches hold', async () => {
      const lie = rogue.entry('node.started', { another: 'past' }, { epoch: earlier, seq: 1 });
      const said = { epoch: earlier, first: 1 };
      const changes = { first: 1, base: '0'.repeat(64), head: said, batch: said };
      const answer = await rogue.sendBatch(await rogue.batchOf([lie], changes));
      rogue.forget();
      expect([answer.status, answer.body.code]).to.deep.equal([409, 'forked']);
      expect(await alarms('MSK')).to.include('forked');
    });

    it('is caught when it starts as if it had never told anything', async () => {
      const identity = await stolenIdentity(federation.hq);
      const blank = createRogue({ identity, victim: federation.branch('MSK') });
      const answer = await blank.send([blank.entry('node.started', {})]);
      expect([answer.status, answer.body.code]).to.deep.equal([409, 'set-back']);
    });
  });
});
