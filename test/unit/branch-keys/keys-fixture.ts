import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyRotation } from '../../../branch-node/keys/key-rotation.ts';
import { createOwnIdentity } from '../../../branch-node/keys/own-identity.ts';
import {
  type Authority,
  issueCertificate,
  randomSerial,
} from '../../../shared/federation/certificates.ts';
import {
  completeIdentity,
  createIdentity,
  loadIdentity,
  loadNextKeys,
  publicKeyOf,
} from '../../../shared/federation/identity.ts';
import type { PeerRequest, PeerResponse } from '../../../shared/federation/peers.ts';
import { createChangingSigner } from '../../../shared/federation/signing.ts';
import { headOffice, type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { datasetsFrom } from '../../../shared/reference/dataset-content.ts';
import type { DatasetName, RowOf } from '../../../shared/reference/datasets.ts';
import { buildReference, type Reference } from '../../../shared/reference/reference.ts';
import { certificateFor, federationKeys, shiftableClock } from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;
const certificatePaths = ['/peer/v1/certificates', '/peer/v1/keys', '/enrolment/renewals'];

const folders: string[] = [];

export async function dropFolders(): Promise<void> {
  for (const dir of folders.splice(0)) await rm(dir, { recursive: true });
}

/** An enrolled branch that changes its keys and certificates, and a head office that grants all of it. */
export async function changingBranch() {
  const dir = await mkdtemp(join(tmpdir(), 'sbms-keys-'));
  folders.push(dir);
  const { authority, identity: made } = await federationKeys([msk]);
  // Made once for all tests.
  const { tlsKeyPem, signingKey } = made(msk);
  await writeFile(join(dir, 'tls-key.pem'), tlsKeyPem);
  await writeFile(join(dir, 'signing-key.jwk'), JSON.stringify(signingKey));
  const keys = await createIdentity(dir, msk);
  const headOfficeKey = publicKeyOf(made(headOffice).signingKey);
  const certPem = certificateFor(authority, keys);
  completeIdentity(dir, { certPem, caPem: authority.certPem, headOfficeKey });
  let identity = await loadIdentity(dir);
  let reference: Reference | undefined;
  const clock = shiftableClock();
  const centreClock = shiftableClock();
  const asked: string[] = [];
  let answered = async (_path: string): Promise<void> => {};

  function grant(issuer: Authority, csrPem: string): string {
    return issueCertificate({
      ...{ authority: issuer, csrPem, code: msk, hosts: [], validDays: 30, clock: centreClock },
      serial: randomSerial(systemIds),
    });
  }

  const client = {
    async request(_to: NodeCode, { path, body = '{}' }: PeerRequest): Promise<PeerResponse> {
      asked.push(path);
      const isGranted = certificatePaths.includes(path);
      const answer = isGranted ? { certPem: grant(authority, JSON.parse(body).csrPem) } : {};
      await answered(path);
      return { status: isGranted ? 201 : 200, headers: {}, body: JSON.stringify(answer) };
    },
  };
  let doubt: string | undefined;
  const alarms = new Map<string, string>();
  const wired = {
    ...{ dir, clock, client },
    signer: createChangingSigner(() => identity),
    federation: { liveness: { statuses: () => [] } },
    clockDoubt: () => doubt,
    alarms: {
      raise: (alarm: string, detail: string) => void alarms.set(alarm, detail),
      clear: (alarm: string) => void alarms.delete(alarm),
    },
    identity: () => identity,
    changed(next: typeof identity): void {
      identity = next;
    },
    reference: () => reference,
  };

  return {
    ...{ dir, authority, clock, centreClock, asked, alarms },
    identity: () => identity,
    own: createOwnIdentity(wired),
    rotation: createKeyRotation(wired),
    nextKey: () => loadNextKeys(dir, msk)?.keys.signingKey.x,
    /** Runs between what head office did and what the branch hears of it. */
    beforeAnswer(work: (path: string) => Promise<void>): void {
      answered = work;
    },
    /** What the peers that it hears say of its clock. */
    doubt(said: string): void {
      doubt = said;
    },
    /** A release in which these signing keys of the branch are accepted. */
    release(version: number, ...accepted: (string | undefined)[]): void {
      const rows = accepted.map((key) => ({ node: msk, use: 'signing', key, state: 'accepted' }));
      const datasets = datasetsFrom(
        <Name extends DatasetName>(name: Name) =>
          (name === 'node-keys' ? rows : []) as unknown as RowOf<Name>[],
      );
      reference = buildReference({ version, effectiveFrom: '2026-11-01T00:00:00.000Z', datasets });
    },
  };
}
