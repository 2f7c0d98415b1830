import { join } from 'node:path';
import { CompactSign, importJWK } from 'jose';
import type { Branch } from '../../branch-node/branch.ts';
import type { Centre } from '../../central-node/centre.ts';
import { openAuthority } from '../../central-node/directory/authority.ts';
import { type ActorRequest, actorHeader, signActor } from '../../shared/federation/actor.ts';
import type { NodeIdentity } from '../../shared/federation/identity.ts';
import { createKeys, publicKeyOf } from '../../shared/federation/identity.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import { type NodeCode, systemIds } from '../../shared/ids/ids.ts';
import { type Clock, systemClock } from '../../shared/time/clock.ts';
import { certificateFor } from '../support/federation-keys.ts';
import { forgedIdentity, stolenIdentity } from '../support/rogue.ts';
import { madeUp, type PeerRow } from './access-matrix.ts';
import type { Stage } from './matrix-stage.ts';

/** The peer routes' cells: certificates over real TLS, assertions of persons in bulk. */

export interface Certificate {
  readonly what: string;
  readonly identity: NodeIdentity | undefined;
  /** What the audit trail says of it. */
  readonly reason: string;
  /** The node that it claims to be, as far as it was read. */
  readonly claimed: string;
}

const dayMs = 24 * 3_600_000;
const shifted = (ms: number): Clock => ({ ...systemClock, nowMs: () => systemClock.nowMs() + ms });

/** Certificates that must not be believed; NSK's was revoked before. */
export async function badCertificates({ federation, clock }: Stage): Promise<Certificate[]> {
  const spb = await stolenIdentity(federation.branch('SPB'));
  const nsk = await stolenIdentity(federation.branch('NSK'));
  const authority = await openAuthority({
    dir: join(federation.hq.dataDir, 'authority'),
    ...{ clock, ids: systemIds },
  });
  const unknown = await createKeys('EKB' as NodeCode);
  const otherKeys = await createKeys('SPB' as NodeCode);
  const issued = (keys: Parameters<typeof certificateFor>[1], at: Clock) => ({
    ...{ ...spb, ...keys },
    certPem: certificateFor(authority, keys, { clock: at }),
  });
  return [
    { what: 'no certificate', identity: undefined, reason: 'no-certificate', claimed: 'unknown' },
    {
      ...{ what: 'a certificate of another authority', identity: await forgedIdentity('SPB') },
      ...{ reason: 'not-our-authority', claimed: 'unknown' },
    },
    {
      ...{ what: 'an expired certificate', identity: issued(spb, shifted(-60 * dayMs)) },
      ...{ reason: 'expired', claimed: 'unknown' },
    },
    {
      ...{ what: 'a certificate of next year', identity: issued(spb, shifted(365 * dayMs)) },
      ...{ reason: 'not-yet-valid', claimed: 'unknown' },
    },
    {
      ...{ what: 'a certificate for another key', identity: issued(otherKeys, systemClock) },
      ...{ reason: 'other-key', claimed: 'SPB' },
    },
    {
      ...{ what: 'a certificate of no member', identity: issued(unknown, systemClock) },
      ...{ reason: 'unknown-node', claimed: 'EKB' },
    },
    {
      ...{ what: 'the certificate of a revoked branch', identity: nsk },
      ...{ reason: 'inactive-node', claimed: 'NSK' },
    },
  ];
}

export function peerPathOf({ route }: PeerRow): string {
  const [, path = ''] = route.split(' ');
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => madeUp[name] ?? name);
}

export interface Assertion {
  readonly what: string;
  readonly value: string | undefined;
  readonly caller: NodeCode;
  readonly expected: 'peer-refused' | 'clock-held' | 'not-permitted';
}

const base64url = (value: object | Buffer) =>
  (Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))).toString('base64url');

/** Assertions for one request that must not be believed, and one without the permission. */
export async function badAssertions(
  { federation, clock }: Stage,
  request: ActorRequest,
  permission: string,
): Promise<Assertion[]> {
  const [msk, spb, nsk] = ['MSK', 'SPB', 'NSK'] as NodeCode[] as [NodeCode, NodeCode, NodeCode];
  const own = await stolenIdentity(federation.branch('SPB'));
  const other = await stolenIdentity(federation.branch('NSK'));
  const signer = createSigner(own);
  const actor = { operator: 'op-1', name: 'Somebody', permissions: [permission] };
  const signed = (changes: {
    to?: NodeCode;
    at?: Clock;
    request?: Partial<ActorRequest>;
    permissions?: string[];
    signer?: typeof signer;
  }) =>
    signActor(
      { signer: changes.signer ?? signer, clock: changes.at ?? clock, ids: systemIds },
      {
        to: changes.to ?? msk,
        actor: { ...actor, permissions: changes.permissions ?? actor.permissions },
        request: { ...request, ...changes.request },
      },
    );
  const good = await signed({});
  const [, payload = ''] = good.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const at = (ms: number): Clock => ({ ...clock, nowMs: () => clock.nowMs() + ms });
  const publicKey = publicKeyOf(own.signingKey);
  const secret = Buffer.from(JSON.stringify(publicKey));
  const hmac = await new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'HS256', typ: 'sbms-actor+jws' })
    .sign(secret);
  const key = await importJWK(other.signingKey, 'EdDSA');
  const byOther = await new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'EdDSA', typ: 'sbms-actor+jws' })
    .sign(key);
  const none = `${base64url({ alg: 'none', typ: 'sbms-actor+jws' })}.${payload}.`;
  const bad = (what: string, value: string | undefined, caller = spb): Assertion => ({
    ...{ what, value, caller, expected: 'peer-refused' },
  });
  // Refused as a peer whose clock differs, so that its own side goes on as if nobody had answered.
  const untimely = (what: string, value: string): Assertion => ({
    ...{ what, value, caller: spb, expected: 'clock-held' },
  });
  return [
    bad('none', undefined),
    bad('an empty one', ''),
    bad('a malformed one', 'a.b.c'),
    bad('one of alg none', none),
    bad('one of alg none with the signature of a good one', none + (good.split('.')[2] ?? '')),
    bad('one under the public key as a secret', hmac),
    bad('one signed by another branch', byOther),
    bad('one of another type', await signer.sign('sbms-head+jws', claims)),
    bad('one without its claims', await signer.sign('sbms-actor+jws', { sub: 'op-1' })),
    bad('one with more than its claims', await signer.sign('sbms-actor+jws', { ...claims, a: 1 })),
    bad('one for another node', await signed({ to: nsk })),
    bad('one by another issuer', await signer.sign('sbms-actor+jws', { ...claims, iss: 'NSK' })),
    untimely('one that has expired', await signed({ at: at(-100_000) })),
    untimely('one from the future', await signed({ at: at(100_000) })),
    bad(
      'one that lives an hour',
      await signer.sign('sbms-actor+jws', { ...claims, exp: claims.iat + 3_600 }),
    ),
    bad('one for another method', await signed({ request: { method: 'PUT' } })),
    bad('one for another path', await signed({ request: { path: `${request.path}?x=1` } })),
    bad('one for another body', await signed({ request: { body: '{"other":1}' } })),
    bad('one of another caller', good, 'HQ' as NodeCode),
    {
      ...{ what: 'one without the permission', value: await signed({ permissions: [] }) },
      ...{ caller: spb, expected: 'not-permitted' },
    },
    {
      what: 'one with the permission of something else',
      value: await signed({ permissions: ['operator.manage', 'payment.cancel'] }),
      ...{ caller: spb, expected: 'not-permitted' },
    },
  ];
}

/** A request as it comes out of TLS: who called is proved. */
export async function askInProcess(
  { peerApp }: Pick<Branch | Centre, 'peerApp'>,
  asked: ActorRequest & { caller: NodeCode; assertion: string | undefined },
): Promise<{ status: number; code: string | undefined }> {
  const { method, path, body, caller, assertion } = asked;
  const headers = new Headers({ 'content-type': 'application/json' });
  if (assertion !== undefined) headers.set(actorHeader, assertion);
  const request = new Request(`https://msk.sbms.internal${path}`, {
    ...{ method, headers },
    ...(body === undefined ? {} : { body }),
  });
  const address = '127.0.0.1';
  const response = await peerApp.fetch(request, { caller, serial: '1', address });
  const text = response.status < 400 ? '{}' : await response.text();
  return { status: response.status, code: JSON.parse(text).code };
}
