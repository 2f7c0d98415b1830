import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork, until } from '../branch-subscribers/branches-fixture.ts';
import {
  type HeadOffice,
  msk,
  openBranch,
  openHeadOffice,
  type SettlingBranch,
  spb,
} from './settlement-fixture.ts';

const ofSpb = '79211234567';

/** MSK was set back while SPB was away; two people ended its waiting; SPB came back, and is set back itself much later. */
describe('after two people answered for a branch that comes back', () => {
  let folder: string;
  const open: { close(): Promise<void> }[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hb-override-'));
  });
  afterEach(async () => {
    for (const node of open.splice(0)) await node.close();
    await rm(folder, { recursive: true });
  });

  it('its stream stands where it holds it', async () => {
    const keys = await federationKeys([msk, spb]);
    const network = createNetwork();
    const options = { network, keys, branches: [msk, spb] };
    const opened = async (node: NodeCode, backup?: string): Promise<SettlingBranch> => {
      network.cut.delete(node);
      const branch = await openBranch({ ...options, node, ...(backup ? { backup } : {}) });
      open.push(branch);
      return branch;
    };
    const closed = async (node: SettlingBranch) => {
      open.splice(open.indexOf(node), 1);
      await node.close();
    };
    const hq: HeadOffice = await openHeadOffice(options);
    open.push(hq);
    let moscow = await opened(msk);
    let petersburg = await opened(spb);

    const quiet = (...nodes: (SettlingBranch | HeadOffice)[]) =>
      until(async () => {
        for (const { federation } of nodes) {
          const { outbound } = await federation.streams();
          if (federation.isRecovering()) return undefined;
          if (outbound.some(({ position, acknowledged }) => acknowledged < position))
            return undefined;
        }
        return true;
      });
    await until(() => Promise.resolve(moscow.federation.isCertain() || undefined));
    await quiet(moscow, petersburg, hq);
    const mskOld = join(folder, 'msk.db');
    await moscow.store.backup(mskOld);

    // Both others hear of the first payment; of the next two only SPB.
    const first = await moscow.pay(ofSpb, '100.00');
    await until(async () => (await moscow.isConcluded(first.id)) || undefined);
    await quiet(moscow, petersburg, hq);

    const spbOld = join(folder, 'spb-old.db');
    await petersburg.store.backup(spbOld);
    network.cut.add('HQ' as NodeCode);

    for (const amount of ['200.00', '300.00']) {
      const paid = await moscow.pay(ofSpb, amount);
      await until(async () => (await moscow.isConcluded(paid.id)) || undefined);
    }
    const spbNew = join(folder, 'spb-new.db');
    await petersburg.store.backup(spbNew);
    await closed(moscow);
    network.leave(msk);
    await closed(petersburg);
    network.leave(spb);
    network.cut.delete('HQ' as NodeCode);

    // MSK from its old copy, SPB away: two people answer for it.
    moscow = await opened(msk, mskOld);
    await until(() => Promise.resolve(moscow.federation.isRecovering() || undefined));

    for (const operator of ['one', 'two']) {
      await moscow.write((tx) =>
        moscow.federation.recovery.override(tx, { operator, reason: 'SPB is away for weeks' }),
      );
    }
    await until(() => Promise.resolve(!moscow.federation.isRecovering() || undefined));

    // SPB is back with all it had.
    petersburg = await opened(spb, spbNew);
    await until(async () => {
      const legs = await moscow.logged('payment.accepted');
      return legs.length >= 3 || undefined;
    });
    await quiet(moscow, petersburg, hq);
    await until(() => Promise.resolve(petersburg.federation.isCertain() || undefined));

    // Long after that SPB is restored from its older copy.
    await closed(petersburg);
    network.leave(spb);
    petersburg = await opened(spb, spbOld);
    await pause(6_000);
    const alarms = moscow.alarms.list().map(({ code, detail }) => `${code}: ${detail}`);
    const mayPay = await moscow.store.read((tx) => moscow.federation.mayPayOut(tx));
    expect(alarms.filter((text) => text.startsWith('forked'))).to.deep.equal([]);
    expect(mayPay).to.equal(true);
  });
});
