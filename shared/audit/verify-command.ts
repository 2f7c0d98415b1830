import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { publicSigningKey } from '../federation/identity.ts';
import { type Trust, type Verdict, verifyBundle } from './verify-bundle.ts';

/**
 * Proves or refutes a bundle without any node.
 * @param trust a file with head office's public key (`hq-signing-key.jwk` of any branch), or its fingerprint.
 */
export async function verifyBundleFile(file: string, trust: string): Promise<Verdict> {
  const known: Trust = existsSync(trust)
    ? publicSigningKey.parse(JSON.parse(await readFile(trust, 'utf8')))
    : trust;
  const input = createReadStream(file, { encoding: 'utf8' });
  return verifyBundle(createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }), known);
}

/** What a person is told: the verdict in a line, and where it fails. */
export function describeVerdict(verdict: Verdict): string[] {
  if (verdict.proven) {
    const { entry = 0, head = 0, release = 0, obligation = 0 } = verdict.counts;
    const settled = obligation === 0 ? '' : `, ${obligation} obligations`;
    const counted = `${entry} entries under ${head} signed heads, ${release} releases${settled}`;
    return [`Proven: ${counted}; written ${verdict.createdAt}.`];
  }
  const { place, why, line } = verdict;
  if (!place) return [`Refuted at line ${line}: ${why}.`];
  const { node, to, epoch, position, seq } = place;
  const number = seq === undefined ? '' : `, seq ${seq}`;
  const where = `${node} to ${to}, start ${epoch}, position ${position}${number}`;
  return [`Refuted at line ${line}: ${why}.`, `First entry that fails: ${where}.`];
}
