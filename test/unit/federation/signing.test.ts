import { expect } from 'chai';
import { createSigner, createVerifier } from '../../../shared/federation/signing.ts';
import { headOffice, type NodeCode } from '../../../shared/ids/ids.ts';
import { changeableDirectory, federationKeys, refusalBy } from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;
const spb = 'SPB' as NodeCode;
const typ = 'sbms-head+jws';

describe('signing', () => {
  async function setUp() {
    const keys = await federationKeys([msk, spb]);
    const directory = changeableDirectory([keys.peer(msk), keys.peer(spb)]);
    const { headOfficeKey } = keys.identity(msk);
    const verifier = createVerifier({ directory, headOfficeKey });
    const jws = await createSigner(keys.identity(msk)).sign(typ, { position: 7, name: 'Москва' });
    return { keys, directory, headOfficeKey, verifier, jws };
  }

  /** The same JWS under another header; the signature is the old one, or none. */
  function reheaded(jws: string, changes: object): string {
    const [header = '', payload, signature] = jws.split('.');
    const changed = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), ...changes };
    return [Buffer.from(JSON.stringify(changed)).toString('base64url'), payload, signature].join(
      '.',
    );
  }

  it('gives back what the node signed', async () => {
    const { verifier, jws } = await setUp();
    const payload = await verifier.verify(jws, { node: msk, typ });
    expect(payload).to.deep.equal({ position: 7, name: 'Москва' });
  });

  it('names typ, kid and alg in the protected header', async () => {
    const { jws } = await setUp();
    const header = JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString());
    expect(header).to.have.all.keys('alg', 'typ', 'kid');
    expect(header).to.include({ alg: 'EdDSA', typ });
  });

  it('refuses another node, another typ, another payload and rubbish', async () => {
    const { verifier, jws } = await setUp();
    const [header, , signature] = jws.split('.');
    const other = Buffer.from('{"position":8}').toString('base64url');
    const cases = [
      [jws, { node: spb, typ }],
      [jws, { node: msk, typ: 'sbms-actor+jws' }],
      [`${header}.${other}.${signature}`, { node: msk, typ }],
      ['a.b.c', { node: msk, typ }],
      ['', { node: msk, typ }],
    ] as const;
    for (const [text, expected] of cases) {
      expect(await refusalBy(verifier.verify(text, expected))).to.include({ code: 'peer-refused' });
    }
  });

  it("refuses alg none, a symmetric alg, and another node's kid", async () => {
    const { keys, verifier, jws } = await setUp();
    const unsigned = `${reheaded(jws, { alg: 'none' }).split('.').slice(0, 2).join('.')}.`;
    const spbSigned = await createSigner(keys.identity(spb)).sign(typ, {});
    const spbHeader = spbSigned.split('.')[0];
    const asSpb = [spbHeader, ...jws.split('.').slice(1)].join('.');
    for (const text of [unsigned, reheaded(jws, { alg: 'HS256' }), asSpb, spbSigned]) {
      const refusal = await refusalBy(verifier.verify(text, { node: msk, typ }));
      expect(refusal).to.include({ code: 'peer-refused' });
    }
  });

  it("refuses a good signature under a kid that is not the key's own", async () => {
    const { keys, verifier } = await setUp();
    const { CompactSign, importJWK } = await import('jose');
    const key = await importJWK(keys.identity(msk).signingKey, 'EdDSA');
    const jws = await new CompactSign(Buffer.from('{}'))
      .setProtectedHeader({ alg: 'EdDSA', typ, kid: 'another' })
      .sign(key);
    const refusal = await refusalBy(verifier.verify(jws, { node: msk, typ }));
    expect(refusal).to.include({ code: 'peer-refused' });
  });

  it('refuses unknown and inactive nodes; the historic verifier reads inactive ones', async () => {
    const { keys, directory, headOfficeKey, verifier, jws } = await setUp();
    directory.set(keys.peer(msk, { active: false }));
    const historic = createVerifier({ directory, headOfficeKey, historic: true });
    expect(await refusalBy(verifier.verify(jws, { node: msk, typ }))).to.include({
      code: 'peer-refused',
    });
    expect(await historic.verify(jws, { node: msk, typ })).to.have.property('position', 7);
    directory.remove(msk);
    expect(await refusalBy(historic.verify(jws, { node: msk, typ }))).to.include({
      code: 'peer-refused',
    });
  });

  it("takes HQ's pinned key until the directory names one, then the directory's", async () => {
    const { keys, directory, verifier } = await setUp();
    const jws = await createSigner(keys.identity(headOffice)).sign(typ, { version: 1 });
    expect(await verifier.verify(jws, { node: headOffice, typ })).to.deep.equal({ version: 1 });
    directory.set(keys.peer(headOffice, { signingKey: keys.peer(spb).signingKey }));
    expect(await refusalBy(verifier.verify(jws, { node: headOffice, typ }))).to.include({
      code: 'peer-refused',
    });
  });
});
