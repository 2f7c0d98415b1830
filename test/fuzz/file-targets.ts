import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { migrations } from '../../branch-node/branch.ts';
import { readBranchConfig } from '../../branch-node/config.ts';
import { readCentreConfig } from '../../central-node/config.ts';
import { readDatasetFiles } from '../../central-node/reference/dataset-files.ts';
import { importNumbering } from '../../central-node/reference/numbering-import.ts';
import { certificateFacts } from '../../shared/federation/certificates.ts';
import { parseToken } from '../../shared/federation/enrolment-messages.ts';
import { loadIdentity } from '../../shared/federation/identity.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import { restoreStore } from '../../shared/node/maintenance.ts';
import { isDomainError } from '../../shared/problem/problem.ts';
import {
  latestType,
  readLatest,
  readManifest,
  releaseType,
} from '../../shared/reference/release.ts';
import { assetPath } from '../../shared/store/assets.ts';
import { openSentinel } from '../../shared/store/sentinel.ts';
import { sha256 } from '../../shared/wire/canonical.ts';
import { type Target, targetOf, type Verdict } from './campaign.ts';
import type { FuzzFederation } from './fuzz-federation.ts';
import { deepLevels, hostileTexts, jsonText, spoilt } from './hostile-values.ts';

const inn = '7707049388';
const currencies = '[{"code":"RUB","decimals":2,"name":"Российский рубль"}]';
const registryHeader = 'АВС/ DEF;От;До;Емкость;Оператор;Регион;ИНН';
/** What a program that is broken throws; a file that is broken has an error that says so. */
const ourFaults = /^(TypeError|RangeError|ReferenceError|AssertionError)/;

/** A file as it should be, or spoilt: cut, changed in a byte, with something foreign in it. */
function bytesOf(good: Buffer): { valid: fc.Arbitrary<Buffer>; hostile: fc.Arbitrary<Buffer> } {
  const place = fc.nat({ max: good.length });
  const put = (at: number, more: Buffer, skip = 0) =>
    Buffer.concat([good.subarray(0, at), more, good.subarray(at + skip)]);
  return {
    valid: fc.constant(good),
    hostile: fc.oneof(
      place.map((at) => good.subarray(0, at)),
      fc.tuple(place, fc.nat({ max: 255 })).map(([at, byte]) => put(at, Buffer.from([byte]), 1)),
      fc
        .tuple(place, fc.constantFrom(...hostileTexts))
        .map(([at, text]) => put(at, Buffer.from(text))),
      fc.tuple(place, place).map(([at, from]) => put(at, good.subarray(from, from + 200))),
      fc.constantFrom(
        ...[Buffer.alloc(0), Buffer.alloc(4_096), Buffer.from('['.repeat(deepLevels))],
        ...[
          Buffer.from(good.toString('latin1'), 'utf16le'),
          Buffer.from('\uFEFF'),
          Buffer.from('"\n"'),
        ],
        ...[Buffer.concat([Buffer.from('\uFEFF'), good]), Buffer.from('x'.repeat(2_000_000))],
      ),
    ),
  };
}

async function readWith(read: () => unknown): Promise<Verdict> {
  try {
    await read();
    return { outcome: 'taken' };
  } catch (error) {
    const outcome = isDomainError(error) ? error.code : String(Object(error).name);
    const fault = ourFaults.test(String(error)) ? String(Object(error).stack) : undefined;
    return { outcome, fault };
  }
}

function fileTargets(
  name: string,
  good: Buffer,
  probe: (bytes: Buffer) => Promise<Verdict>,
  maxInputs?: number,
): Target[] {
  const { valid, hostile } = bytesOf(good);
  const common = {
    name: `file ${name}`,
    inOrder: true,
    probe,
    ...(maxInputs ? { maxInputs } : {}),
  };
  return [
    targetOf({ ...common, kind: 'valid', maxInputs: 20, inputs: valid }),
    targetOf({ ...common, kind: 'hostile', inputs: hostile }),
  ];
}

/** Everything that a node reads from a file or a command, with a real one to begin with. */
export async function allFileTargets(fuzz: FuzzFederation): Promise<Target[]> {
  const { federation } = fuzz;
  const folder = mkdtempSync(join(tmpdir(), 'sbms-files-'));
  const identityDir = join(federation.branch('MSK').dataDir, 'identity');
  const identity = await loadIdentity(identityDir);
  const regions = readFileSync(assetPath('reference-data/numbering-regions.csv'));
  const rows = ['Алтайский край', 'Амурская область'].map(
    (region, index) => `900;${index}000000;${index}000999;1000;ООО "Мы";${region};${inn}`,
  );
  const registry = Buffer.from(`${[registryHeader, ...rows].join('\n')}\n`);
  return [
    ...fileTargets('numbering registry', registry, (bytes) =>
      readWith(() => importNumbering({ registry: bytes, regions, inn })),
    ),
    ...fileTargets('numbering regions', regions, (bytes) =>
      readWith(() => importNumbering({ registry, regions: bytes, inn })),
    ),
    ...['roles.csv', 'tariffs.csv', 'branches.csv'].flatMap((name) => datasetTargets(folder, name)),
    ...fileTargets('data set as JSON', Buffer.from(currencies), (bytes) =>
      readAlone(folder, 'currencies.json', bytes),
    ),
    ...['signing-key.jwk', 'tls-cert.pem', 'tls-key.pem', 'ca.pem', 'hq-signing-key.jwk'].flatMap(
      (name) => identityTargets(folder, identityDir, name),
    ),
    ...fileTargets('certificate', Buffer.from(identity.certPem), (bytes) =>
      readWith(() => certificateFacts(bytes.toString())),
    ),
    ...fileTargets('enrolment token', Buffer.from(`${'a'.repeat(43)}.${'0'.repeat(64)}`), (bytes) =>
      readWith(() => parseToken(bytes.toString())),
    ),
    ...(await sentinelTargets(folder)),
    ...environmentTargets(federation.branch('MSK').environment),
    ...(await releaseTargets(fuzz)),
    ...(await backupTargets(fuzz, folder)),
  ];
}

function datasetTargets(folder: string, name: string): Target[] {
  const good = readFileSync(assetPath(`reference-data/${name}`));
  return fileTargets(name, good, (bytes) => readAlone(folder, name, bytes));
}

async function readAlone(folder: string, name: string, bytes: Buffer): Promise<Verdict> {
  const alone = join(folder, 'alone');
  rmSync(alone, { recursive: true, force: true });
  mkdirSync(alone);
  writeFileSync(join(alone, name), bytes);
  return readWith(() => readDatasetFiles(alone));
}

function identityTargets(folder: string, from: string, name: string): Target[] {
  const copy = join(folder, `identity-${name}`);
  cpSync(from, copy, { recursive: true });
  return fileTargets(`identity ${name}`, readFileSync(join(from, name)), (bytes) => {
    writeFileSync(join(copy, name), bytes);
    return readWith(() => loadIdentity(copy));
  });
}

/** Whatever is torn, it says the truth, or one commit less, or nothing. */
async function sentinelTargets(folder: string): Promise<Target[]> {
  const path = join(folder, 'sentinel');
  const sentinel = await openSentinel(path, 0n);
  for (const count of [41n, 42n]) await sentinel.record(count);
  await sentinel.close();
  return fileTargets('sentinel', readFileSync(path), async (bytes) => {
    writeFileSync(path, bytes);
    let found: bigint | undefined;
    const verdict = await readWith(async () => {
      const opened = await openSentinel(path, 42n);
      found = opened.found;
      await opened.close();
    });
    const isTrue = found === undefined || found === 41n || found === 42n;
    return isTrue
      ? { ...verdict, outcome: String(found) }
      : { outcome: 'wrong', fault: `says ${found}` };
  });
}

function environmentTargets(good: Readonly<Record<string, string>>): Target[] {
  const changes = fc.dictionary(
    fc.constantFrom(
      ...Object.keys(good),
      'LOG_LEVEL',
      'TIME_ZONE',
      'CASE_GRACE_MS',
      'STORE_URL',
      '__proto__',
    ),
    fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: 'binary' })),
    { minKeys: 1, maxKeys: 2, noNullPrototype: true },
  );
  const probe = (changed: Record<string, string>) =>
    readWith(() => {
      readBranchConfig({ ...good, ...changed });
      readCentreConfig({ ...good, ...changed });
    });
  const name = 'file environment';
  return [
    targetOf({ name, kind: 'valid', maxInputs: 20, inputs: fc.constant({}), probe }),
    targetOf({ name, kind: 'hostile', inputs: changes, probe }),
  ];
}

/** Releases that head office itself has signed, whatever they say. */
async function releaseTargets(fuzz: FuzzFederation): Promise<Target[]> {
  const node = fuzz.node('MSK');
  const centre = fuzz.federation.branch('HQ');
  const signer = createSigner(await loadIdentity(join(centre.dataDir, 'identity')));
  const at = new Date().toISOString();
  const manifest = {
    version: 7,
    previous: 6,
    createdAt: at,
    effectiveFrom: at,
    datasets: { roles: { sha256: sha256('x'), rows: 1 } },
  };
  const latest = { version: 7, manifestSha256: sha256('x'), issuedAt: at, expiresAt: at };
  const read = [
    {
      what: 'manifest',
      good: manifest,
      typ: releaseType,
      parse: (jws: string) => readManifest(node.verifier, jws),
    },
    {
      what: 'latest',
      good: latest,
      typ: latestType,
      parse: (jws: string) => readLatest(node.verifier, jws),
    },
    {
      what: 'release of one data set',
      good: { ...manifest, version: 99_999 },
      typ: releaseType,
      parse: (jws: string) =>
        node.references.apply({ manifestJws: jws, fetchDataset: async () => 'x' }),
    },
  ];
  const versionBefore = node.references.current()?.version;
  return read.flatMap(({ what, good, typ, parse }) => {
    const probe = async (text: string): Promise<Verdict> => {
      const verdict = await readWith(async () => parse(await signedText(signer, typ, text)));
      const isKept = node.references.current()?.version === versionBefore;
      return isKept ? verdict : { ...verdict, fault: `a release was taken: ${text}` };
    };
    const name = `file ${what} ${headOffice}`;
    return [
      targetOf({ name, kind: 'valid', maxInputs: 20, inputs: fc.constant(jsonText(good)), probe }),
      targetOf({ name, kind: 'hostile', inputs: spoilt(fc.constant(good)), probe }),
    ];
  });
}

async function signedText(
  signer: ReturnType<typeof createSigner>,
  typ: string,
  text: string,
): Promise<string> {
  try {
    return await signer.sign(typ, Object(JSON.parse(text)));
  } catch {
    return text;
  }
}

/** A broken backup leaves the store as it is. */
async function backupTargets({ federation }: FuzzFederation, folder: string): Promise<Target[]> {
  const backup = await federation.backup('MSK');
  const store = join(folder, 'restored.db');
  const offered = join(folder, 'offered.db');
  copyFileSync(backup, store);
  const before = sha256(readFileSync(store));
  return fileTargets(
    'backup',
    readFileSync(backup),
    async (bytes) => {
      writeFileSync(offered, bytes);
      for (const suffix of ['-wal', '-shm']) rmSync(offered + suffix, { force: true });
      const verdict = await readWith(() =>
        restoreStore({ code: 'MSK' as NodeCode, storeUrl: `file:${store}`, migrations }, offered),
      );
      const isKept = existsSync(store) && sha256(readFileSync(store)) === before;
      if (verdict.outcome === 'taken') copyFileSync(backup, store);
      else if (!isKept) return { ...verdict, fault: 'a refused backup changed the store' };
      return verdict;
    },
    300,
  );
}
