import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import type { JWK } from 'jose';
import { publicKeyOf } from '../../../shared/federation/identity.ts';
import type { ReleaseManifest } from '../../../shared/reference/release.ts';
import {
  approvableRelease,
  createReleaseApproval,
} from '../../../shared/reference/release-approval.ts';
import {
  approvableKeySet,
  approvalType,
  approve,
  type KeySet,
  type KeySetStatement,
  keySetType,
} from '../../../shared/reference/release-keys.ts';
import { refusalBy } from '../../support/federation-keys.ts';

const directory = { branches: [], 'node-keys': [] };

describe('the approval of a release', () => {
  const people = new Map<string, JWK>();
  before(() => {
    for (const name of ['A', 'B', 'C', 'D', 'E', 'F', 'HQ']) {
      people.set(name, generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }));
    }
  });
  const keyOf = (name: string): JWK => people.get(name) ?? {};

  function keySet(version: number, names: string): KeySet {
    const keys = [...names].map((name) => publicKeyOf(keyOf(name)));
    return { version, threshold: 2, keys };
  }

  async function rotation(next: KeySet, signers: string): Promise<KeySetStatement> {
    const subject = approvableKeySet(next);
    const sign = (name: string) => approve(keyOf(name), keySetType, subject);
    return { keySet: next, approvals: await Promise.all([...signers].map(sign)) };
  }

  async function release(version: number, keySets: KeySetStatement[], signers: string) {
    const at = '2026-11-30T12:00:00.000Z';
    const dates = { createdAt: at, effectiveFrom: at };
    const manifest: ReleaseManifest = {
      ...{ version, previous: version - 1, ...dates, datasets: {} },
      ...(keySets.length === 0 ? {} : { keySets }),
    };
    const subject = approvableRelease(manifest);
    const sign = (name: string) => approve(keyOf(name), approvalType, subject);
    const approvals = await Promise.all([...signers].map(sign));
    return { manifest: { ...manifest, approvals }, directory, isOvertaken: false };
  }

  const approvalOf = (pinned = keySet(1, 'ABC'), headOffice = () => 'HQ') =>
    createReleaseApproval({ pinned, headOfficeKey: () => keyOf(headOffice()) });

  it('goes on with the keys that the releases before it led to', async () => {
    const second = await rotation(keySet(2, 'BCD'), 'AB');
    const third = await rotation(keySet(3, 'DEF'), 'CD');
    const held = await release(2, [second], 'CD');
    const { assertApproved } = approvalOf();
    await assertApproved(await release(3, [second], 'BD'), [held]);
    await assertApproved(await release(3, [second, third], 'DE'), [held]);
    const back = assertApproved(await release(3, [], 'AB'), [held]);
    expect(await refusalBy(back)).to.include({ code: 'release-not-approved' });
  });

  it('is not by other keys that the old ones named for the same number', async () => {
    // A and B were stolen, and so the keys of all were replaced.
    const held = await release(2, [await rotation(keySet(2, 'CDE'), 'BC')], 'CD');
    const other = await rotation(keySet(2, 'ABF'), 'AB');
    const further = await rotation(keySet(3, 'ABF'), 'AB');
    const { assertApproved } = approvalOf();
    for (const keySets of [[other], [other, further]]) {
      const forged = assertApproved(await release(3, keySets, 'AB'), [held]);
      expect(await refusalBy(forged)).to.include({ code: 'release-not-approved' });
    }
  });

  it("is not by head office's own key, also not by the one that it has since", async () => {
    let own = 'HQ';
    const pinned = keySet(1, 'ABCD');
    const { assertApproved, keySetOf } = approvalOf(pinned, () => own);
    const signed = await release(1, [], 'AD');
    await assertApproved(signed, []);
    own = 'D';
    const refusal = await refusalBy(assertApproved(signed, []));
    expect(refusal).to.include({ code: 'release-not-approved' });
    const rotated = await release(1, [await rotation(keySet(2, 'AEF'), 'AD')], 'EF');
    expect(await refusalBy(keySetOf(rotated.manifest))).to.include({
      code: 'release-not-approved',
    });
  });
});
