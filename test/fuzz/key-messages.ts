import { createRequest } from '../../shared/federation/certificates.ts';
import { keysType, renewalType } from '../../shared/federation/enrolment-messages.ts';
import { createKeys, type NodeIdentity, publicKeyOf } from '../../shared/federation/identity.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import { sha256 } from '../../shared/wire/canonical.ts';

type Statement = Readonly<Record<string, unknown>>;

/**
 * Messages about keys as their sender would sign them, and as nobody should: about another request, of another type,
 * by another key. What schemas alone can make never comes past the first signature.
 */
export async function keyMessages(identity: NodeIdentity) {
  const { code, tlsKeyPem } = identity;
  const next = await createKeys(code);
  const stranger = await createKeys(code);
  const own = createSigner(identity);
  const signers = [own, createSigner(next), createSigner(stranger)];
  const csrs = [tlsKeyPem, next.tlsKeyPem].map((keyPem) => createRequest({ code, keyPem }));
  const statementsOf = (csrPem: string): Statement[] => {
    const right = { node: code, csrSha256: sha256(csrPem) };
    const wrong = [
      { ...right, node: 'NSK' },
      { ...right, csrSha256: sha256('x') },
    ];
    return [right, ...wrong, { ...right, extra: 1 }, {}];
  };
  const renewals: Statement[] = [];
  const announced: Statement[] = [];
  for (const csrPem of csrs) {
    for (const said of statementsOf(csrPem)) {
      for (const typ of [renewalType, keysType]) {
        for (const signer of [own, ...signers.slice(2)]) {
          renewals.push({ code, csrPem, statement: await signer.sign(typ, said) });
        }
      }
      const keyed = { ...said, signingKey: publicKeyOf(next.signingKey) };
      const statement = await own.sign(keysType, keyed);
      for (const signer of signers) {
        announced.push({ csrPem, statement, proof: await signer.sign(keysType, keyed) });
      }
    }
  }
  // Who used the next key from here on would no longer be heard with the present one.
  const adoptions = [identity, stranger].map(({ signingKey }) => ({
    signingKey: publicKeyOf(signingKey),
  }));
  return { renewals, announced, adoptions };
}
