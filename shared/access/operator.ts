import { DomainError } from '../problem/problem.ts';
import type { Instant } from '../time/clock.ts';
import type { PasswordHash } from './passwords.ts';
import type { Permission } from './permissions.ts';

/** A person, or a partner's program, that signs in at this node. */
export interface Operator {
  readonly id: string;
  readonly login: string;
  readonly name: string;
  readonly role: string;
  readonly disabled: boolean;
  readonly createdAt: Instant;
  readonly hasSecondFactor: boolean;
  /** Who let him in and may not do so alone, divided by spaces: he stays out until another person approves of each. */
  readonly heldBy: string | undefined;
}

export interface OperatorWithPassword extends Operator {
  readonly passwordHash: PasswordHash;
  /** Somebody else chose the password: until then another may be chosen with it. */
  readonly temporaryUntil?: Instant | undefined;
}

/** How long a password is good that somebody else chose. */
export const temporaryPasswordMs = 7 * 24 * 3_600_000;

/** Who is asking, and what they may do. */
export interface Principal {
  readonly operatorId: string;
  readonly login: string;
  readonly name: string;
  readonly role: string;
  readonly permissions: ReadonlySet<Permission>;
  /** Has a password that somebody else chose: has to choose another before his permissions count. */
  readonly mustChangePassword: boolean;
  readonly hasSecondFactor: boolean;
  /** The role asks for a second factor: has to set one up before his permissions count. */
  readonly mustSetUpSecondFactor: boolean;
  /** By the role: whom or what he lets in waits for another person's approval. */
  readonly needsSecondPerson: boolean;
}

export const loginPattern = /^[a-z0-9][a-z0-9._-]{1,31}$/;
export const maxNameLength = 100;

/** Logins are told apart without regard to case. */
export function normalLogin(text: string): string {
  return text.trim().toLowerCase();
}

/** @throws DomainError `invalid-input` naming `login`. */
export function parseLogin(text: string): string {
  const login = normalLogin(text);
  if (loginPattern.test(login)) return login;
  const message = 'must be 2 to 32 of a–z, 0–9, dot, dash, underscore';
  throw new DomainError('invalid-input', `The login ${message}.`, {
    errors: [{ field: 'login', message }],
  });
}

export const sessionIdleMs = 30 * 60_000;
export const sessionMaxMs = 12 * 3_600_000;
/** How stale the stored time of a session's last use may be. */
export const sessionTouchMs = 60_000;
/** 256 bits, base64url. */
export const tokenBytes = 32;
export const tokenPattern = /^[\w-]{43}$/;

export interface SessionTimes {
  readonly createdMs: number;
  readonly seenMs: number;
}

/** When the session ends if it is not used again; milliseconds since the epoch. */
export function sessionEndMs({ createdMs, seenMs }: SessionTimes): number {
  return Math.min(seenMs + sessionIdleMs, createdMs + sessionMaxMs);
}

/** One that a clock ahead has dated is over too: else nobody's absence would end it before that time comes. */
export function isSessionOver(times: SessionTimes, nowMs: number): boolean {
  return nowMs >= sessionEndMs(times) || times.seenMs > nowMs + sessionIdleMs;
}
