import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { FailedPlace } from '../../shared/audit/bundle-streams.ts';
import { type Verdict, verifyBundle } from '../../shared/audit/verify-bundle.ts';
import { loadIdentity, publicKeyOf, signingKeyId } from '../../shared/federation/identity.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { canonicalJson, sha256 } from '../../shared/wire/canonical.ts';
import { emptyChain, nextChain } from '../../shared/wire/chain.ts';
import { headType } from '../../shared/wire/peer-messages.ts';
import {
  cash,
  registerSubscriber,
  startFederation,
  type TestFederation,
  until,
} from '../support/federation.ts';
import { type Anything, stolenIdentity } from '../support/rogue.ts';

type Key = Parameters<typeof publicKeyOf>[0];

describe('an audit bundle, verified by a third party', () => {
  let federation: TestFederation;
  let trust: Key;
  let settlement: string;
  let operation: string;
  let period: Anything[];
  let settled: Anything[];

  before(async function () {
    this.timeout(180_000);
    federation = await startFederation();
    const numbers = [
      await registerSubscriber(federation.branch('MSK')),
      await registerSubscriber(federation.branch('NSK')),
    ];
    for (const code of ['SPB', 'MSK', 'NSK']) {
      for (const msisdn of numbers) operation = await pay(code, msisdn);
    }
    const [first = ''] = numbers;
    operation = await pay('SPB', first);
    const cancelled = await pay('SPB', first);
    const { manager } = federation.branch('SPB');
    await until('it is credited', async () => {
      return (await manager.get(`/api/v1/payments/${cancelled}`)).body.state === 'concluded';
    });
    await manager.post(`/api/v1/payments/${cancelled}/cancellation`, {});
    await federation.untilQuiet();
    await federation.stopNode('SPB');
    await federation.startNode('SPB');
    settlement = await settle();
    await federation.untilQuiet();
    const { headOfficeKey } = await loadIdentity(
      join(federation.branch('MSK').dataDir, 'identity'),
    );
    trust = headOfficeKey;
    period = await exported({ from: '2000-01-01', to: '2099-12-31' });
    settled = await exported({ settlement });
  });
  after(() => federation.stop());

  async function pay(code: string, msisdn: string): Promise<string> {
    const { manager } = federation.branch(code);
    const answer = await manager.post('/api/v1/payments', { msisdn, ...cash('100.00') });
    expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
    return answer.body.operationId;
  }

  async function settle(): Promise<string> {
    const hq = federation.hq.manager;
    await until('all is owed', async () => {
      const { store } = federation.centre();
      const row = await store.read((tx) =>
        tx.get<{ count: bigint }>('SELECT COUNT(*) AS count FROM obligations'),
      );
      return row?.count === 7n;
    });
    const windows = (await hq.get('/api/v1/settlement-windows')).body.items;
    const open = windows.find((window: Anything) => window.state === 'OPEN');
    await hq.post(`/api/v1/settlement-windows/${open.id}/close`);
    const { id } = (await hq.post('/api/v1/settlements', { windowIds: [open.id] })).body;
    const approved = await federation.deputy.post(`/api/v1/settlements/${id}/approval`);
    expect(approved.status, JSON.stringify(approved.body)).to.be.lessThan(300);
    return id;
  }

  async function exported(scope: object): Promise<Anything[]> {
    const made = await federation.hq.manager.post('/api/v1/audit-bundles', scope);
    expect(made.status, JSON.stringify(made.body)).to.equal(201);
    const text = readFileSync(made.body.file, 'utf8');
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  async function verdictOn(lines: readonly Anything[], by: Key | string = trust): Promise<Verdict> {
    async function* texts() {
      for (const line of lines) yield JSON.stringify(line);
    }
    return verifyBundle(texts(), by);
  }

  /** The bundle with a change made to a copy of it. */
  function changed(lines: readonly Anything[], change: (copy: Anything[]) => void): Anything[] {
    const copy = structuredClone([...lines]);
    change(copy);
    return copy;
  }

  async function refuted(lines: readonly Anything[]) {
    const verdict = await verdictOn(lines);
    if (verdict.proven) throw new Error('it was proven');
    return verdict;
  }

  /** An entry of SPB to head office that tells a payment, and where it stands. */
  function victim(lines: readonly Anything[]): { index: number; place: FailedPlace } {
    const index = lines.findIndex(({ entry }) => {
      const told = entry && JSON.parse(entry);
      return told?.node === 'SPB' && told.kind === 'payment.accepted' && told.to.includes('HQ');
    });
    const { node, epoch, seq } = JSON.parse(lines[index].entry);
    const { position } = lines[index];
    return { index, place: { node, to: 'HQ' as NodeCode, epoch, position, seq } };
  }

  it('proves a period, an operation and a settlement', async () => {
    for (const scope of [period, settled, await exported({ operation })]) {
      const verdict = await verdictOn(scope);
      expect(verdict.proven, JSON.stringify(verdict)).to.equal(true);
    }
    const one = await exported({ from: '2000-01-01', to: '2099-12-31', branch: 'SPB' });
    expect((await verdictOn(one)).proven).to.equal(true);
    expect(settled.filter(({ type }) => type === 'obligation')).to.have.length(7);
    const shown = (await exported({ operation })).filter(({ entry }) => entry !== undefined);
    expect(new Set(shown.map(({ entry }) => JSON.parse(entry).operationId))).to.deep.equal(
      new Set([operation]),
    );
    const streams = period.filter(({ type }) => type === 'stream');
    expect(
      streams.filter(({ from }) => from === 'SPB'),
      'both starts',
    ).to.have.length(2);
    const own = streams.filter(({ from }) => from === 'HQ').map(({ to }) => to);
    expect(own).to.include.members(['MSK', 'SPB', 'NSK']);
  });

  it('is believed by the fingerprint of the key too, and by no other key', async () => {
    expect((await verdictOn(period, await signingKeyId(trust))).proven).to.equal(true);
    const other = publicKeyOf((await stolenIdentity(federation.branch('SPB'))).signingKey);
    expect((await verdictOn(period, other)).proven).to.equal(false);
    expect((await verdictOn(period, await signingKeyId(other))).proven).to.equal(false);
  });

  it('names an entry whose sum was changed', async () => {
    const { index, place } = victim(period);
    const text = period[index].entry.replace('"100.00"', '"900.00"');
    const crude = await refuted(changed(period, (copy) => (copy[index].entry = text)));
    expect(crude).to.deep.include({ place, why: 'the entry was changed' });
    // With its hash changed too only the signature tells, and that is over the batch.
    const clever = await refuted(
      changed(period, (copy) => {
        copy[index].entry = text;
        copy[index].hash = sha256(text);
      }),
    );
    expect(clever.why).to.include('is not what was signed');
    expect(clever.place).to.include({ node: 'SPB', epoch: place.epoch });
    expect(clever.place?.position).to.be.at.least(place.position);
  });

  it('names an entry that was taken out, and one that was put elsewhere', async () => {
    const { index, place } = victim(period);
    const { seq: _, ...gap } = place;
    const without = await refuted(changed(period, (copy) => copy.splice(index, 1)));
    expect(without).to.deep.include({ place: gap, why: 'the entry is missing' });
    const swapped = changed(period, (copy) => {
      copy.splice(index, 2, copy[index + 1], copy[index]);
    });
    expect((await refuted(swapped)).place).to.deep.equal(gap);
  });

  it('names where a stream was cut off, with the head or without it', async () => {
    const last = period.findLastIndex(({ entry }) => entry && JSON.parse(entry).node === 'SPB');
    const { epoch } = JSON.parse(period[last].entry);
    const { position } = period[last];
    const place = { node: 'SPB', to: 'HQ', epoch, position };
    expect(await refuted(changed(period, (copy) => copy.splice(last, 1)))).to.deep.include({
      ...{ place, why: 'the entry is missing' },
    });
    // The earlier start of SPB, cut off as if it had ended there: the next start names its end.
    const stream = period.findIndex(({ type, from }) => type === 'stream' && from === 'SPB');
    const next = period.findIndex(({ type }, index) => type === 'stream' && index > stream);
    const head = period.slice(stream, next).findLastIndex(({ type }) => type === 'head') + stream;
    const cut = changed(period, (copy) => {
      copy.splice(head, next - head);
      copy[stream].last = copy[head - 1].position;
    });
    const { why, place: named } = await refuted(cut);
    expect(why).to.include('is missing');
    expect(named).to.include({ node: 'SPB', epoch: period[stream].epoch });
    expect(named?.position).to.equal(cut[stream].last + 1);
  });

  it('refuses heads, keys and directories that were put in the place of others', async () => {
    const { index, place } = victim(period);
    const head = period.slice(0, index).findLastIndex(({ type }) => type === 'head');
    const rogue = await stolenIdentity(federation.branch('NSK'));
    const entries = period
      .slice(head + 1)
      .filter(({ type }) => type === 'entry')
      .slice(0, 1);
    const forged = await createSigner({ ...rogue, code: 'SPB' as NodeCode }).sign(headType, {
      ...JSON.parse(Buffer.from(period[head].jws.split('.')[1], 'base64url').toString()),
      chain: nextChain(emptyChain, entries[0].hash),
    });
    const replaced = await refuted(changed(period, (copy) => (copy[head].jws = forged)));
    expect(replaced.place).to.include({ node: 'SPB', epoch: place.epoch });
    expect(replaced.why).to.include("is not SPB's");
    const branches = period.findIndex(
      ({ type, content }) => type === 'dataset' && content.includes('"peerUrl"'),
    );
    const otherKey = changed(period, (copy) => {
      const key = publicKeyOf(rogue.signingKey).x;
      const rows = JSON.parse(copy[branches].content);
      rows.find(({ code }: Anything) => code === 'SPB').signingKey.x = key;
      copy[branches].content = canonicalJson(rows);
    });
    expect((await refuted(otherKey)).why).to.include('a data set was changed');
    const release = period.findIndex(({ type }) => type === 'release');
    const otherRelease = changed(otherKey, (copy) => {
      copy[branches].sha256 = sha256(copy[branches].content);
      copy[release].jws = copy[release].jws.replace(/.$/, 'x');
    });
    expect((await refuted(otherRelease)).line).to.equal(release + 1);
    const without = changed(period, (copy) => copy.splice(branches, 1));
    expect((await refuted(without)).why).to.include('missing');
  });

  it('computes a settlement again, and names what does not come to it', async () => {
    const obligation = settled.findIndex(({ type }) => type === 'obligation');
    const dearer = changed(settled, (copy) => {
      copy[obligation].gross = '20000';
      copy[obligation].net = String(20_000n - BigInt(copy[obligation].commission));
    });
    const one = await refuted(dearer);
    expect(one.why).to.include('is not what was settled');
    expect(one.place?.seq).to.be.a('number');
    const fewer = changed(settled, (copy) => copy.splice(obligation, 1));
    const other = await refuted(fewer);
    expect(other.why).to.include('positions are not what the operations come to');
    expect(other.place?.node).to.equal('HQ');
    const twice = changed(settled, (copy) => copy.splice(obligation, 0, copy[obligation]));
    expect((await refuted(twice)).why).to.include('settled twice');
    const completed = settled.findIndex(({ entry }) => entry?.includes('settlement.completed'));
    const rewritten = changed(settled, (copy) => {
      copy[completed].entry = copy[completed].entry.replace(/"net":"(-?)\d+"/, '"net":"$11"');
    });
    expect(await refuted(rewritten)).to.deep.include({ why: 'the entry was changed' });
  });

  it('is refused without its seal, and when anything unsigned was changed', async () => {
    expect((await refuted(period.slice(0, -1))).why).to.equal('the end is missing');
    const other = changed(period, (copy) => (copy[0].createdAt = '2020-01-01T00:00:00.000Z'));
    expect((await refuted(other)).why).to.include('sealed');
    expect((await refuted([...period, period.at(-1)])).why).to.include('behind the end');
  });

  it('is given to those only who may have it, for one thing at a time', async () => {
    const { manager } = federation.hq;
    const codeOf = async (scope: object) =>
      (await manager.post('/api/v1/audit-bundles', scope)).body.code;
    for (const scope of [{}, { from: '2026-01-02', to: '2026-01-01' }, { operation, settlement }]) {
      expect(await codeOf(scope)).to.equal('invalid-input');
    }
    // A bundle without it would prove nothing.
    expect(await codeOf({ operation: settlement })).to.equal('operation-not-found');
    expect(await codeOf({ settlement: operation })).to.equal('settlement-not-found');
  });
});
