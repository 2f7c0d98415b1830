import { isUtf8 } from 'node:buffer';
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
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
  const lines = linesIn(createReadStream(file));
  if (!releases) return verifyBundle(lines, known);
  const pinned = parseKeySet(await readFile(releases.keys, 'utf8'));
  return verifyBundle(lines, known, { pinned, from: releases.from });
}

const lineFeed = 0x0a;
/** More than the largest data set of a release takes. */
const maxLineBytes = 384 * 1024 * 1024;

/**
 * The lines of a file: ended by line feeds alone, for a text may have other line ends of Unicode in it. Empty for what is
 * too long or not UTF-8.
 */
async function* linesIn(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let begun: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
      yield textOf([...begun, chunk.subarray(from, end)]);
      begun = [];
      length = 0;
      from = end + 1;
    }
    begun.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > maxLineBytes) return yield '';
  }
  if (length > 0) yield textOf(begun);
}

function textOf(parts: readonly Buffer[]): string {
  const bytes = Buffer.concat(parts);
  return isUtf8(bytes) ? bytes.toString().replace(/\r$/, '') : '';
}

/** What a person is told: the verdict in a line, and where it fails. Who made the bundle writes nothing else there. */
export function describeVerdict(verdict: Verdict): string[] {
  return sentencesOf(verdict).map((line) => line.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?'));
}

function sentencesOf(verdict: Verdict): string[] {
  if (verdict.proven) {
    const { entry = 0, head = 0, release = 0, obligation = 0 } = verdict.counts;
    const settled = obligation === 0 ? '' : `, ${obligation} obligations`;
    const counted = `${entry} entries under ${head} signed heads, ${release} releases${settled}`;
    const { from, to, branch = 'all branches', operation, settlement } = verdict.scope;
    const period = `${from} to ${to}, ${branch}`;
    const single = operation === undefined ? `settlement ${settlement}` : `operation ${operation}`;
    const scope = operation === undefined && settlement === undefined ? period : single;
    return [`Proven: ${counted}; of ${scope}; written ${verdict.createdAt}.`];
  }
  const { place, why, line } = verdict;
  if (!place) return [`Refuted at line ${line}: ${why}.`];
  const { node, to, epoch, position, seq } = place;
  const number = seq === undefined ? '' : `, seq ${seq}`;
  const where = `${node} to ${to}, start ${epoch}, position ${position}${number}`;
  return [`Refuted at line ${line}: ${why}.`, `First entry that fails: ${where}.`];
}
