import { certificateFacts, createRequest } from '../../shared/federation/certificates.ts';
import { assertCertificateFor } from '../../shared/federation/enrolment.ts';
import { keysType, renewalAnswer } from '../../shared/federation/enrolment-messages.ts';
import {
  completeIdentity,
  createIdentity,
  loadNextKeys,
  type NodeIdentity,
  type NodeKeys,
  publicKeyOf,
} from '../../shared/federation/identity.ts';
import type { Liveness } from '../../shared/federation/liveness.ts';
import { answerIn } from '../../shared/federation/peer-answer.ts';
import type { PeerClient, PeerResponse, Signer } from '../../shared/federation/peers.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import { headOffice } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import { adoptNextFiles, nextFolderOf } from '../../shared/store/adopted-files.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { createTurns } from '../../shared/time/turns.ts';
import { sha256 } from '../../shared/wire/canonical.ts';

const requestMaxMs = 30_000;
/** Announced keys that no release names after this time are announced again. */
const announceAgainMs = 24 * 3_600_000;

/** `announced`: head office has them, and not yet every peer. */
export type RotationState = 'none' | 'made' | 'announced' | 'adopted';

export type KeyRotation = ReturnType<typeof createKeyRotation>;

/**
 * New keys while everything runs: they are announced with the old ones, used once every peer that
 * can be reached has the release that names them, and then the old ones end. Each step is found
 * again after a crash, from the files and the release.
 */
export function createKeyRotation(deps: {
  dir: string;
  clock: Clock;
  client: PeerClient;
  signer: Signer;
  federation: { readonly liveness: Pick<Liveness, 'statuses'> };
  identity: () => NodeIdentity;
  changed(identity: NodeIdentity, what: string): void;
  reference: () => Reference | undefined;
}) {
  const { dir, clock, client, signer, federation } = deps;
  const { code } = deps.identity();
  let announcedAtMs: number | undefined;

  function post(path: string, body: object): Promise<PeerResponse> {
    const request = { method: 'POST', path, body: JSON.stringify(body) } as const;
    return client.request(headOffice, { ...request, timeoutMs: requestMaxMs });
  }

  function assertGranted({ status }: PeerResponse): void {
    if (status === 200 || status === 201) return;
    throw new DomainError('enrolment-refused', `Head office answered ${status} about these keys.`);
  }

  async function announce(keys: NodeKeys): Promise<void> {
    const { caPem, headOfficeKey } = deps.identity();
    const csrPem = createRequest({ code, keyPem: keys.tlsKeyPem });
    const signingKey = publicKeyOf(keys.signingKey);
    const said = { node: code, csrSha256: sha256(csrPem), signingKey };
    const statement = await signer.sign(keysType, said);
    const proof = await createSigner(keys).sign(keysType, said);
    const response = await post('/peer/v1/keys', { csrPem, statement, proof });
    // Who has refused is not asked again at once; who was not there is.
    announcedAtMs = clock.nowMs();
    assertGranted(response);
    const { certPem } = answerIn(renewalAnswer, response, headOffice);
    assertCertificateFor({ certPem, caPem, keyPem: keys.tlsKeyPem, code });
    completeIdentity(nextFolderOf(dir), { certPem, caPem, headOfficeKey });
  }

  function acceptedKeys(): string[] {
    const rows = deps.reference()?.rows('node-keys') ?? [];
    return rows.flatMap(({ node, use, key, state }) =>
      node === code && use === 'signing' && state === 'accepted' ? [key] : [],
    );
  }

  /** Head office may have been set back to before it, or a person enrolled this node anew with its old keys. */
  function seemsForgotten(certPem: string): boolean {
    const sinceMs = announcedAtMs ?? certificateFacts(certPem).notBefore;
    return clock.nowMs() - sinceMs >= announceAgainMs;
  }

  /** Whoever can be reached has the release that names the key; the others get it before they hear this node. */
  function isKnown(): boolean {
    const version = deps.reference()?.version ?? 0;
    return federation.liveness
      .statuses()
      .every(({ reachable, release = 0 }) => !reachable || release >= version);
  }

  /** Waits for nothing: what is written beside it is for one pair of keys or for the other. */
  function adopt(keys: NodeKeys, certPem: string): void {
    // Whom this node believes may have changed since the keys were announced.
    const { caPem, headOfficeKey } = deps.identity();
    completeIdentity(nextFolderOf(dir), { certPem, caPem, headOfficeKey });
    adoptNextFiles(dir);
    deps.changed({ ...keys, certPem, caPem, headOfficeKey }, 'keys.adopt');
  }

  /** True when this node's key is one of several: the others are not used any more. */
  function isLeftOver(): boolean {
    const accepted = acceptedKeys();
    const { x } = deps.identity().signingKey;
    return accepted.length > 1 && x !== undefined && accepted.includes(x);
  }

  const steps = {
    /** Makes new keys, if there are none on the way. */
    async begin(): Promise<void> {
      await createIdentity(nextFolderOf(dir), code);
    },
    /** One step, if its time has come. @throws what head office refuses with. */
    async advance(): Promise<void> {
      const next = loadNextKeys(dir, code);
      if (next?.certPem !== undefined) {
        if (acceptedKeys().includes(String(next.keys.signingKey.x))) {
          if (isKnown()) adopt(next.keys, next.certPem);
          return;
        }
        if (!seemsForgotten(next.certPem)) return;
      }
      if (next) return announce(next.keys);
      if (!isLeftOver()) return;
      const signingKey = publicKeyOf(deps.identity().signingKey);
      assertGranted(await post('/peer/v1/keys/adoption', { signingKey }));
    },
    async state(): Promise<RotationState> {
      const next = loadNextKeys(dir, code);
      if (next) return next.certPem === undefined ? 'made' : 'announced';
      return isLeftOver() ? 'adopted' : 'none';
    },
  };
  // Two at once would take each other's files away.
  const inTurn = createTurns();
  return {
    ...steps,
    begin: () => inTurn(() => steps.begin()),
    advance: () => inTurn(() => steps.advance()),
  } satisfies typeof steps;
}
