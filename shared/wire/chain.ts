import { hash as digest } from 'node:crypto';

export const emptyChain = '0'.repeat(64);

/** chain(p) = SHA-256(chain(p-1) ‖ hash(entry p)). */
export function nextChain(chain: string, hash: string): string {
  return digest('sha256', Buffer.from(chain + hash, 'hex'));
}
