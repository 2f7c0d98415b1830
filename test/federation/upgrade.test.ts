import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { openBranch } from '../../branch-node/branch.ts';
import { readBranchConfig } from '../../branch-node/config.ts';
import { openCentre } from '../../central-node/centre.ts';
import { readCentreConfig } from '../../central-node/config.ts';
import { touchState } from '../../shared/federation/recovery-store.ts';
import { verifyStore } from '../../shared/node/maintenance.ts';
import { assetPath } from '../../shared/store/assets.ts';
import type { MigrationSet } from '../../shared/store/migrations.ts';
import { openStore } from '../../shared/store/open-store.ts';
import { forgedIdentity } from '../support/rogue.ts';

/** Stores that version 0.1.0 wrote, with payments, a cancellation, one still under way, and an entry it did not know. */
const rooms = {
  MSK: [
    ...['operations', 'payments', 'business-days', 'sim', 'subscribers', 'settlement'].map(
      (room) => [room, `branch-node/${room}/migrations`] as const,
    ),
  ],
  HQ: [
    ...['directory', 'reference', 'reconciliation', 'settlement'].map(
      (room) => [`centre-${room}`, `central-node/${room}/migrations`] as const,
    ),
  ],
} as const;
const sharedRooms = [
  ...(['federation', 'ledger', 'access', 'web', 'reference'] as const).map(
    (room) => [room, `shared/${room}/migrations`] as const,
  ),
  ['leg-totals', 'shared/reconciliation/migrations'] as const,
];

describe('a store of version 0.1.0', function () {
  this.timeout(120_000);
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-upgrade-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function layDown(code: 'MSK' | 'HQ'): string {
    const path = join(folder, 'store.db');
    writeFileSync(
      path,
      gunzipSync(readFileSync(assetPath(`test/upgrade/0.1.0/${code.toLowerCase()}.gz`))),
    );
    chmodSync(path, 0o600);
    return path;
  }
  const environment = (code: string) => ({
    NODE_CODE: code,
    DATA_DIR: folder,
    FRONT_PORT: '0',
    FRONT_URL: 'http://127.0.0.1:1',
    PEER_PORT: '0',
    PEER_URL: 'https://127.0.0.1:2',
    CENTRE_URL: 'https://127.0.0.1:2',
    LOG_LEVEL: 'error',
  });
  /** As it would stand on its other disk: without it the branch would not be sure of its past. */
  async function rememberCount(path: string): Promise<void> {
    const migrations = [...sharedRooms, ...rooms.MSK].map(([room, directory]) => ({
      room,
      directory,
    }));
    const sentinel = join(folder, 'sentinel');
    const { store } = await openStore({ url: `file:${path}`, migrations, sentinel });
    await store.write(touchState);
    await store.close();
  }
  const openMoscow = async () => {
    const identity = await forgedIdentity('MSK');
    return openBranch(readBranchConfig(environment('MSK')), { loadIdentity: async () => identity });
  };

  it('of a branch is brought up to date, verifies, and business goes on', async () => {
    await rememberCount(layDown('MSK'));
    const branch = await openMoscow();
    try {
      expect(await verifyStore(branch.store)).to.deep.equal([]);
      const left = await branch.store.read((tx) =>
        tx.all('SELECT peer, kind, reason, code_version FROM set_aside_entries'),
      );
      expect(left).to.deep.equal([
        { peer: 'SPB', kind: 'gift.offered', reason: null, code_version: '0.1.0' },
      ]);
      let gifts = 0;
      branch.federation.onEntry('gift.offered', async () => {
        gifts += 1;
      });
      await branch.start();
      expect(gifts, 'what the old code did not know is worked off').to.equal(1);
      const msisdn = '79250000001';
      const paid = await branch.store.write((tx) =>
        branch.operations.accept(tx, {
          ...{ kind: 'payment', msisdn, actor: { id: 'test', name: 'Test' } },
          request: { money: { amount: '4.00', currency: 'RUB' }, tender: { kind: 'cash' } },
        }),
      );
      expect(paid.state).to.equal('concluded');
      expect(await verifyStore(branch.store)).to.deep.equal([]);
    } finally {
      await branch.stop();
    }
  });

  it('of head office is brought up to date and verifies', async () => {
    layDown('HQ');
    const centre = await openCentre(readCentreConfig(environment('HQ')));
    try {
      expect(await verifyStore(centre.store)).to.deep.equal([]);
      expect(centre.references.current()?.version).to.equal(1);
    } finally {
      await centre.stop();
    }
  });

  for (const code of ['MSK', 'HQ'] as const) {
    it(`of ${code} is brought up to date from wherever an upgrade was interrupted`, async () => {
      const all = [...sharedRooms, ...rooms[code]];
      const newest = Math.max(...all.map(([, directory]) => filesOf(directory).length));
      for (let upTo = 1; upTo <= newest; upTo += 1) {
        const path = layDown(code);
        for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
        await opened(
          path,
          all.map(([room, directory]) => ({ room, directory: cut(directory, upTo) })),
        );
        await opened(
          path,
          all.map(([room, directory]) => ({ room, directory })),
        );
      }
    });
  }

  it('is refused by code that is older, in a sentence that says what to do', async () => {
    const path = layDown('MSK');
    const all = [...sharedRooms, ...rooms.MSK].map(([room, directory]) => ({ room, directory }));
    await opened(path, all);
    const older = all.map(({ room, directory }) => ({
      room,
      directory: room === 'federation' ? cut(directory, 1) : directory,
    }));
    const refused = await opened(path, older).catch((error: Error) => error.message);
    expect(refused).to.match(/newer than this code: migration federation\/0002.*Start the version/);
    const without = all.filter(({ room }) => room !== 'sim');
    const unknown = await opened(path, without).catch((error: Error) => error.message);
    expect(unknown).to.match(/newer than this code: it has migrations of unknown sim/);
  });

  const filesOf = (directory: string) =>
    readdirSync(assetPath(directory)).filter((name) => name.endsWith('.sql'));

  /** A folder with the first so many of a room's files, as older code has it; 0.1.0's own are always there. */
  function cut(directory: string, upTo: number): string {
    const first = Math.max(upTo, directory === 'central-node/reference/migrations' ? 2 : 1);
    const copy = join(folder, `cut-${randomBytes(6).toString('hex')}`);
    mkdirSync(copy);
    for (const name of filesOf(directory).sort().slice(0, first)) {
      cpSync(join(assetPath(directory), name), join(copy, name));
    }
    return copy;
  }

  async function opened(path: string, migrations: MigrationSet[]): Promise<void> {
    const { store } = await openStore({ url: `file:${path}`, migrations });
    try {
      expect(await verifyStore(store)).to.deep.equal([]);
    } finally {
      await store.close();
    }
  }
});
