import { expect } from 'chai';
import { findBranch } from '../../../central-node/directory/enrolment-store.ts';
import { createLostDirectory } from '../../../central-node/directory/lost-directory.ts';
import type { NodeKey } from '../../../shared/federation/peers.ts';
import type { RowOf } from '../../../shared/reference/datasets.ts';
import { instantOf, now } from '../../../shared/time/clock.ts';
import { centre, closeCentres, msk } from './enrolment-fixture.ts';

const newer = { signing: 'B'.repeat(42).concat('A'), tls: 'b'.repeat(64) };

/** Head office is set back to when MSK was enrolled; its last release knows the keys that MSK has had since. */
describe('a directory that was lost with a backup', () => {
  afterEach(closeCentres);

  async function setBack() {
    const { enrol, store, clock, enrolment, changes } = await centre();
    await enrol(msk);
    const [enrolled] = changes;
    if (!enrolled) throw new Error('nobody is enrolled');
    const { peerUrl, frontUrl, signingKey, tlsKeySha256, keys: known } = enrolled;
    const lost = createLostDirectory({ clock, onChanged: async () => {} });

    /** The release says of the keys that the backup knows that they are in `state`, and that others count. */
    function restore(
      state: NodeKey['state'],
      { active, agoMs } = { active: true, agoMs: 60_000 },
    ): Promise<void> {
      const row = {
        ...{ code: msk, name: 'MSK', region: 'R', timeZone: 'Europe/Moscow', peerUrl, frontUrl },
        netDebitCap: { amount: '1.00', currency: 'RUB' },
        signingKey: active ? { ...signingKey, x: newer.signing } : signingKey,
        tlsKeySha256: active ? newer.tls : tlsKeySha256,
        ...{ revokedSerials: [], active },
      };
      const keys: RowOf<'node-keys'>[] = [
        ...known.map(({ use, key }) => ({ node: msk, use, key, state })),
        { node: msk, use: 'signing', key: newer.signing, state: 'accepted' },
        { node: msk, use: 'tls', key: newer.tls, state: 'accepted' },
      ];
      const createdAt = instantOf(clock.nowMs() - agoMs);
      const branches = [row as unknown as RowOf<'branches'>];
      return store.write((tx) => lost.restore(tx, { createdAt, branches, keys }));
    }

    async function accepted(): Promise<string[]> {
      const branch = await store.read((tx) => findBranch(tx, msk, now(clock)));
      const keys = branch?.keys.filter(({ state }) => state === 'accepted') ?? [];
      return keys.map(({ key }) => key).sort();
    }
    const isActive = async () =>
      (await store.read((tx) => findBranch(tx, msk, now(clock))))?.active === true;
    return { clock, enrolment, restore, accepted, isActive };
  }

  it('brings back the keys that a branch has had since, also after the old ones were revoked', async () => {
    for (const state of ['retired', 'revoked'] as const) {
      const { restore, accepted } = await setBack();
      await restore(state);
      expect(await accepted()).to.deep.equal([newer.signing, newer.tls]);
    }
  });

  it('brings back no branch that was cut off meanwhile, but one that enrolled again before the release', async () => {
    for (const sinceMs of [0, 120_000]) {
      const { clock, enrolment, restore, isActive } = await setBack();
      await enrolment.revoke({ code: msk });
      clock.shift(sinceMs);
      await restore('retired');
      expect(await isActive()).to.equal(sinceMs > 0);
    }
  });

  it('brings back a branch by a later release than the one that told of its end', async () => {
    const { restore, isActive } = await setBack();
    await restore('accepted', { active: false, agoMs: 60_000 });
    expect(await isActive()).to.equal(false);
    await restore('retired', { active: true, agoMs: 30_000 });
    expect(await isActive()).to.equal(true);
  });

  it('brings back no key of a branch whose keys were ended meanwhile', async () => {
    const { enrolment, restore, accepted } = await setBack();
    await enrolment.rekey({ code: msk, actor: 'root' });
    await restore('retired');
    expect(await accepted()).to.deep.equal([]);
    await restore('retired');
    expect(await accepted()).to.deep.equal([]);
    expect(await enrolment.openTokens()).to.have.length(1);
  });
});
