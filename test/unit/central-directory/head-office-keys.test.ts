import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { openAuthority, rollAuthority } from '../../../central-node/directory/authority.ts';
import { openHeadOfficeIdentity } from '../../../central-node/directory/head-office-identity.ts';
import { createHeadOfficeKeys } from '../../../central-node/directory/head-office-keys.ts';
import { keysOfNode } from '../../../central-node/directory/node-key-store.ts';
import { certificateFacts, followsFrom } from '../../../shared/federation/certificates.ts';
import { loadIdentity } from '../../../shared/federation/identity.ts';
import { createChangingSigner } from '../../../shared/federation/signing.ts';
import { headOffice, systemIds as ids } from '../../../shared/ids/ids.ts';
import { nextFolderOf } from '../../../shared/store/adopted-files.ts';
import { until } from '../../support/federation.ts';
import { centre, closeCentres, temporary } from './enrolment-fixture.ts';

const dayMs = 86_400_000;
/** What would overtake does so much sooner. */
const overtakingMs = 300;

describe("head office's own keys", () => {
  afterEach(closeCentres);

  async function changing() {
    const { store, clock } = await centre();
    const dir = await temporary();
    const files = { dir: join(dir, 'authority'), clock, ids };
    let authority = await openAuthority(files);
    const open = (folder: string) =>
      openHeadOfficeIdentity({ dir: folder, authority, urls: ['https://hq.example'], clock, ids });
    let identity = await open(dir);
    let wait: Promise<void> | undefined;
    const order: string[] = [];
    /** Whose word a release of what has changed would be. */
    const tellers: (string | undefined)[] = [];
    let isCrashing = false;
    // Where the mark is to be written from which on the next files count.
    const obstacle = join(nextFolderOf(dir), 'adopt.draft', 'folder');
    const keys = createHeadOfficeKeys({
      ...{ dir, store, clock },
      signer: createChangingSigner(() => identity),
      liveness: { statuses: () => [] },
      reference: () => undefined,
      identity: () => identity,
      async open(folder) {
        if (folder === dir) await wait;
        const opened = await open(folder);
        if (isCrashing) await mkdir(obstacle, { recursive: true });
        return opened;
      },
      adopted(next) {
        order.push(next.signingKey.x === identity.signingKey.x ? 'certificate' : 'keys');
        identity = next;
      },
      onChanged: async () => void tellers.push(identity.signingKey.x),
    });
    return {
      ...{ dir, clock, keys, order, tellers },
      identity: () => identity,
      stateOf: async (key: string | undefined) =>
        (await store.read((tx) => keysOfNode(tx, headOffice))).find((each) => each.key === key)
          ?.state,
      /** Ends the work in front of the first of the next files that is adopted. */
      async crashing(work: () => Promise<void>): Promise<void> {
        isCrashing = true;
        expect(await work().catch((error) => error)).to.be.instanceOf(Error);
        isCrashing = false;
        await rm(join(obstacle, '..'), { recursive: true });
      },
      /** The present files are not looked at before the answer is called. */
      hold(): () => void {
        let goOn = () => {};
        wait = new Promise((resolve) => {
          goOn = resolve;
        });
        return goOn;
      },
      async roll() {
        authority = await rollAuthority(files, authority, { stolen: true });
        return authority;
      },
    };
  }

  it('are used with a certificate of the authority of that day', async () => {
    const { keys, identity, roll, dir, clock } = await changing();
    await keys.begin();
    const { certPem } = await roll();
    clock.shift(31 * dayMs);
    await keys.advance({ force: true });
    expect(identity().caPem).to.equal(certPem);
    expect(followsFrom(identity().certPem, certPem)).to.equal(true);
    expect(await loadIdentity(dir)).to.deep.equal(identity());
    expect(await keys.state()).to.equal('none');
  });

  it('are not changed while their certificate is being renewed', async () => {
    const { keys, dir, clock, order, hold, identity } = await changing();
    await keys.begin();
    clock.shift(21 * dayMs);
    const goOn = hold();
    const both = Promise.all([keys.renewCertificate(), keys.advance({ force: true })]);
    const adopted = until('they are changed', () => order.includes('keys'), overtakingMs);
    expect(
      await adopted.then(
        () => 'changed',
        () => 'waiting',
      ),
    ).to.equal('waiting');
    goOn();
    await both;
    expect(order).to.deep.equal(['certificate', 'keys']);
    expect(await loadIdentity(dir)).to.deep.equal(identity());
  });

  it('have a certificate of today also after the clock was ahead and was put right', async () => {
    const { keys, identity, clock } = await changing();
    clock.shift(25 * dayMs);
    await keys.renewCertificate();
    clock.shift(-25 * dayMs);
    await keys.renewCertificate();
    expect(certificateFacts(identity().certPem).notBefore).to.be.lessThan(clock.nowMs());
  });

  it('are revoked when they were stolen, also if a crash comes before the next ones are used', async () => {
    const { keys, identity, crashing, stateOf } = await changing();
    const { x } = identity().signingKey;
    await crashing(() => keys.replaceStolen());
    await keys.advance();
    expect(identity().signingKey.x).to.not.equal(x);
    expect(await stateOf(x)).to.equal('revoked');
    expect(await stateOf(identity().signingKey.x)).to.equal('accepted');
    expect(await keys.successors()).to.deep.equal([]);
  });

  it('tell of their end by the next ones alone when head office starts after that crash', async () => {
    const { keys, identity, crashing, tellers } = await changing();
    const { x } = identity().signingKey;
    await crashing(() => keys.replaceStolen());
    await keys.settle();
    expect(tellers).to.deep.equal([identity().signingKey.x]).and.not.include(x);
    await keys.settle();
    expect(tellers).to.have.length(2);
  });
});
