import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JWK } from 'jose';
import { findPrepared } from '../../../central-node/reference/prepared-release-store.ts';
import { createPreparedReleases } from '../../../central-node/reference/prepared-releases.ts';
import { publicKeyOf } from '../../../shared/federation/identity.ts';
import { createSigner } from '../../../shared/federation/signing.ts';
import { headOffice } from '../../../shared/ids/ids.ts';
import type { ReleaseManifest } from '../../../shared/reference/release.ts';
import {
  approvableRelease,
  createReleaseApproval,
} from '../../../shared/reference/release-approval.ts';
import { approvalType, approve } from '../../../shared/reference/release-keys.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';

describe('a release that is being signed', () => {
  let store: Store;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sbms-prepared-'));
    ({ store } = await openStore({
      url: `file:${join(folder, 'store.db')}`,
      migrations: [{ room: 'centre-reference', directory: 'central-node/reference/migrations' }],
    }));
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const also = async () => undefined;
  const newKey = (): JWK => generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });

  async function prepared() {
    const keys = [1, 2].map(newKey);
    const own = newKey();
    const pinned = { version: 1, threshold: 2, keys: keys.map(publicKeyOf) };
    let version = 1;
    const at = '2026-11-30T12:00:00.000Z';
    const releases = createPreparedReleases({
      ...{
        store,
        signer: createSigner({ code: headOffice, signingKey: own }),
        references: {} as never,
      },
      drafts: {
        async compose() {
          const dates = { createdAt: at, effectiveFrom: at };
          const manifest: ReleaseManifest = { version, previous: null, ...dates, datasets: {} };
          return { manifest, texts: new Map() } as never;
        },
      },
      approval: createReleaseApproval({ pinned, headOfficeKey: () => own }),
    });
    const prepare = () => releases.prepare({ actor: 'root', also });
    const { manifest } = await prepare();
    const sign = (key: JWK | undefined) =>
      approve(key ?? {}, approvalType, approvableRelease(manifest));
    return {
      ...{ releases, sign, keys },
      prepareNext() {
        version += 1;
        return prepare();
      },
    };
  }

  it('keeps both of two signatures that are handed in at once', async () => {
    const { releases, sign, keys } = await prepared();
    const [one, other] = await Promise.all(keys.map(sign));
    await Promise.all([releases.approve(one ?? '', also), releases.approve(other ?? '', also)]);
    const kept = await store.read(findPrepared);
    expect(kept?.approvals).to.have.members([one, other]);
  });

  it('is not put back by a signature of the one that was prepared before', async () => {
    const { releases, sign, keys, prepareNext } = await prepared();
    const signing = releases.approve(await sign(keys[0]), also);
    const next = await prepareNext();
    await signing;
    const kept = await store.read(findPrepared);
    expect(kept).to.deep.include({ manifest: next.manifest, approvals: [] });
  });
});
