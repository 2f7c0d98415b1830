import { expect } from 'chai';
import { createReleasedTerms } from '../../../central-node/reference/released-terms.ts';
import type { PeerClient } from '../../../shared/federation/peers.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { DomainError } from '../../../shared/problem/problem.ts';
import { createReferenceService } from '../../../shared/reference/reference-service.ts';
import { signManifest } from '../../../shared/reference/release.ts';
import { instantOf } from '../../../shared/time/clock.ts';
import {
  headOfficeKeys,
  manualClock,
  referenceStore,
  type SignedRelease,
  signedRelease,
  smallDatasets,
  startMs,
} from '../reference/reference-fixtures.ts';

const dayMs = 86_400_000;
const dayAfter = (days: number) => instantOf(startMs + days * dayMs);
const { signer, verifier } = headOfficeKeys();
const stranger = headOfficeKeys().signer;
const [msk, spb] = ['MSK', 'SPB'] as NodeCode[];

/** Of cash, as many tens of basis points as its number says. */
const release = (terms: number, days: number, by = signer, version = terms) => {
  const rate = { operation: 'payment', tender: 'cash', validFrom: '2026-01-01' };
  const data = smallDatasets({ commissions: [{ ...rate, basisPoints: terms * 10 }] });
  return signedRelease(by, version, data, startMs + days * dayMs);
};

describe('the terms of releases that were in force once', () => {
  const undo: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0)) await step();
  });

  /** Head office with these releases, and branches that answer with theirs; undefined is silent. */
  async function centre(
    held: readonly SignedRelease[],
    branches: Readonly<Record<string, readonly SignedRelease[] | undefined>> = {},
  ) {
    const files = await referenceStore();
    undo.push(files.remove);
    const clock = manualClock();
    const references = createReferenceService({
      ...{ store: files.store, clock },
      clock,
      verifier,
    });
    for (const { manifestJws, contents } of held) {
      const fetchDataset = async (sha256: string) => contents.get(sha256) ?? '';
      await references.apply({ manifestJws, fetchDataset });
    }
    const asked: string[] = [];
    const client: PeerClient = {
      async request(from, { path }) {
        asked.push(`${from} ${path.slice('/peer/v1/'.length).slice(0, 12)}`);
        const releases = branches[from];
        if (!releases) throw new DomainError('peer-unreachable');
        const name = path.split('/').at(-1) ?? '';
        const body =
          releases.find(({ manifest }) => name === String(manifest.version))?.manifestJws ??
          releases.find(({ contents }) => contents.has(name))?.contents.get(name);
        return { status: body === undefined ? 404 : 200, headers: {}, body: body ?? '' };
      },
    };
    const reachable = () => Object.keys(branches) as NodeCode[];
    const between = createReleasedTerms({ references, clock, verifier, client, reachable });
    return {
      asked,
      ...{ store: files.store, clock },
      async between(from: number, to: number) {
        const found = await between(dayAfter(from), dayAfter(to));
        return found.map(({ until, terms }) => [
          Number(terms.commissionBasisPoints('cash', '2026-03-01')) / 10,
          until,
        ]);
      },
    };
  }

  it('are those of each that was for a moment, with its end', async () => {
    const held = [await release(1, 0), await release(2, 2), await release(3, 4)];
    const { between } = await centre(held);
    const [one, two] = [
      [1, dayAfter(2)],
      [2, dayAfter(4)],
    ];
    expect(await between(0, 1)).to.deep.equal([one]);
    expect(await between(1, 3)).to.deep.equal([two, one]);
    expect(await between(2, 3)).to.deep.equal([two]);
    expect(await between(3, 9)).to.deep.equal([[3, undefined], two]);
    expect(await between(5, 9)).to.deep.equal([[3, undefined]]);
  });

  it('are none of one that a higher number overtook before its time', async () => {
    const { between } = await centre([
      await release(1, 0),
      await release(2, 4),
      await release(3, 2),
    ]);
    expect(await between(0, 9)).to.deep.equal([
      [3, undefined],
      [1, dayAfter(2)],
    ]);
  });

  it('are the branches’ where head office has lost them, if it has signed them itself', async () => {
    const [first, second, third, fourth] = await Promise.all(
      [0, 2, 4, 6].map((days, index) => release(index + 1, days)),
    );
    const forged = await release(3, 4, stranger);
    const { between } = await centre([first, fourth] as SignedRelease[], {
      MSK: [forged, fourth] as SignedRelease[],
      NSK: undefined,
      SPB: [second, third] as SignedRelease[],
    });
    expect(await between(3, 5)).to.deep.equal([
      [3, dayAfter(6)],
      [2, dayAfter(4)],
    ]);
  });

  it('are left out where nobody has them, and what was before may have lasted longer', async () => {
    const held = [await release(1, 0), await release(3, 4)];
    const { between, asked } = await centre(held, { MSK: held, SPB: [] });
    expect(await between(1, 9)).to.deep.equal([
      [3, undefined],
      [1, dayAfter(4)],
    ]);
    expect(asked).to.include(`${msk} releases/2`).and.include(`${spb} releases/2`);
  });

  it('are asked for again after a while', async () => {
    const held = [await release(1, 0), await release(3, 4)];
    const others: Record<string, SignedRelease[]> = { MSK: [] };
    const { between, asked, clock } = await centre(held, others);
    for (let time = 0; time < 3; time += 1) expect(await between(1, 9)).to.have.length(2);
    expect(asked).to.deep.equal([3, 2, 1].map((version) => `MSK releases/${version}`));
    others.MSK?.push(await release(2, 2));
    clock.advance(60_000);
    expect(await between(1, 9)).to.deep.equal([
      [3, undefined],
      [2, dayAfter(4)],
      [1, dayAfter(2)],
    ]);
  });

  it('are also those of a release whose number head office has used again, having lost it', async () => {
    const [first, lost, again] = [
      await release(1, 0),
      await release(2, 2),
      await release(5, 4, signer, 2),
    ];
    const { between } = await centre([first, again], { MSK: [first, lost], SPB: [] });
    expect(await between(1, 9)).to.deep.equal([
      [5, undefined],
      [2, undefined],
      [1, dayAfter(4)],
    ]);
  });

  it('are those that head office has, however many lie between that nobody has', async () => {
    const held = [await release(1, 0), await release(3, 4, signer, 150)];
    const { between, asked } = await centre(held, { MSK: [] });
    expect(await between(0, 9)).to.deep.equal([
      [3, undefined],
      [1, dayAfter(4)],
    ]);
    expect(asked).to.have.length(101);
  });

  it('are one where two releases have the same', async () => {
    const held = [await release(1, 0), await release(2, 2), await release(2, 4, signer, 3)];
    const { between } = await centre(held);
    expect(await between(0, 9)).to.deep.equal([
      [2, undefined],
      [1, dayAfter(2)],
    ]);
  });

  it('may be those of before until people’s signatures are there, or another is made', async () => {
    const signed = async (version: number, made: number) => {
      const one = await release(version, 0);
      const createdAt = dayAfter(made);
      const manifest = { ...one.manifest, createdAt, approvals: ['of somebody'] };
      return { ...one, manifest, manifestJws: await signManifest(signer, manifest) };
    };
    const prepared = await signed(2, 1);
    const { between } = await centre([await release(1, 0), prepared]);
    const both = [
      [2, undefined],
      [1, undefined],
    ];
    expect(await between(3, 5)).to.deep.equal(both);
    const later = await centre([await release(1, 0), prepared, await signed(3, 6)]);
    expect(await later.between(3, 5)).to.deep.equal([
      [2, undefined],
      [1, dayAfter(6)],
    ]);
    expect(await later.between(7, 9)).to.deep.equal([
      [3, undefined],
      [2, undefined],
    ]);
  });

  it('are left out where this software cannot read them any more', async () => {
    const held = [await release(1, 0), await release(2, 2)];
    const { between, store } = await centre(held);
    const listed = held[0]?.manifest.datasets.commissions?.sha256 ?? '';
    await store.write((tx) =>
      tx.run('UPDATE dataset_contents SET content = ? WHERE sha256 = ?', '[{}]', listed),
    );
    expect(await between(0, 9)).to.deep.equal([[2, undefined]]);
  });
});
