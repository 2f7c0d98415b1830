import { createHash } from 'node:crypto';
import type { JWK } from 'jose';
import { signingKeyId } from '../federation/identity.ts';
import { headOffice } from '../ids/ids.ts';
import {
  type BundleLine,
  type BundleScope,
  bundleLine,
  bundleSeal,
  bundleType,
  type LineOf,
} from './bundle.ts';
import {
  type BundleDirectory,
  createBundleDirectory,
  type TrustedReleaseKeys,
} from './bundle-directory.ts';
import { BundleFault, createBundleStreams, type FailedPlace } from './bundle-streams.ts';
import { createSettlementProof, type SettlementProof } from './settlement-proof.ts';

/** What a bundle proves, or the first thing in it that does not hold. */
export type Verdict =
  | {
      readonly proven: true;
      readonly scope: BundleScope;
      readonly createdAt: string;
      readonly counts: Readonly<Record<string, number>>;
    }
  | {
      readonly proven: false;
      readonly line: number;
      readonly why: string;
      readonly place: FailedPlace | undefined;
    };

/** Head office's public key, or the fingerprint (RFC 7638) of it. */
export type Trust = JWK | string;

interface Reading {
  readonly opening: LineOf<'bundle'>;
  readonly directory: BundleDirectory;
  readonly streams: ReturnType<typeof createBundleStreams>;
  readonly settlement: SettlementProof | undefined;
  /** Whether anything was told of the operation that was asked for, if one was. */
  isOperationTold(): boolean;
}

/**
 * Proves or refutes a bundle from itself and the trusted keys alone, in one pass: nothing is asked of any node, and no
 * entry is kept.
 */
export async function verifyBundle(
  lines: AsyncIterable<string>,
  trust: Trust,
  releaseKeys?: TrustedReleaseKeys,
): Promise<Verdict> {
  const digest = createHash('sha256');
  const counts: Record<string, number> = {};
  let number = 0;
  let reading: Reading | undefined;
  let isSealed = false;
  try {
    for await (const text of lines) {
      number += 1;
      const line = parsedLine(text);
      if (isSealed) throw new BundleFault('a line stands behind the end');
      if (!reading) reading = await opened(line, trust);
      else if (line.type === 'end') {
        await close(reading, line, { lines: number - 1, sha256: digest.copy().digest('hex') });
        if (releaseKeys) await reading.directory.assertApproved(releaseKeys);
        isSealed = true;
      } else await take(reading, line);
      digest.update(`${text}\n`);
      counts[line.type] = (counts[line.type] ?? 0) + 1;
    }
    if (!isSealed) reading?.streams.end();
    if (!reading || !isSealed) throw new BundleFault('the end is missing');
    const { scope, createdAt } = reading.opening;
    return { proven: true, scope, createdAt, counts };
  } catch (error) {
    // What cannot be read is not refuted.
    if (error instanceof Error && 'syscall' in error) throw error;
    const why = error instanceof Error ? error.message : String(error);
    const place = error instanceof BundleFault ? error.place : undefined;
    return { proven: false, line: number, why, place };
  }
}

function parsedLine(text: string): BundleLine {
  const parsed = bundleLine.safeParse(safeJson(text));
  if (!parsed.success) throw new BundleFault('the line is not well formed');
  return parsed.data;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function opened(line: BundleLine, trust: Trust): Promise<Reading> {
  if (line.type !== 'bundle') throw new BundleFault('this is no audit bundle');
  const key = typeof trust === 'string' ? line.headOfficeKey : trust;
  if (typeof trust === 'string' && (await signingKeyId(key)) !== trust) {
    throw new BundleFault("the bundle is not of the head office whose key's fingerprint was given");
  }
  const directory = createBundleDirectory(key);
  const { settlement: id } = line.scope;
  const settlement = id === undefined ? undefined : createSettlementProof(id);
  const { operation } = line.scope;
  let isTold = operation === undefined;
  const streams = createBundleStreams({
    verifier: directory.verifier,
    isWhole: id === undefined && operation === undefined,
    onEntry: (entry, place) => {
      settlement?.onEntry(entry, place);
      isTold ||= entry.operationId === operation;
    },
  });
  return { opening: line, directory, streams, settlement, isOperationTold: () => isTold };
}

async function take(reading: Reading, line: BundleLine): Promise<void> {
  const { directory, streams, settlement } = reading;
  switch (line.type) {
    case 'dataset':
      return directory.addDataset(line);
    case 'release':
      return directory.addRelease(line.jws);
    case 'certificate': {
      const { code, serial, tlsKeySha256 } = line;
      if (directory.hadTlsKey(code, tlsKeySha256)) return;
      throw new BundleFault(`the certificate ${serial} is for a key that ${code} never had`);
    }
    case 'stream':
      return streams.beginStream(line);
    case 'head':
      return streams.beginHead(line);
    case 'entry':
      return streams.takeEntry(line);
    case 'obligation':
      if (settlement) return settlement.addObligation(line);
      throw new BundleFault('the obligation belongs to no settlement');
  }
}

async function close(
  { opening, directory, streams, settlement, isOperationTold }: Reading,
  { lines, sha256, jws }: LineOf<'end'>,
  seen: { lines: number; sha256: string },
): Promise<void> {
  streams.end();
  if (!isOperationTold()) {
    throw new BundleFault(`nothing of the operation ${opening.scope.operation} is in it`);
  }
  settlement?.check(directory.terms());
  const signed = await directory.sealVerifier.verify(jws, { node: headOffice, typ: bundleType });
  const seal = bundleSeal.parse(signed);
  const isWhole =
    seal.lines === seen.lines &&
    seal.sha256 === seen.sha256 &&
    lines === seal.lines &&
    sha256 === seal.sha256;
  if (!isWhole) throw new BundleFault('the bundle was changed after head office sealed it');
}
