import { createPublicKey, X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import {
  certificateFacts,
  certificateFingerprint,
  createRequest,
  dueForRenewal,
  hostsOf,
  issueCertificate,
  randomSerial,
} from '../../../shared/federation/certificates.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import { sha256 } from '../../../shared/wire/canonical.ts';
import { certificateFor, federationKeys } from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;
const spb = 'SPB' as NodeCode;

describe('certificates', () => {
  async function issueFor(options: { csrPem: string; code: NodeCode; hosts?: string[] }) {
    const { authority } = await federationKeys([msk]);
    return issueCertificate({
      authority,
      hosts: [],
      validDays: 30,
      clock: systemClock,
      serial: randomSerial(systemIds),
      ...options,
    });
  }

  it('names the node, its hosts and both uses, under the authority', async () => {
    const { authority, identity } = await federationKeys([msk]);
    const csrPem = createRequest({ code: msk, keyPem: identity(msk).tlsKeyPem });
    const hosts = hostsOf(['https://msk.example:8443', 'https://[::1]:9', 'https://10.0.0.1']);
    const x509 = new X509Certificate(await issueFor({ csrPem, code: msk, hosts }));
    const ca = new X509Certificate(authority.certPem);
    expect(x509.verify(ca.publicKey)).to.equal(true);
    expect(x509.checkIssued(ca)).to.equal(true);
    expect(x509.ca).to.equal(false);
    expect(ca.ca).to.equal(true);
    expect(x509.subject).to.equal('CN=MSK');
    expect(x509.subjectAltName).to.include('URI:sbms:node:MSK, DNS:msk.sbms.internal');
    expect(x509.checkHost('msk.example')).to.equal('msk.example');
    expect(x509.checkIP('10.0.0.1')).to.equal('10.0.0.1');
    expect(x509.checkIP('::1')).to.equal('::1');
    // keyUsage is what Node calls the extended key usage: serverAuth and clientAuth.
    expect(x509.keyUsage).to.have.members(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  });

  it('reads back serial, key and dates', async () => {
    const { authority, identity } = await federationKeys([msk]);
    const keys = identity(msk);
    const certPem = certificateFor(authority, keys);
    const facts = certificateFacts(certPem);
    const serial = new X509Certificate(certPem).serialNumber.toLowerCase();
    expect(facts).to.include({ code: 'MSK', serial });
    expect(serial).to.match(/^[4-7][0-9a-f]{31}$/);
    const spki = createPublicKey(keys.tlsKeyPem).export({ type: 'spki', format: 'der' });
    expect(facts.spkiSha256).to.equal(sha256(spki));
    expect(facts.notAfter - facts.notBefore).to.be.closeTo(30 * 86_400_000, 301_000);
  });

  it('makes positive serials of 16 bytes whatever the random bytes are', () => {
    for (const byte of ['00', '7f', '80', 'ff']) {
      const serial = randomSerial({ ...systemIds, hex: (length) => byte.repeat(length) });
      expect(serial).to.match(/^[4-7][0-9a-f]{31}$/);
    }
  });

  it('refuses a request for another node, a tampered one and a text that is none', async () => {
    const { identity } = await federationKeys([msk]);
    const csrPem = createRequest({ code: msk, keyPem: identity(msk).tlsKeyPem });
    const der = Buffer.from(csrPem.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64');
    const signatureAt = der.length - 20;
    der.writeUInt8(der.readUInt8(signatureAt) ^ 1, signatureAt);
    const tampered = [
      '-----BEGIN CERTIFICATE REQUEST-----',
      der.toString('base64'),
      '-----END CERTIFICATE REQUEST-----',
    ].join('\n');
    for (const [pem, code] of [
      [csrPem, spb],
      [tampered, msk],
      ['hello', msk],
    ] as const) {
      const error = await issueFor({ csrPem: pem, code }).catch((cause) => cause);
      expect(error).to.include({ code: 'enrolment-refused' });
    }
  });

  it('refuses to read a node out of a certificate that names none', async () => {
    const { authority } = await federationKeys([msk]);
    expect(() => certificateFacts(authority.certPem)).to.throw('does not name one node');
    expect(() => certificateFacts('nothing')).to.throw('not a certificate');
  });

  it('is due for renewal from two thirds of its life on', async () => {
    const { identity } = await federationKeys([msk]);
    const facts = { ...certificateFacts(identity(msk).certPem), notBefore: 0, notAfter: 3_000 };
    expect(dueForRenewal(facts, 1_999)).to.equal(false);
    expect(dueForRenewal(facts, 2_000)).to.equal(true);
  });

  it('fingerprints the DER, not the text', async () => {
    const { authority } = await federationKeys([msk]);
    const print = certificateFingerprint(authority.certPem);
    expect(certificateFingerprint(authority.certPem.replaceAll('\r\n', '\n'))).to.equal(print);
    expect(print).to.match(/^[0-9a-f]{64}$/);
  });
});
