import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { publicSigningKey } from '../federation/identity.ts';
import { parseKeySet } from '../reference/release-keys.ts';
import { type Trust, type Verdict, verifyBundle } from './verify-bundle.ts';

/**
 * Proves or refutes a bundle without any node.
 * @param trust a file with head office's public key (`hq-signing-key.jwk` of any branch), or its fingerprint.
 * @param releases where releases need more: the file of release keys, and the first release that does.
 */
export async function verifyBundleFile(
  file: string,
  trust: string,
  releases?: { readonly keys: string; readonly from: number },
): Promise<Verdict> {
  const known: Trust = existsSync(trust)
    ? publicSigningKey.parse(JSON.parse(await readFile(trust, 'utf8')))
    : trust;
  const input = createReadStream(file, { encoding: 'utf8' });
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  if (!releases) return verifyBundle(lines, known);
  const pinned = parseKeySet(await readFile(releases.keys, 'utf8'));
  return verifyBundle(lines, known, { pinned, from: releases.from });
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
