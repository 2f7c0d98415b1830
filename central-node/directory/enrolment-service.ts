import {
  type Authorities,
  certificateFacts,
  certificateFingerprint,
  hostsOf,
  issueCertificate,
  randomSerial,
} from '../../shared/federation/certificates.ts';
import {
  type EnrolmentAnswer,
  type EnrolmentRequest,
  parseToken,
  type RenewalAnswer,
  tokenText,
} from '../../shared/federation/enrolment-messages.ts';
import type { PublicSigningKey } from '../../shared/federation/identity.ts';
import { keyUses } from '../../shared/federation/peers.ts';
import { headOffice, type Ids, type NodeCode, nodeCodePattern } from '../../shared/ids/ids.ts';
import { DomainError, isDomainError } from '../../shared/problem/problem.ts';
import type { Store, Transaction } from '../../shared/store/store.ts';
import { type Clock, type Instant, instantOf, now } from '../../shared/time/clock.ts';
import { sha256 } from '../../shared/wire/canonical.ts';
import {
  type EnrolledBranch,
  type IssuedCertificate,
  invitationId,
  tokenIsGood,
} from './enrolment.ts';
import * as enrolments from './enrolment-store.ts';
import { createFailedTries } from './failed-tries.ts';
import {
  acceptKey,
  endKeys,
  isKeyOfAnother,
  keyState,
  keysOfNode,
  revokeKeys,
} from './node-key-store.ts';

const secretBytes = 32;
const tokenLifeMs = 24 * 3_600_000;
const certificateValidDays = 30;
const dayMs = 86_400_000;
/** A node renews every 20 days; one that asks more often than this is broken. */
const maxCertificatesPerDay = 24;
const maxListedCertificates = 200;

/** What the caller adds to the same transaction: an audit record. */
export type Also = (tx: Transaction) => Promise<void>;

/** A token for a branch, and the login of who makes it. */
export interface Invitation {
  readonly code: NodeCode;
  readonly actor: string;
  /** Another person has to admit it first. */
  readonly isHeld?: boolean;
}

/** Whom somebody admits, and by which invitation. */
export interface Admission {
  readonly code: NodeCode;
  readonly invitation: string;
  readonly actor: string;
  readonly also: Also;
}

export interface EnrolmentDeps {
  readonly store: Store;
  readonly authorities: () => Authorities;
  /** HQ's own: what branches pin, and what no branch may take. */
  readonly headOfficeKey: () => PublicSigningKey;
  readonly clock: Clock;
  readonly ids: Ids;
  /** In the transaction that enrols, re-keys or revokes: the caller updates its reference draft. */
  readonly onChanged: (
    tx: Transaction,
    branch: EnrolledBranch,
    /** Whether a release has to tell it at once; a first enrolment waits for people. */
    when: { readonly atOnce: boolean },
  ) => Promise<void>;
  /** What a branch itself brought about, for the audit trail. */
  readonly note: (
    tx: Transaction,
    event: { readonly code: NodeCode; readonly action: string; readonly detail?: object },
  ) => Promise<void>;
}

/**
 * Who becomes a member, by which keys, and who stops being one. A change takes effect at the peers
 * with the next reference release, which the caller makes of what `onChanged` told it.
 */
export function createEnrolment(deps: EnrolmentDeps) {
  const { store, clock, ids } = deps;
  const issuingPem = () => deps.authorities().certPem;
  const failedTries = createFailedTries({ clock });

  /** Made outside the store: signing takes tens of milliseconds. */
  function issue(options: { code: NodeCode; csrPem: string; hosts: readonly string[] }) {
    const authority = deps.authorities();
    const certPem = issueCertificate({
      ...options,
      authority,
      clock,
      validDays: certificateValidDays,
      serial: randomSerial(ids),
    });
    const facts = certificateFacts(certPem);
    const record = {
      serial: facts.serial,
      code: facts.code,
      tlsKeySha256: facts.spkiSha256,
      notBefore: instantOf(facts.notBefore),
      notAfter: instantOf(facts.notAfter),
      authoritySha256: certificateFingerprint(authority.certPem),
    };
    return { certPem: certPem + (authority.linkPem ?? ''), record };
  }

  /** @throws DomainError `enrolment-refused`, and not why: a guesser learns nothing. */
  async function redeem(request: EnrolmentRequest): Promise<EnrolmentAnswer> {
    const { code, csrPem, signingJwk, peerUrl, frontUrl } = request;
    const token = parseToken(request.token);
    const secretSha256 = sha256(token.secret);
    if (token.authoritySha256 !== certificateFingerprint(issuingPem())) throw tokenRefused();
    const known = await store.read((tx) => enrolments.findToken(tx, secretSha256));
    if (!tokenIsGood(known, code, now(clock))) throw tokenRefused();

    const { certPem, record } = issue({ code, csrPem, hosts: hostsOf([peerUrl, frontUrl]) });
    const { tlsKeySha256 } = record;
    await store.write(async (tx) => {
      const at = now(clock);
      // Asked again: two requests with one token may have come this far.
      if (!tokenIsGood(await enrolments.findToken(tx, secretSha256), code, at)) {
        throw tokenRefused();
      }
      const signingKeyX = signingJwk.x;
      const isFirst = (await keysOfNode(tx, code)).length === 0;
      await takeKeys(tx, { node: code, signing: signingKeyX, tls: tlsKeySha256 }, at);
      // Those that it had before can still be read, and no more.
      const keep = [signingKeyX, tlsKeySha256];
      await endKeys(tx, { node: code, state: 'retired', at, keep });
      await enrolments.useToken(tx, secretSha256, at);
      await enrolments.revokeCertificatesOf(tx, code, at);
      await enrolments.saveBranch(tx, {
        code,
        peerUrl,
        frontUrl,
        signingKey: signingJwk,
        tlsKeySha256,
        enrolledAt: at,
      });
      await enrolments.saveCertificate(tx, record);
      await deps.note(tx, { code, action: 'branch.enrol', detail: { serial: record.serial } });
      await deps.onChanged(tx, await branchIn(tx, code), { atOnce: !isFirst });
    });
    return { certPem, caPem: issuingPem(), hqSigningKey: deps.headOfficeKey() };
  }

  /** Keys of a branch that count from now on. */
  async function takeKeys(
    tx: Transaction,
    keys: { node: NodeCode; signing: string; tls: string },
    at: Instant,
  ): Promise<void> {
    const { node } = keys;
    for (const use of keyUses) {
      const key = keys[use];
      if (key === deps.headOfficeKey().x || (await isKeyOfAnother(tx, { node, use, key }))) {
        throw new DomainError('enrolment-refused', 'These keys belong to another node.');
      }
      if ((await keyState(tx, { use, key })) === 'revoked') {
        throw new DomainError('enrolment-refused', 'These keys are revoked; enrol with new ones.');
      }
      await acceptKey(tx, { node, use, key, at });
    }
  }

  async function branchIn(tx: Transaction, code: NodeCode): Promise<EnrolledBranch> {
    const branch = await enrolments.findBranch(tx, code, now(clock));
    if (!branch) throw new DomainError('branch-not-found', `${code} is not enrolled.`);
    return branch;
  }

  function newToken({ code, actor: createdBy, isHeld = false }: Invitation) {
    const secret = ids.secret(secretBytes);
    const nowMs = clock.nowMs();
    const record = {
      secretSha256: sha256(secret),
      code,
      createdBy,
      createdAt: instantOf(nowMs),
      expiresAt: instantOf(nowMs + tokenLifeMs),
      usedAt: null,
      isHeld,
    };
    const authoritySha256 = certificateFingerprint(issuingPem());
    return { text: tokenText({ secret, authoritySha256 }), record };
  }

  return {
    authorityPem: issuingPem,

    /**
     * A one-time token for one branch, good for a day; an older unused one stops being good.
     * The text is told once and never stored.
     * @throws DomainError `invalid-input` for what is not a branch code.
     */
    async createToken(options: Invitation): Promise<string> {
      if (!nodeCodePattern.test(options.code) || options.code === headOffice) {
        throw new DomainError('invalid-input', 'A branch code is 2–8 capitals, and not HQ.');
      }
      const { text, record } = newToken(options);
      await store.write((tx) => enrolments.replaceToken(tx, record));
      return text;
    },

    /** The tokens that wait to be used, without what only their bearer knows. */
    openTokens: () => store.read((tx) => enrolments.openTokens(tx, now(clock))),

    /**
     * Makes a token good that another person made and may not alone. Twice is the same as once.
     * @param options `invitation` is the one that was seen: it may have been replaced since.
     * @throws DomainError `not-found` without one that waits, `operation-conflict` for another than was seen, `same-person`
     * for who made it.
     */
    admit(options: Admission): Promise<void> {
      return store.write(async (tx) => {
        const token = await enrolments.findOpenToken(tx, options.code);
        if (!token || token.expiresAt <= now(clock)) {
          throw new DomainError('not-found', `No token of ${options.code} waits to be used.`);
        }
        if (invitationId(token) !== options.invitation) {
          throw new DomainError('operation-conflict', 'It was invited anew meanwhile. Look again.');
        }
        if (!token.isHeld) return;
        if (token.createdBy === options.actor) throw new DomainError('same-person');
        await enrolments.releaseToken(tx, token.secretSha256);
        await options.also(tx);
      });
    },

    /**
     * Makes a branch a member: all of it in one transaction, or nothing and the token is still
     * good. An earlier enrolment of the same branch ends, its certificates are revoked.
     * @throws DomainError `enrolment-refused`; `locked-out` after five failed tries a minute.
     */
    async enrol(request: EnrolmentRequest, source: string): Promise<EnrolmentAnswer> {
      if (failedTries.exhausted(source)) {
        throw new DomainError('locked-out', 'Too many failed enrolments; wait a minute.');
      }
      try {
        return await redeem(request);
      } catch (error) {
        if (isDomainError(error, 'enrolment-refused')) failedTries.record(source);
        throw error;
      }
    },

    /**
     * A new certificate for a member that has proved itself, for a key that it has; or with `next`
     * for new keys, which count beside the old ones until it has adopted them.
     * @throws DomainError `enrolment-refused`.
     */
    async renew(request: {
      caller: NodeCode;
      csrPem: string;
      next?: { readonly signingKey: PublicSigningKey };
    }): Promise<RenewalAnswer> {
      const { caller: code, csrPem, next } = request;
      const until = now(clock);
      const since = instantOf(clock.nowMs() - dayMs);
      const { branch, issued } = await store.read(async (tx) => ({
        branch: await enrolments.findBranch(tx, code, until),
        issued: await enrolments.countIssued(tx, code, { since, until }),
      }));
      if (!branch?.active) throw new DomainError('enrolment-refused', `${code} is no member.`);
      if (issued >= maxCertificatesPerDay) {
        throw new DomainError('enrolment-refused', 'Too many renewals in a day.');
      }
      const hosts = hostsOf([branch.peerUrl, branch.frontUrl]);
      const { certPem, record } = issue({ code, csrPem, hosts });
      const tls = record.tlsKeySha256;
      await store.write(async (tx) => {
        // Read again: it may have been revoked or enrolled anew while the certificate was made.
        const member = await branchIn(tx, code);
        if (!member.active) throw new DomainError('enrolment-refused', `${code} is no member.`);
        if (next) {
          await takeKeys(tx, { node: code, signing: next.signingKey.x, tls }, now(clock));
          await deps.onChanged(tx, await branchIn(tx, code), { atOnce: true });
        } else if ((await keyState(tx, { use: 'tls', key: tls })) !== 'accepted') {
          throw new DomainError('enrolment-refused', 'A renewal keeps the key; enrol for another.');
        }
        await enrolments.saveCertificate(tx, record);
        const action = next ? 'keys.announce' : 'certificate.renew';
        await deps.note(tx, { code, action, detail: { serial: record.serial } });
      });
      return { certPem };
    },

    /**
     * The branch uses these keys now, the others can only be read.
     * @throws DomainError `enrolment-refused` for keys that do not count.
     */
    async adoptKeys(request: {
      caller: NodeCode;
      tlsKeySha256: string;
      signingKey: PublicSigningKey;
    }): Promise<void> {
      const { caller: code, tlsKeySha256, signingKey } = request;
      await store.write(async (tx) => {
        const { keys, ...branch } = await branchIn(tx, code);
        const keep = [signingKey.x, tlsKeySha256];
        const accepted = keys.filter(({ state }) => state === 'accepted').map(({ key }) => key);
        if (!branch.active || !keep.every((key) => accepted.includes(key))) {
          throw new DomainError('enrolment-refused', 'These keys do not count.');
        }
        if (accepted.length === keep.length) return;
        await endKeys(tx, { node: code, state: 'retired', at: now(clock), keep });
        const { enrolledAt } = branch;
        await enrolments.saveBranch(tx, { ...branch, signingKey, tlsKeySha256, enrolledAt });
        await deps.onChanged(tx, await branchIn(tx, code), { atOnce: true });
        await deps.note(tx, { code, action: 'keys.adopt' });
      });
    },

    /**
     * Ends a branch's membership, or one certificate of it. Twice is the same as once. Who is cut off comes back by a
     * token that is made afterwards.
     * @throws DomainError `branch-not-found`, `not-found` for an unknown serial.
     */
    revoke(what: { code: NodeCode } | { serial: string }, also?: Also): Promise<EnrolledBranch> {
      return store.write(async (tx) => {
        const at = now(clock);
        const code = 'code' in what ? what.code : await revokeSerial(tx, what.serial, at);
        if ('code' in what) {
          await enrolments.revokeBranch(tx, code, at);
          await enrolments.revokeCertificatesOf(tx, code, at);
          await enrolments.dropTokensOf(tx, code);
        }
        const branch = await branchIn(tx, code);
        await deps.onChanged(tx, branch, { atOnce: true });
        await also?.(tx);
        return branch;
      });
    },

    /**
     * A branch's keys are in wrong hands: all of them and all of its certificates end at once. It
     * stays a member, whom nobody hears until it has enrolled again with the token.
     * @throws DomainError `branch-not-found`.
     */
    async rekey(options: Invitation & { also?: Also }): Promise<string> {
      const { code } = options;
      const { text, record } = newToken(options);
      await store.write(async (tx) => {
        const at = now(clock);
        await branchIn(tx, code);
        await enrolments.revokeCertificatesOf(tx, code, at);
        await revokeKeys(tx, code, at);
        await enrolments.replaceToken(tx, record);
        await deps.onChanged(tx, await branchIn(tx, code), { atOnce: true });
        await options.also?.(tx);
      });
      return text;
    },

    branches(): Promise<EnrolledBranch[]> {
      return store.read((tx) => enrolments.allBranches(tx, now(clock)));
    },

    /** The newest 200. */
    certificates(code: NodeCode): Promise<IssuedCertificate[]> {
      return store.read((tx) => enrolments.certificatesOf(tx, code, maxListedCertificates));
    },
  };
}

export type Enrolment = ReturnType<typeof createEnrolment>;

async function revokeSerial(tx: Transaction, serial: string, at: string): Promise<NodeCode> {
  const certificate = await enrolments.findCertificate(tx, serial.toLowerCase());
  if (!certificate) throw new DomainError('not-found', 'No certificate with this serial.');
  await enrolments.revokeCertificate(tx, certificate.serial, at);
  return certificate.code;
}

function tokenRefused(): DomainError {
  return new DomainError(
    'enrolment-refused',
    'The token is wrong, used, expired or for another branch. Ask head office for a new one.',
  );
}
