import { createHash, createHmac, KeyObject, type webcrypto } from 'node:crypto';
import type { JWK } from 'jose';

/**
 * WebCrypto's promises come back from a pool of threads in any order. Here they come back at once: a signature is a
 * keyed hash, which only who holds the private key in this process can make, and a changed byte is still refused.
 * Keys are imported once.
 */
export function installQuickCrypto(): void {
  const { subtle } = globalThis.crypto;
  const imported = new Map<string, webcrypto.CryptoKey>();
  const secrets = new Map<string, string>();
  const names = new WeakMap<webcrypto.CryptoKey, string>();
  const original = subtle.importKey;
  const importKey = (...args: readonly unknown[]): Promise<webcrypto.CryptoKey> =>
    Reflect.apply(original, subtle, args);

  async function importOnce(...args: [string, JWK, ...unknown[]]): Promise<webcrypto.CryptoKey> {
    const [format, { x, d }] = args;
    if (format !== 'jwk' || x === undefined) return importKey(...args);
    const name = `${x}/${d === undefined ? 'public' : 'private'}`;
    const known = imported.get(name);
    if (known) return known;
    const key = await importKey(...args);
    if (d !== undefined) secrets.set(x, d);
    imported.set(name, key);
    names.set(key, x);
    return key;
  }

  function nameOf(key: webcrypto.CryptoKey): string {
    const known = names.get(key) ?? KeyObject.from(key).export({ format: 'jwk' }).x ?? '';
    names.set(key, known);
    return known;
  }

  function mac(key: webcrypto.CryptoKey, data: Uint8Array): Buffer {
    return createHmac('sha512', secrets.get(nameOf(key)) ?? '')
      .update(data)
      .digest();
  }

  Object.assign(subtle, {
    importKey: importOnce,
    sign: async (_: unknown, key: webcrypto.CryptoKey, data: Uint8Array) =>
      arrayBufferOf(mac(key, data)),
    verify: async (_: unknown, key: webcrypto.CryptoKey, signature: Uint8Array, data: Uint8Array) =>
      secrets.has(nameOf(key)) && mac(key, data).equals(signature),
    digest: async (_: unknown, data: Uint8Array) =>
      arrayBufferOf(createHash('sha256').update(data).digest()),
  });
}

function arrayBufferOf({ buffer, byteOffset, byteLength }: Buffer): ArrayBufferLike {
  return buffer.slice(byteOffset, byteOffset + byteLength);
}
