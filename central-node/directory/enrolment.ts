import type { PublicSigningKey } from '../../shared/federation/identity.ts';
import type { NodeKey } from '../../shared/federation/peers.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Instant } from '../../shared/time/clock.ts';
import { sha256 } from '../../shared/wire/canonical.ts';

/** A member as enrolment knows it: what the reference data's `branches` rows are filled from. */
export interface EnrolledBranch {
  readonly code: NodeCode;
  readonly peerUrl: string;
  readonly frontUrl: string;
  readonly signingKey: PublicSigningKey;
  readonly tlsKeySha256: string;
  /** All keys that it ever had. */
  readonly keys: readonly NodeKey[];
  /** Serials revoked and not yet expired. */
  readonly revokedSerials: readonly string[];
  readonly active: boolean;
  readonly enrolledAt: Instant;
}

export interface IssuedCertificate {
  readonly serial: string;
  readonly code: NodeCode;
  readonly tlsKeySha256: string;
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  readonly revokedAt: Instant | null;
  /** Of the authority that issued it; null for one of before that was noted. */
  readonly authoritySha256: string | null;
}

export interface TokenRecord {
  readonly secretSha256: string;
  readonly code: NodeCode;
  readonly createdBy: string;
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
  readonly usedAt: Instant | null;
  /** Who made it may not let a branch in alone: another person has to admit it. */
  readonly isHeld: boolean;
}

/** What an invitation is called by those who must not know its secret, nor what it is looked up by. */
export const invitationId = ({ secretSha256 }: TokenRecord): string => sha256(secretSha256);

/** A token is good for its own branch, once, until it expires, if nobody has to admit it yet. */
export function tokenIsGood(
  token: TokenRecord | undefined,
  code: NodeCode,
  now: Instant,
): token is TokenRecord {
  // Instants are of one length and zone, so their texts compare as they do.
  if (token === undefined || token.isHeld) return false;
  return token.code === code && !token.usedAt && token.expiresAt > now;
}
