import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { createAlarms } from '../../../shared/federation/alarms.ts';
import { createFederation } from '../../../shared/federation/federation.ts';
import { createLog } from '../../../shared/federation/log.ts';
import { createRecovery } from '../../../shared/federation/recovery.ts';
import { recoveringReason } from '../../../shared/federation/recovery-store.ts';
import { createSigner, createVerifier } from '../../../shared/federation/signing.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { DomainError } from '../../../shared/problem/problem.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Reader, Store } from '../../../shared/store/store.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import { changeableDirectory, federationKeys } from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;
const spb = 'SPB' as NodeCode;

describe('a recovery', () => {
  let store: Store;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sbms-recovery-'));
    ({ store } = await openStore({
      url: `file:${join(folder, 'store.db')}`,
      migrations: [{ room: 'federation', directory: 'shared/federation/migrations' }],
    }));
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  it('begins although the store takes nothing at the moment when it is called for', async () => {
    const keys = await federationKeys([msk]);
    const directory = changeableDirectory();
    let failures = 1;
    const said: string[] = [];
    const note = (moment: string) => async (tx: Reader) =>
      void said.push(`${moment}: ${await recoveringReason(tx)}`);
    const failing: Store = {
      ...store,
      write: (fn) => {
        failures -= 1;
        if (failures < 0) return store.write(fn);
        return Promise.reject(new DomainError('store-unavailable'));
      },
    };
    const ended = new Promise<void>((resolve) => {
      const recovery = createRecovery({
        ...{ node: msk, store: failing, clock: systemClock, ids: systemIds, directory },
        log: createLog({ node: msk, clock: systemClock, ids: systemIds }),
        client: { request: () => Promise.reject(new DomainError('peer-unreachable')) },
        signer: createSigner(keys.identity(msk)),
        verifier: createVerifier({ directory, headOfficeKey: keys.identity(msk).headOfficeKey }),
        replayers: new Map(),
        isRecovering: () => false,
        introduce: async () => {},
        told: () => {},
        marked: note('what ends with a set-back'),
        ending: note('what a crash would find'),
        recovered: resolve,
        certain: () => {},
        alarm: () => {},
      });
      recovery.suspect(spb, 'it says so').catch((error: unknown) => {
        expect(error).to.be.instanceOf(DomainError);
      });
    });
    await ended;
    expect(said).to.deep.equal([
      'what ends with a set-back: SPB: it says so',
      'what a crash would find: SPB: it says so',
    ]);
  });

  it('that failed once says so no more when it is over', async () => {
    const keys = await federationKeys([msk]);
    const directory = changeableDirectory();
    let isAway = false;
    const write: Store['write'] = (fn) =>
      isAway ? Promise.reject(new DomainError('store-unavailable')) : store.write(fn);
    const alarms = createAlarms({ clock: systemClock, report: () => {} });
    const federation = createFederation({
      ...{ node: msk, codeVersion: 'new', store: { ...store, write }, alarms, directory },
      ...{ clock: systemClock, ids: systemIds },
      client: { request: () => Promise.reject(new DomainError('peer-unreachable')) },
      signer: createSigner(keys.identity(msk)),
      verifier: createVerifier({ directory, headOfficeKey: keys.identity(msk).headOfficeKey }),
      release: () => 1,
      businessDate: async () => '2025-06-30',
    });
    await federation.begin({ setBack: true, continues: false });
    const ended = new Promise<void>((resolve) => federation.onRecovered(resolve));
    isAway = true;
    await federation.start();
    await pause(100);
    const codes = () => alarms.list().map(({ code }) => code);
    expect(codes()).to.have.members(['set-back', 'recovery-failed']);
    isAway = false;
    await ended;
    expect(codes()).to.deep.equal([]);
    await federation.stop();
  });
});
