import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Ids } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import { isWeakPassword } from './weak-passwords.ts';

declare const brand: unique symbol;
/** `scrypt$N$r$p$salt$key`, base64url: a hash carries the parameters it was made with. */
export type PasswordHash = string & { readonly [brand]: 'PasswordHash' };

export const minPasswordLength = 12;
/** A bound on the work of a request, far above any passphrase. */
export const maxPasswordLength = 128;

/** N is CPU/memory cost, r block size, p parallelism. */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MiB a hash. */
export const productionCost: ScryptCost = { N: 32_768, r: 8, p: 1 };
const maxMemoryBytes = 64 * 1024 * 1024;
const saltBytes = 16;
const keyBytes = 32;

/** Two threads of libuv's four: sign-ins must not starve the file work of the store. */
const maxConcurrentHashes = 2;
const maxWaitingHashes = 64;

const hashPattern = /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([\w-]{1,64})\$([\w-]{43})$/;

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

export interface Passwords {
  /**
   * @throws DomainError `invalid-input` for a length outside
   * `minPasswordLength`..`maxPasswordLength` and for what guessers try first, `overloaded`.
   */
  hash(password: string, ownNames?: readonly string[]): Promise<PasswordHash>;
  /** The same work whether there is a hash or not. To be asked in a turn. */
  verify(password: string, stored: PasswordHash | undefined): Promise<boolean>;
  /** Does work that needs a hash when there is room for one. @throws DomainError `overloaded`. */
  turn<T>(work: () => Promise<T>): Promise<T>;
}

export function createPasswords(deps: { ids: Ids; cost?: ScryptCost }): Passwords {
  const { N, r, p } = deps.cost ?? productionCost;
  /** Where there is no operator: an unknown login costs as much as a known one. */
  const nobodysHash = `scrypt$${N}$${r}$${p}$bm9ib2R5$${'A'.repeat(43)}` as PasswordHash;
  const waiting: (() => void)[] = [];
  let running = 0;

  async function turn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= maxConcurrentHashes) {
      if (waiting.length >= maxWaitingHashes) {
        throw new DomainError('overloaded', 'Too many sign-ins at once. Try again in a minute.');
      }
      // A finished one hands its place to the first in line, so `running` does not change then.
      await new Promise<void>((go) => waiting.push(go));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  }

  function key(password: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> {
    // The same passphrase may reach us composed or decomposed, depending on the keyboard (NIST SP
    // 800-63B, 3.1.1.2).
    const text = password.normalize('NFKC');
    return derive(text, salt, keyBytes, { ...options, maxmem: maxMemoryBytes });
  }

  return {
    turn,
    async hash(password, ownNames) {
      checkLength(password);
      if (isWeakPassword(password, ownNames)) throw refused('is one that guessers try first');
      const salt = deps.ids.secret(saltBytes);
      const made = await turn(() => key(password, Buffer.from(salt, 'base64url'), { N, r, p }));
      return `scrypt$${N}$${r}$${p}$${salt}$${made.toString('base64url')}` as PasswordHash;
    },
    async verify(password, stored) {
      const { options, salt, expected } = parseHash(stored ?? nobodysHash);
      const made = await key(password.slice(0, maxPasswordLength + 1), salt, options);
      return timingSafeEqual(made, expected) && stored !== undefined;
    },
  };
}

function checkLength(password: string): void {
  const { length } = password;
  if (length >= minPasswordLength && length <= maxPasswordLength) return;
  throw refused(`must have ${minPasswordLength} to ${maxPasswordLength} characters`);
}

function refused(message: string): DomainError {
  return new DomainError('invalid-input', `The password ${message}.`, {
    errors: [{ field: 'password', message }],
  });
}

function parseHash(stored: PasswordHash) {
  const [, N, r, p, salt, key] = hashPattern.exec(stored) ?? [];
  if (!N || !r || !p || !salt || !key) throw new Error('a stored password hash is damaged');
  return {
    options: { N: Number(N), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, 'base64url'),
    expected: Buffer.from(key, 'base64url'),
  };
}
