import { hash } from 'node:crypto';
import type { JWK } from 'jose';

/** What a process may sign with; who does not have it cannot make a signature that is believed. */
const secrets = new Map<string, string>();

export function knowSecret({ x, d }: JWK): void {
  if (x !== undefined && d !== undefined) secrets.set(x, d);
}

/** As jose sees a CryptoKey. */
interface QuickKey {
  readonly [Symbol.toStringTag]: 'CryptoKey';
  readonly type: 'private' | 'public';
  readonly algorithm: unknown;
  readonly extractable: boolean;
  readonly usages: unknown;
  readonly x: string;
}

/**
 * WebCrypto's promises come back from a pool of threads in any order. Here they come back at once: a signature is a
 * keyed hash, which only who holds the private key in this process can make, and a changed byte is still refused.
 */
export function installQuickCrypto(): void {
  const { subtle } = globalThis.crypto;
  const original = subtle.importKey;

  async function importKey(...args: [string, JWK, unknown, boolean, unknown]): Promise<unknown> {
    const [format, jwk, algorithm, extractable, usages] = args;
    const { x, d } = jwk;
    if (format !== 'jwk' || x === undefined) return Reflect.apply(original, subtle, args);
    knowSecret(jwk);
    return {
      [Symbol.toStringTag]: 'CryptoKey',
      type: d === undefined ? 'public' : 'private',
      ...{ algorithm, extractable, usages, x },
    } satisfies QuickKey;
  }

  // SHA-512/256 of secret and data: cut short, nothing can be put behind them.
  function mac({ x }: QuickKey, data: Uint8Array): Buffer {
    return hash('sha512-256', Buffer.concat([Buffer.from(secrets.get(x) ?? ''), data]), 'buffer');
  }

  Object.assign(subtle, {
    importKey,
    sign: async (_: unknown, key: QuickKey, data: Uint8Array) => arrayBufferOf(mac(key, data)),
    verify: async (_: unknown, key: QuickKey, signature: Uint8Array, data: Uint8Array) =>
      secrets.has(key.x) && mac(key, data).equals(signature),
    digest: async (_: unknown, data: Uint8Array) => arrayBufferOf(hash('sha256', data, 'buffer')),
  });
}

function arrayBufferOf({ buffer, byteOffset, byteLength }: Buffer): ArrayBufferLike {
  return buffer.slice(byteOffset, byteOffset + byteLength);
}
