import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { verifyStore } from '../../shared/node/maintenance.ts';
import { answerTargets } from '../fuzz/answer-targets.ts';
import { apiTargets } from '../fuzz/api-targets.ts';
import { cameThrough, type Target } from '../fuzz/campaign.ts';
import { type FuzzFederation, startFuzzFederation } from '../fuzz/fuzz-federation.ts';
import { pageTargets } from '../fuzz/page-targets.ts';
import { peerTargets } from '../fuzz/peer-targets.ts';
import { socketTargets } from '../fuzz/socket-targets.ts';
import { cash, registerSubscriber, until } from '../support/federation.ts';
import { moneyFaults } from '../support/invariants.ts';

const inputs = 8;
/** Of what is slow on purpose, as passwords are. */
const fewInputs = 2;
const path = '/peer/v1/stream';
const nothingTaken = JSON.stringify({ epoch: '0'.repeat(32), position: 0 });
/** The share of targets behind whose schema something was tried. */
const leastReached = 0.7;

/** A taste of `npm run fuzz`, in which one federation stands for all. */
describe('random input', function () {
  this.timeout(600_000);
  const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31));
  const unhandled: unknown[] = [];
  const notice = (error: unknown) => unhandled.push(error);
  let fuzz: FuzzFederation;

  before(async () => {
    process.on('unhandledRejection', notice);
    fuzz = await startFuzzFederation();
  });
  after(async () => {
    process.off('unhandledRejection', notice);
    await fuzz.federation.stop();
  });

  async function run(targets: readonly Target[]): Promise<void> {
    expect(targets.length).to.be.greaterThan(10);
    const reached: boolean[] = [];
    for (const target of targets) {
      const few = target.maxInputs === undefined ? inputs : fewInputs;
      const report = await target.run({ inputs: few, seed });
      const what = `${target.name}, ${target.kind}, FUZZ_SEED=${seed}`;
      if (report.fault !== undefined) expect.fail(`${what}: ${report.fault}`);
      if (target.kind === 'valid') reached.push(cameThrough(report));
    }
    // So few inputs miss now and then; the campaign wants it of each.
    const share = reached.filter(Boolean).length / reached.length;
    expect(share, `FUZZ_SEED=${seed}`).to.be.greaterThan(leastReached);
    expect(unhandled, `FUZZ_SEED=${seed}`).to.deep.equal([]);
  }

  // First, while there is something of everything that a form is for.
  it('does no harm through pages and ports', async () => {
    for (const code of ['MSK', 'HQ'] as const) {
      await run([...(await pageTargets(fuzz, code)), ...(await socketTargets(fuzz, code))]);
    }
  });

  it('does a branch no harm, and its books stay right', async () => {
    await run(await apiTargets(fuzz, 'MSK'));
    const { federation } = fuzz;
    const msisdn = await registerSubscriber(federation.branch('MSK'));
    const { manager } = federation.branch('MSK');
    const paid = await manager.post('/api/v1/payments', { msisdn, ...cash('5.00') });
    expect(paid.status, JSON.stringify(paid.body)).to.equal(201);
    await federation.startNode('NSK');
    await federation.untilQuiet();
    const nodes = ['MSK', 'SPB', 'NSK'].map((code) => federation.running(code));
    expect(await moneyFaults(nodes), `FUZZ_SEED=${seed}`).to.deep.equal([]);
  });

  it('in answers to what a branch asks does it no harm', async () => {
    // In the test before it was away for a time: a recovery waits for everybody.
    await fuzz.federation.stopNode('NSK');
    await fuzz.federation.startNode('NSK');
    await run(await answerTargets(fuzz));
    const { federation, store } = fuzz.node('MSK');
    await until('its recovery ends', () => !federation.isRecovering());
    const { lanes } = await federation.streams();
    // Those before it have used up what there was: blocked, terminated, moved.
    const msisdn = await registerSubscriber(fuzz.federation.branch('SPB'));
    const answer = () => ({ status: 200, headers: {}, body: nothingTaken });
    await fuzz.bench.forging({ asking: 'MSK', peer: 'SPB', path, answer }, async () => {
      const paid = await fuzz.federation
        .branch('MSK')
        .manager.post('/api/v1/payments', { msisdn, ...cash('1.00') });
      expect(paid.status, `FUZZ_SEED=${seed} ${JSON.stringify(paid.body)}`).to.equal(201);
      const lane = [...lanes.values()].find(({ peer }) => peer === 'SPB');
      await until('it stops telling the same', () => (lane?.status().failures ?? 0) > 0);
    });
    expect(await verifyStore(store), `FUZZ_SEED=${seed}`).to.deep.equal([]);
  });

  it('from somebody with the keys of a branch does no harm', async () => {
    await fuzz.federation.stopNode('SPB');
    await run(await peerTargets(fuzz, 'MSK'));
    await run(await peerTargets(fuzz, 'HQ'));
  });

  it('does head office no harm', async () => {
    await run(await apiTargets(fuzz, 'HQ'));
    for (const node of [fuzz.node('HQ'), fuzz.node('MSK')]) {
      expect(await verifyStore(node.store), `FUZZ_SEED=${seed}`).to.deep.equal([]);
    }
  });
});
