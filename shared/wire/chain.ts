import { createHash } from 'node:crypto';

export const emptyChain = '0'.repeat(64);

/** chain(p) = SHA-256(chain(p-1) ‖ hash(entry p)). */
export function nextChain(chain: string, hash: string): string {
  return createHash('sha256').update(chain, 'hex').update(hash, 'hex').digest('hex');
}
