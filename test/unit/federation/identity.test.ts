import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { enrolWithCentre } from '../../../shared/federation/enrolment.ts';
import {
  completeIdentity,
  createIdentity,
  loadIdentity,
  publicKeyOf,
  signingKeyId,
} from '../../../shared/federation/identity.ts';
import { headOffice, type NodeCode } from '../../../shared/ids/ids.ts';
import { nextFolderOf } from '../../../shared/store/adopted-files.ts';
import { certificateFor, federationKeys, refusalBy } from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;
const spb = 'SPB' as NodeCode;

describe('node identity', () => {
  let dir = '';
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sbms-identity-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  async function enrolled() {
    const { authority, identity } = await federationKeys([msk]);
    const keys = await createIdentity(dir, msk);
    const headOfficeKey = publicKeyOf(identity(headOffice).signingKey);
    const certPem = certificateFor(authority, keys);
    completeIdentity(dir, { certPem, caPem: authority.certPem, headOfficeKey });
    return { keys, headOfficeKey };
  }

  it('comes back from its directory as it was written', async () => {
    const { keys, headOfficeKey } = await enrolled();
    expect(await loadIdentity(dir)).to.deep.include({ ...keys, headOfficeKey });
  });

  it('does not load with an authority that is damaged, and says what to do', async () => {
    await enrolled();
    const path = join(dir, 'ca.pem');
    const whole = await readFile(path, 'utf8');
    const middle = Math.floor(whole.length / 2);
    const letter = whole[middle] === 'A' ? 'B' : 'A';
    const changed = whole.slice(0, middle) + letter + whole.slice(middle + 1);
    for (const text of ['', 'x', whole.slice(0, middle), `${whole}-----BEGIN CERT`, changed]) {
      await writeFile(path, text);
      const said = await loadIdentity(dir).then(() => 'it loads', String);
      expect(said).to.include('which head office serves as /enrolment/ca.pem');
    }
  });

  it('is readable by its owner only', async () => {
    await enrolled();
    const names = await readdir(dir);
    expect(names).to.have.length(5);
    for (const name of names) {
      expect((await stat(join(dir, name))).mode & 0o777, name).to.equal(0o600);
    }
  });

  it('keeps its keys when it is made again', async () => {
    const first = await createIdentity(dir, msk);
    expect(await createIdentity(dir, msk)).to.deep.equal(first);
  });

  it('is not found before enrolment', async () => {
    await createIdentity(dir, msk);
    expect(await refusalBy(loadIdentity(dir))).to.include({ code: 'not-found' });
  });

  it('refuses the directory of another node', async () => {
    await enrolled();
    expect(await refusalBy(createIdentity(dir, spb))).to.include({ code: 'enrolment-refused' });
  });

  it('refuses a certificate that is not for its key', async () => {
    await enrolled();
    const { identity } = await federationKeys([msk]);
    await writeFile(join(dir, 'tls-cert.pem'), identity(msk).certPem);
    const error = await loadIdentity(dir).catch((cause) => cause);
    expect(String(error)).to.include('do not belong together');
  });

  it('names its signing key by the thumbprint of the public half', async () => {
    const { signingKey } = await createIdentity(dir, msk);
    expect(await signingKeyId(signingKey)).to.equal(await signingKeyId(publicKeyOf(signingKey)));
    expect(publicKeyOf(signingKey)).to.not.have.property('d');
  });

  it('is whole after an enrolment that failed where a crash had come between new files', async () => {
    const { headOfficeKey } = await enrolled();
    const { authority } = await federationKeys([msk]);
    for (const again of [true, false]) {
      const next = nextFolderOf(dir);
      const keys = await createIdentity(next, msk);
      const certPem = certificateFor(authority, keys);
      completeIdentity(next, { certPem, caPem: authority.certPem, headOfficeKey });
      // What the adoption had come to.
      await writeFile(join(next, 'adopt'), '');
      await copyFile(join(next, 'tls-key.pem'), join(dir, 'tls-key.pem'));
      const token = `${'A'.repeat(43)}.${'0'.repeat(64)}`;
      const urls = { peerUrl: 'https://127.0.0.1:2', frontUrl: 'https://127.0.0.1:3' };
      const refusal = await refusalBy(
        enrolWithCentre({
          centreUrl: 'https://127.0.0.1:1',
          token,
          dir,
          code: msk,
          ...urls,
          again,
        }),
      );
      expect(refusal).to.include({ code: 'peer-unreachable' });
      expect((await loadIdentity(dir)).signingKey).to.deep.equal(keys.signingKey);
    }
  });
});
