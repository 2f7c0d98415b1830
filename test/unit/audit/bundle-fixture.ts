import { createHash } from 'node:crypto';
import type { JWK } from 'jose';
import { type BundleScope, bundleType } from '../../../shared/audit/bundle.ts';
import { createKeys, publicKeyOf } from '../../../shared/federation/identity.ts';
import { createSigner } from '../../../shared/federation/signing.ts';
import { headOffice, type NodeCode } from '../../../shared/ids/ids.ts';
import { datasetContent } from '../../../shared/reference/dataset-content.ts';
import type { RowOf } from '../../../shared/reference/datasets.ts';
import { signManifest } from '../../../shared/reference/release.ts';
import { canonicalJson, sha256 } from '../../../shared/wire/canonical.ts';
import { emptyChain, nextChain } from '../../../shared/wire/chain.ts';
import { headType } from '../../../shared/wire/peer-messages.ts';

/** Bundles of a head office of our own and one branch, as small as they can be. */

export interface Party {
  readonly code: NodeCode;
  readonly signingKey: JWK;
}

export const msk = 'MSK' as NodeCode;
export const party = async (code: NodeCode): Promise<Party> => createKeys(code);
export const publicKey = ({ signingKey }: Party): string => String(publicKeyOf(signingKey).x);

const at = '2026-11-30T12:00:00.000Z';
const epoch = 'e'.repeat(32);
type Line = object;

/** A release, before it its data sets. */
export async function releaseLines(
  by: Party,
  options: { version: number; branch: Party; keys?: readonly RowOf<'node-keys'>[] },
): Promise<Line[]> {
  const { version, branch, keys = [] } = options;
  const row = {
    ...{ code: branch.code, name: 'Moscow', region: 'Moscow', timeZone: 'Europe/Moscow' },
    ...{ netDebitCap: { amount: '0.00', currency: 'RUB' }, revokedSerials: [], active: true },
    ...{ peerUrl: 'https://msk.invalid:7401', signingKey: publicKeyOf(branch.signingKey) },
    tlsKeySha256: 'a'.repeat(64),
  };
  const contents = {
    branches: datasetContent('branches', [row]),
    'node-keys': datasetContent('node-keys', keys),
  };
  const told = Object.entries(contents).map(([name, { sha256: hash, rows }]) => [
    name,
    { sha256: hash, rows },
  ]);
  const jws = await signManifest(createSigner(by), {
    ...{ version, previous: version > 1 ? version - 1 : null, createdAt: at, effectiveFrom: at },
    datasets: Object.fromEntries(told),
  });
  const datasets = Object.values(contents).map(({ sha256: hash, text }) => ({
    ...{ type: 'dataset', sha256: hash, content: text },
  }));
  return [...datasets, { type: 'release', jws }];
}

interface Fact {
  readonly id: string;
  readonly kind?: string;
  readonly body?: object;
  readonly isHidden?: boolean;
}

/** The stream of a branch to head office, or the other way: one batch, an entry for each operation. */
export async function streamLines(
  by: Party,
  operations: readonly Fact[],
  to: NodeCode = headOffice,
): Promise<Line[]> {
  const entries = operations.map(({ id, kind = 'test.told', body = {}, isHidden }, index) => {
    const entry = canonicalJson({
      ...{ node: by.code, epoch, seq: index + 1, id: `entry-${index}`, kind },
      ...{ to: [to], operationId: id, occurredAt: at, recordedAt: at },
      ...{ businessDate: '2026-11-30', body },
    });
    const line = { type: 'entry', position: index + 1, hash: sha256(entry) };
    return isHidden ? line : { ...line, entry };
  });
  const chain = entries.reduce((before, { hash }) => nextChain(before, hash), emptyChain);
  const last = entries.length;
  const jws = await createSigner(by).sign(headType, {
    ...{ from: by.code, to, started: epoch, previous: [], epoch },
    ...{ first: 1, base: emptyChain, position: last, chain, at },
  });
  const stream = { type: 'stream', from: by.code, to, epoch, first: 1, last };
  return [stream, { type: 'head', jws }, ...entries];
}

/** The lines of a bundle, sealed. */
export async function bundle(
  by: Party,
  { scope, content }: { scope: BundleScope; content: readonly Line[] },
): Promise<string[]> {
  const headOfficeKey = publicKeyOf(by.signingKey);
  const opening = { type: 'bundle', version: 1, createdAt: at, scope, headOfficeKey };
  const lines = [opening, ...content].map((line) => JSON.stringify(line));
  const digest = createHash('sha256');
  for (const line of lines) digest.update(`${line}\n`);
  const seal = { lines: lines.length, sha256: digest.digest('hex') };
  const jws = await createSigner(by).sign(bundleType, seal);
  return [...lines, JSON.stringify({ type: 'end', ...seal, jws })];
}
