import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  type DemoPlace,
  type Desk,
  demoPlace,
  deskAt,
  type RunningDemo,
} from '../support/processes.ts';

const timeoutMs = 180_000;
const money = (desk: Desk, msisdn: string) =>
  desk.get(`/api/v1/subscribers/${msisdn}`).then(({ balance }) => Number(balance.amount));

describe('the command that brings a federation up', function () {
  this.timeout(timeoutMs);
  let place: DemoPlace;
  let demo: RunningDemo;

  before(async () => {
    place = await demoPlace(2);
    demo = await place.up('--branches', '1');
  });
  after(async () => {
    await demo?.killAll();
    place?.remove();
  });

  const firstNumber = async (desk: Desk): Promise<string> =>
    (await desk.get('/api/v1/subscribers?limit=1')).items[0].msisdn;

  it('refuses a second one on the same ports, and touches nothing', async () => {
    const before = readFileSync(place.file, 'utf8');
    for (const extra of [[], ['--fresh']]) {
      const { code, output } = await place.run('--branches', '1', ...extra);
      expect(code).to.equal(1);
      expect(output).to.match(/HQ runs: process \d+ is that node/);
    }
    const elsewhere = await place.run('--branches', '1', '--data', `${place.dataDir}-2`);
    expect(elsewhere.output).to.match(/port \d+ of HQ is taken: give another --port-base/);
    expect(existsSync(`${place.dataDir}-2`)).to.equal(false);
    expect(readFileSync(place.file, 'utf8')).to.equal(before);
    await deskAt(demo.node('MSK'));
  });

  it('leaves no process behind when it is stopped while it starts', async () => {
    const other = await demoPlace(2);
    try {
      const pidFile = `${other.dataDir}/HQ/node.pid`;
      const { code, output } = await other.interrupted(
        () => existsSync(pidFile),
        '--branches',
        '1',
      );
      expect(code, output).to.equal(0);
      expect(output).to.include('Stopped.').and.not.to.include('is up');
      expect(existsSync(pidFile)).to.equal(false);
      const again = await other.run('--branches', '1');
      expect(again.output).to.include('never finished: use --fresh');
    } finally {
      other.remove();
    }
  });

  it('finds its state again, and starts over only when it is told to', async () => {
    const desk = await deskAt(demo.node('MSK'));
    const msisdn = await firstNumber(desk);
    await desk.pay(msisdn, '12.00');
    expect((await demo.interrupt()).code).to.equal(0);

    const other = await place.run('--branches', '2');
    expect(other.code).to.equal(1);
    expect(other.output).to.include('made with other options');

    demo = await place.up('--branches', '1');
    expect(await money(await deskAt(demo.node('MSK')), msisdn)).to.equal(12);
    expect((await demo.interrupt()).code).to.equal(0);

    demo = await place.up('--branches', '1', '--fresh');
    expect(await money(await deskAt(demo.node('MSK')), msisdn)).to.equal(0);
    expect((await demo.interrupt()).code).to.equal(0);
  });
});
