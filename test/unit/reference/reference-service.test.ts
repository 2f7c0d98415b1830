import { expect } from 'chai';
import type { PeerClient } from '../../../shared/federation/peers.ts';
import { headOffice } from '../../../shared/ids/ids.ts';
import { DomainError, isDomainError } from '../../../shared/problem/problem.ts';
import { createReferenceService } from '../../../shared/reference/reference-service.ts';
import { signLatest, signManifest } from '../../../shared/reference/release.ts';
import type { ReleaseApproval } from '../../../shared/reference/release-approval.ts';
import { createReleaseFetcher, followLatest } from '../../../shared/reference/release-fetcher.ts';
import type { Reader, Store } from '../../../shared/store/store.ts';
import { instantOf } from '../../../shared/time/clock.ts';
import { sha256 } from '../../../shared/wire/canonical.ts';
import {
  failureOf,
  headOfficeKeys,
  type ManualClock,
  manualClock,
  referenceStore,
  type SignedRelease,
  signedRelease,
  smallDatasets,
  startMs,
} from './reference-fixtures.ts';

const hourMs = 3_600_000;
const { signer, verifier } = headOfficeKeys();
const ported = (msisdn: string) => smallDatasets({ 'ported-numbers': [{ msisdn, branch: 'MSK' }] });

describe('the reference service', () => {
  let files: Awaited<ReturnType<typeof referenceStore>>;
  let clock: ManualClock;
  let service: ReturnType<typeof createReferenceService>;
  let fetched: string[];

  function serviceOn(store: Store) {
    return createReferenceService({ store, clock, verifier });
  }

  function apply(release: SignedRelease, contents: ReadonlyMap<string, string> = release.contents) {
    return service.apply({
      manifestJws: release.manifestJws,
      async fetchDataset(hash) {
        fetched.push(hash);
        const content = contents.get(hash);
        if (content === undefined) throw new DomainError('dataset-not-found');
        return content;
      },
    });
  }

  function latest(release: SignedRelease, issuedMs: number, validMs = hourMs) {
    return signLatest(signer, {
      version: release.manifest.version,
      manifestSha256: sha256(release.manifestJws),
      issuedAt: instantOf(issuedMs),
      expiresAt: instantOf(issuedMs + validMs),
    });
  }

  beforeEach(async () => {
    files = await referenceStore();
    clock = manualClock();
    service = serviceOn(files.store);
    fetched = [];
    await service.load();
  });
  afterEach(() => files.remove());

  it('reads no more than the members and their keys of what head office may cut off from', async () => {
    const read: string[][] = [];
    const assertApproved: ReleaseApproval['assertApproved'] = async (_, bases) => {
      for (const { directory } of bases) read.push(Object.keys(directory));
    };
    const approval = { assertApproved, keySetOf: () => Promise.reject(new Error('not asked')) };
    service = createReferenceService({ store: files.store, clock, verifier, approval });
    await apply(await signedRelease(signer, 1, ported('79161234567')));
    await apply(await signedRelease(signer, 2, ported('79161234568'), startMs + hourMs));
    await apply(await signedRelease(signer, 3, ported('79161234569'), startMs + hourMs));
    expect(read).to.have.length(3);
    for (const names of read) expect(names).to.have.members(['branches', 'node-keys']);
  });

  it('applies a release, tells its listeners and has it again after a restart', async () => {
    const versions: number[] = [];
    service.onChange(({ version }) => versions.push(version));
    expect(service.current()).to.equal(undefined);
    const release = await signedRelease(signer, 1, smallDatasets());
    expect(await apply(release)).to.deep.equal({ version: 1, applied: true });
    expect(versions).to.deep.equal([1]);
    expect(await service.manifest(1)).to.equal(release.manifestJws);

    service = serviceOn(await files.reopen());
    await service.load();
    expect(service.current()?.version).to.equal(1);
    expect(service.current()?.rows('branches')).to.deep.equal(smallDatasets().branches);
  });

  it('fetches only what it lacks', async () => {
    await apply(await signedRelease(signer, 1, smallDatasets()));
    fetched = [];
    const second = await signedRelease(signer, 2, ported('79169999999'));
    await apply(second);
    expect(fetched).to.deep.equal([second.manifest.datasets['ported-numbers']?.sha256]);
    expect(service.current()?.version).to.equal(2);
  });

  it('takes the release that it holds already as no news', async () => {
    const release = await signedRelease(signer, 1, smallDatasets());
    await apply(release);
    expect(await apply(release)).to.deep.equal({ version: 1, applied: false });
  });

  it('stores a release once when it comes twice at the same time', async () => {
    const release = await signedRelease(signer, 1, smallDatasets());
    const results = await Promise.all([apply(release), apply(release)]);
    expect(results.map(({ applied }) => applied).sort()).to.deep.equal([false, true]);
  });

  it('refuses a lower version and another release of the same one', async () => {
    await apply(await signedRelease(signer, 2, smallDatasets()));
    for (const version of [1, 2]) {
      const other = await signedRelease(signer, version, ported('79160000001'));
      const error = await failureOf(apply(other));
      expect(isDomainError(error, 'release-invalid')).to.equal(true);
      expect(service.lastFailure()?.message).to.contain(`Release ${version}`);
    }
    expect(service.current()?.version).to.equal(2);
    await apply(await signedRelease(signer, 3, smallDatasets()));
    expect(service.lastFailure()).to.equal(undefined);
  });

  it('refuses a signature that is not HQ’s', async () => {
    const release = await signedRelease(headOfficeKeys().signer, 1, smallDatasets());
    expect(isDomainError(await failureOf(apply(release)), 'peer-refused')).to.equal(true);
    const [head, body, signature] = (
      await signedRelease(signer, 1, smallDatasets())
    ).manifestJws.split('.');
    const swapped = [head, `${body?.slice(0, -4)}AAAA`, signature].join('.');
    const error = await failureOf(apply({ ...release, manifestJws: swapped }));
    expect(isDomainError(error, 'peer-refused')).to.equal(true);
    const notARelease = await latest(await signedRelease(signer, 1, smallDatasets()), startMs);
    const confused = await failureOf(apply({ ...release, manifestJws: notARelease }));
    expect(isDomainError(confused, 'peer-refused')).to.equal(true);
  });

  it('keeps the last good release when contents are not what was signed', async () => {
    await apply(await signedRelease(signer, 1, smallDatasets()));
    const second = await signedRelease(signer, 2, ported('79169999999'));
    const tampered = new Map(
      [...second.contents].map(([hash, text]) => [
        hash,
        text.replace('79169999999', '79168888888'),
      ]),
    );
    const error = await failureOf(apply(second, tampered));
    expect(isDomainError(error, 'release-invalid')).to.equal(true);
    expect(isDomainError(await failureOf(apply(second, new Map())), 'dataset-not-found')).to.equal(
      true,
    );
    expect(service.current()?.version).to.equal(1);
    await apply(second);
    expect(service.current()?.version).to.equal(2);
  });

  it('refuses a signed release that does not fit together', async () => {
    const broken = smallDatasets({ 'ported-numbers': [{ msisdn: '79160000001', branch: 'NSK' }] });
    await failureOf(apply(await signedRelease(signer, 1, broken)));
    expect(service.lastFailure()?.code).to.equal('release-invalid');
    expect(service.lastFailure()?.errors[0]?.field).to.equal('ported-numbers[79160000001].branch');
    expect(service.current()).to.equal(undefined);
  });

  it('stores nothing when the caller’s part of the transaction fails', async () => {
    const release = await signedRelease(signer, 1, smallDatasets());
    const error = await failureOf(
      service.apply({
        manifestJws: release.manifestJws,
        fetchDataset: async (hash) => release.contents.get(hash) ?? '',
        async onApplied() {
          throw new DomainError('recovering');
        },
      }),
    );
    expect(isDomainError(error, 'recovering')).to.equal(true);
    expect(service.current()).to.equal(undefined);
    expect(isDomainError(await failureOf(service.manifest(1)), 'release-not-found')).to.equal(true);
  });

  it('switches to a future release when it is due, also after a restart', async () => {
    await apply(await signedRelease(signer, 1, smallDatasets()));
    const future = startMs + hourMs;
    await apply(await signedRelease(signer, 2, ported('79169999999'), future));
    await service.tick();
    expect(service.current()?.version).to.equal(1);
    service = serviceOn(await files.reopen());
    await service.load();
    expect(service.current()?.version).to.equal(1);
    clock.advance(hourMs);
    const versions: number[] = [];
    service.onChange(({ version }) => versions.push(version));
    await service.tick();
    await service.tick();
    expect(versions).to.deep.equal([2]);
  });

  it('takes a release that counts at once for one in force, whatever its own clock says', async () => {
    clock.advance(-24 * hourMs);
    await apply(await signedRelease(signer, 1, smallDatasets()));
    expect(service.current()?.version).to.equal(1);
    await apply(await signedRelease(signer, 2, ported('79169999999')));
    await apply(await signedRelease(signer, 3, smallDatasets(), startMs + hourMs));
    service = serviceOn(await files.reopen());
    await service.load();
    expect(service.current()?.version, 'after a restart, of the future one none').to.equal(2);
  });

  for (const isRemembered of [true, false]) {
    const how = isRemembered ? 'could not be counted' : 'was not answered';
    it(`has in force, and told, what the store holds though its commit ${how}`, async () => {
      await apply(await signedRelease(signer, 1, smallDatasets()));
      const { store } = files;
      let isFailing = true;
      const failing: Store = {
        ...store,
        async write(fn) {
          const forgets = { afterCommit: () => {} };
          const value = await store.write((tx) => fn(isRemembered ? tx : { ...tx, ...forgets }));
          if (isFailing) throw new DomainError('store-unavailable');
          return value;
        },
      };
      service = serviceOn(failing);
      await service.load();
      const versions: number[] = [];
      service.onChange(({ version }) => versions.push(version));
      const second = await signedRelease(signer, 2, ported('79169999999'));
      const third = await signedRelease(signer, 3, smallDatasets(), startMs + hourMs);
      for (const release of [second, third]) {
        expect(isDomainError(await failureOf(apply(release)), 'store-unavailable')).to.equal(true);
      }
      isFailing = false;
      // It is held, so it is not fetched again.
      expect((await service.acceptLatest(await latest(third, startMs))).held).to.equal(true);
      await service.tick();
      expect([service.current()?.version, versions]).to.deep.equal([2, [2]]);
      clock.advance(hourMs);
      await service.tick();
      expect([service.current()?.version, versions]).to.deep.equal([3, [2, 3]]);
    });
  }

  it('has in force, and told, what came with a commit that was slower than the look for it', async () => {
    await apply(await signedRelease(signer, 1, smallDatasets()));
    const { store } = files;
    let isUnderWay = false;
    let late: (() => void)[] = [];
    const before: Reader = { get: async () => undefined, all: async () => [] };
    const slow: Store = {
      ...store,
      read: (fn) => (isUnderWay ? fn(before) : store.read(fn)),
      async write(fn) {
        await store.write((tx) => fn({ ...tx, afterCommit: (next) => void late.push(next) }));
        isUnderWay = true;
        throw new DomainError('store-unavailable');
      },
    };
    service = serviceOn(slow);
    await service.load();
    const versions: number[] = [];
    service.onChange(({ version }) => versions.push(version));
    const second = await signedRelease(signer, 2, ported('79169999999'));
    const third = await signedRelease(signer, 3, smallDatasets(), startMs + hourMs);
    for (const release of [second, third]) {
      expect(isDomainError(await failureOf(apply(release)), 'store-unavailable')).to.equal(true);
      await service.tick();
      isUnderWay = false;
      // As with the next commit.
      for (const next of late) next();
      late = [];
      await service.tick();
      expect([service.current()?.version, versions]).to.deep.equal([2, [2]]);
    }
    clock.advance(hourMs);
    await service.tick();
    expect([service.current()?.version, versions]).to.deep.equal([3, [2, 3]]);
  });

  it('keeps data sets that it does not know, unread', async () => {
    const release = await signedRelease(signer, 1, smallDatasets());
    const text = '[{"planet":"Mars"}]';
    const datasets = { ...release.manifest.datasets, planets: { sha256: sha256(text), rows: 1 } };
    const manifestJws = await signManifest(signer, { ...release.manifest, datasets });
    release.contents.set(sha256(text), text);
    await apply({ ...release, manifestJws });
    expect(await service.datasetContent(sha256(text))).to.equal(text);
  });

  describe('freshness', () => {
    it('counts from the last statement that named the release held', async () => {
      const first = await signedRelease(signer, 1, smallDatasets());
      await apply(first);
      clock.advance(hourMs);
      expect(service.freshness()).to.deep.equal({ version: 1, ageMs: hourMs });
      const jws = await latest(first, startMs + hourMs);
      expect((await service.acceptLatest(jws)).held).to.equal(true);
      clock.advance(60_000);
      expect(service.freshness()?.ageMs).to.equal(60_000);
      await service.acceptLatest(jws);
      expect(service.freshness()?.ageMs, 'a repeated statement').to.equal(60_000);

      const second = await signedRelease(signer, 2, ported('79169999999'));
      const news = await service.acceptLatest(await latest(second, startMs + hourMs + 1));
      expect(news.held).to.equal(false);
      expect(service.freshness()?.ageMs, 'known to be behind').to.equal(60_000);
      await apply(second);
      expect(service.freshness()).to.include({ version: 2, ageMs: 0 });
      service = serviceOn(await files.reopen());
      await service.load();
      expect(service.freshness()).to.include({ version: 2, ageMs: 0 });
    });

    it('refuses a statement that is expired, older, or at odds with what is held', async () => {
      const first = await signedRelease(signer, 1, smallDatasets());
      const other = await signedRelease(signer, 1, ported('79169999999'));
      await apply(first);
      await service.acceptLatest(await latest(first, startMs));
      const refused = [
        await latest(first, startMs - 2 * hourMs),
        await latest(first, startMs - 1),
        await latest(other, startMs + 1),
      ];
      for (const jws of refused) {
        const error = await failureOf(service.acceptLatest(jws));
        expect(isDomainError(error, 'release-invalid')).to.equal(true);
      }
    });

    it('refuses a release other than the one HQ called the latest', async () => {
      const named = await signedRelease(signer, 1, smallDatasets());
      await service.acceptLatest(await latest(named, startMs));
      const other = await signedRelease(signer, 1, ported('79169999999'));
      expect(isDomainError(await failureOf(apply(other)), 'release-invalid')).to.equal(true);
      await apply(named);
      expect(service.freshness()).to.include({ version: 1, ageMs: 0 });
    });
  });

  it('follows the latest release of a peer', async () => {
    const release = await signedRelease(signer, 4, smallDatasets());
    const statement = await latest(release, startMs);
    const asked: string[] = [];
    // The far end of the wire, by the paths of the protocol.
    const peerClient: PeerClient = {
      async request(to, { path }) {
        asked.push(`${to} ${path}`);
        const hash = path.split('/').at(-1) ?? '';
        const bodies: Record<string, string | undefined> = {
          '/peer/v1/releases/latest': statement,
          '/peer/v1/releases/4': release.manifestJws,
          [`/peer/v1/datasets/${hash}`]: release.contents.get(hash),
        };
        const body = bodies[path];
        return { status: body === undefined ? 404 : 200, headers: {}, body: body ?? '' };
      },
    };
    const fetcher = createReleaseFetcher({ peerClient, from: headOffice });
    const references = service;
    expect(await followLatest({ fetcher, references, clock })).to.deep.equal({
      version: 4,
      applied: true,
    });
    expect(await followLatest({ fetcher, references, clock })).to.deep.equal({
      version: 4,
      applied: false,
    });
    expect(asked.at(-1)).to.equal('HQ /peer/v1/releases/latest');
    const missing = await failureOf(fetcher.manifest(9));
    expect(isDomainError(missing, 'release-not-found')).to.equal(true);
  });
});
