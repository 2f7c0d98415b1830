import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JWK } from 'jose';
import type { Signer, Verifier } from '../../../shared/federation/peers.ts';
import { createSigner, createVerifier } from '../../../shared/federation/signing.ts';
import { headOffice } from '../../../shared/ids/ids.ts';
import {
  datasetContent,
  datasetsFrom,
  parseRows,
} from '../../../shared/reference/dataset-content.ts';
import {
  type DatasetName,
  type Datasets,
  datasetNames,
} from '../../../shared/reference/datasets.ts';
import { type ReleaseManifest, signManifest } from '../../../shared/reference/release.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import { type Clock, instantOf, msOf } from '../../../shared/time/clock.ts';

export const startMs = msOf('2026-03-01T09:00:00.000Z');
const always = { validFrom: '2026-01-01' };

function branchRow(code: string): object {
  return {
    code,
    name: `Branch ${code}`,
    region: 'Region',
    timeZone: 'Europe/Moscow',
    netDebitCap: { amount: '1000.00', currency: 'RUB' },
    peerUrl: 'https://127.0.0.1:7001',
    frontUrl: 'https://127.0.0.1:8001',
    signingKey: { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) },
    tlsKeySha256: 'a'.repeat(64),
    revokedSerials: [],
    active: true,
  };
}

/** A small release that is valid; `changes` replaces whole data sets. */
export function smallDatasets(changes: Partial<Record<DatasetName, readonly object[]>> = {}) {
  const rows: Partial<Record<DatasetName, readonly object[]>> = {
    branches: [branchRow('MSK'), branchRow('SPB')],
    'numbering-plan': [
      { from: '79250000000', to: '79250099999', branch: 'MSK' },
      { from: '79210000000', to: '79210099999', branch: 'SPB' },
    ],
    'foreign-numbering': [{ from: '79160000000', to: '79169999999', operator: 'МТС' }],
    'ported-numbers': [{ msisdn: '79161234567', branch: 'SPB' }],
    currencies: [{ code: 'RUB', decimals: 2, name: 'Российский рубль' }],
    services: [{ code: 'ROAMING', name: 'Роуминг', fee: '10.00', currency: 'RUB', ...always }],
    'rate-plans': [
      {
        code: 'BASIC',
        name: 'Базовый',
        currency: 'RUB',
        monthlyFee: '100.00',
        switchFee: '0.00',
        services: ['ROAMING'],
        validFrom: '2026-01-01',
        validTo: '2026-06-30',
      },
      {
        code: 'BASIC',
        name: 'Базовый',
        currency: 'RUB',
        monthlyFee: '120.00',
        switchFee: '0.00',
        services: [],
        validFrom: '2026-07-01',
      },
    ],
    tariffs: [
      { action: 'sim-card', amount: '45.00', currency: 'RUB', payer: 'home-branch', ...always },
    ],
    tenders: [
      {
        code: 'cash',
        name: 'Наличные',
        minAmount: '1.00',
        maxAmount: '1000.00',
        currency: 'RUB',
        unverifiedMax: '500.00',
      },
    ],
    commissions: [{ operation: 'payment', tender: 'cash', basisPoints: 150, ...always }],
    roles: [
      { role: 'cashier', node: 'branch', permission: 'payment.take' },
      { role: 'centre-manager', node: 'centre', permission: 'reference.publish' },
    ],
    ...changes,
  };
  return datasetsFrom((name) => parseRows(name, rows[name] ?? []));
}

export interface ManualClock extends Clock {
  advance(ms: number): void;
}

export function manualClock(): ManualClock {
  let ms = startMs;
  return {
    nowMs: () => ms,
    after: () => () => undefined,
    advance(by) {
      ms += by;
    },
  };
}

export function headOfficeKeys(): { readonly signer: Signer; readonly verifier: Verifier } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const directory = { peer: () => undefined, peers: () => [] };
  return {
    signer: createSigner({
      code: headOffice,
      signingKey: privateKey.export({ format: 'jwk' }) as JWK,
    }),
    verifier: createVerifier({
      directory,
      headOfficeKey: publicKey.export({ format: 'jwk' }) as JWK,
    }),
  };
}

/** A store in a folder of its own; `reopen` is a restart of the node. */
export async function referenceStore(): Promise<{
  readonly store: Store;
  reopen(): Promise<Store>;
  remove(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'sbms-reference-'));
  const open = async () => {
    const { store } = await openStore({
      url: `file:${join(folder, 'node.db')}`,
      migrations: [
        { room: 'reference', directory: 'shared/reference/migrations' },
        { room: 'reference-drafts', directory: 'central-node/reference/migrations' },
      ],
    });
    return store;
  };
  let store = await open();
  return {
    store,
    async reopen() {
      await store.close();
      store = await open();
      return store;
    },
    async remove() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

export interface SignedRelease {
  readonly manifestJws: string;
  readonly manifest: ReleaseManifest;
  /** Contents by hash, as HQ would serve them. */
  readonly contents: Map<string, string>;
}

export async function signedRelease(
  signer: Signer,
  version: number,
  datasets: Datasets,
  effectiveMs = startMs,
): Promise<SignedRelease> {
  const contents = new Map<string, string>();
  const listed: ReleaseManifest['datasets'] = {};
  for (const name of datasetNames) {
    const { text, sha256, rows } = datasetContent(name, datasets[name]);
    contents.set(sha256, text);
    listed[name] = { sha256, rows };
  }
  const manifest: ReleaseManifest = {
    version,
    previous: version > 1 ? version - 1 : null,
    createdAt: instantOf(startMs),
    effectiveFrom: instantOf(effectiveMs),
    datasets: listed,
  };
  return { manifest, contents, manifestJws: await signManifest(signer, manifest) };
}

/** The error that `work` ends with. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  return undefined;
}
