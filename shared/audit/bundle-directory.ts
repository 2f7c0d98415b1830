import type { JWK } from 'jose';
import { type NodeKey, type Peer, type PeerDirectory, tlsKeyState } from '../federation/peers.ts';
import { createVerifier } from '../federation/signing.ts';
import { headOffice, type NodeCode } from '../ids/ids.ts';
import type { Directory } from '../reference/cut-off.ts';
import { datasetsFrom, readContent } from '../reference/dataset-content.ts';
import type { DatasetName, RowOf } from '../reference/datasets.ts';
import { buildReference, type Reference } from '../reference/reference.ts';
import { type ReleaseManifest, readManifest } from '../reference/release.ts';
import { basesOf, createReleaseApproval } from '../reference/release-approval.ts';
import type { KeySet } from '../reference/release-keys.ts';
import { sha256 } from '../wire/canonical.ts';
import { bundledDatasets } from './bundle.ts';

/** Whose signatures releases need beside head office's, as the reader knows it from elsewhere. */
export interface TrustedReleaseKeys {
  readonly pinned: KeySet;
  /** The first release that needs them; those before were made when there were none. */
  readonly from: number;
}

interface Release {
  readonly manifest: ReleaseManifest;
  readonly directory: Directory;
}

/** Bounds what a bundle may keep in memory. */
const maxReleases = 10_000;

const isOfHeadOffice = ({ node }: { node: string }) => node === headOffice;

/**
 * Who was who, by the releases in a bundle: each is believed only by head office's key, beginning with the one that the
 * reader trusts. They come newest first, so that a newer one vouches for the keys that head office had before.
 */
export function createBundleDirectory(trusted: JWK) {
  const contents = new Map<string, string>();
  const peers = new Map<NodeCode, Peer>();
  const terms: Reference[] = [];
  const releases: Release[] = [];
  const centre: Peer = {
    ...{ code: headOffice, peerUrl: 'https://hq.invalid', signingKey: trusted, keys: [] },
    ...{ revokedSerials: [], active: true },
  };
  peers.set(headOffice, centre);
  const directory: PeerDirectory = {
    peer: (code) => peers.get(code),
    peers: () => [...peers.values()],
  };
  const verifier = createVerifier({ directory, headOfficeKey: trusted, historic: true });
  let sealing = centre;
  const sealVerifier = createVerifier({
    directory: { peer: () => sealing, peers: () => [sealing] },
    headOfficeKey: trusted,
  });

  function rowsOf<Name extends DatasetName>(manifest: ReleaseManifest, name: Name): RowOf<Name>[] {
    const told = manifest.datasets[name];
    if (!told || !bundledDatasets.some((bundled) => bundled === name)) return [];
    const content = contents.get(told.sha256);
    if (content === undefined) {
      throw new Error(`release ${manifest.version}: its data set ${name} is missing`);
    }
    return readContent(name, content, told);
  }

  function learn(peer: Peer): void {
    const known = peers.get(peer.code);
    const keys = new Map<string, NodeKey>();
    // The newest release speaks first, and the last word on a key is its.
    for (const key of [...(peer.keys ?? []), ...(known?.keys ?? [])]) {
      keys.set(`${key.use} ${key.key}`, key);
    }
    const own = { use: 'signing', key: String(peer.signingKey.x), state: 'retired' } as const;
    if (!keys.has(`signing ${own.key}`)) keys.set(`signing ${own.key}`, own);
    peers.set(peer.code, { ...(known ?? peer), keys: [...keys.values()] });
  }

  return {
    /** By all keys that a node ever had. */
    verifier,
    /**
     * By the keys of head office that count in the newest release: what it signed with others may be a thief's, and
     * also who else is said to have been a member.
     */
    sealVerifier,
    /** @throws Error when the text is not what the hash says. */
    addDataset(told: { sha256: string; content: string }): void {
      if (sha256(told.content) !== told.sha256) throw new Error('a data set was changed');
      contents.set(told.sha256, told.content);
    },
    /** @throws DomainError, Error for a release that head office did not sign or that is not whole. */
    async addRelease(jws: string): Promise<void> {
      if (terms.length >= maxReleases) throw new Error('too many releases');
      const manifest = await readManifest(verifier, jws);
      const { version, effectiveFrom } = manifest;
      const datasets = datasetsFrom((name) => rowsOf(manifest, name));
      const reference = buildReference({ version, effectiveFrom, datasets });
      terms.push(reference);
      const centreKeys = datasets['node-keys'].filter(isOfHeadOffice);
      if (releases.length === 0) sealing = { ...centre, keys: centreKeys };
      releases.push({ manifest, directory: datasets });
      for (const peer of reference.peers()) learn(peer);
      if (centreKeys.length > 0) learn({ ...centre, keys: centreKeys });
    },
    /**
     * Proves every release by release keys, as a node would have on its day, the first one first.
     * @throws DomainError `release-not-approved` naming the first that fails.
     */
    async assertApproved({ pinned, from }: TrustedReleaseKeys): Promise<void> {
      const approval = createReleaseApproval({ pinned, headOfficeKey: () => trusted });
      const before: Release[] = [];
      for (const next of releases.toReversed()) {
        if (next.manifest.version >= from)
          await approval.assertApproved(next, basesOf(before, next.manifest.createdAt));
        before.unshift(next);
      }
    },
    /** Whether this was ever the key of the node. */
    hadTlsKey(code: NodeCode, tlsKeySha256: string): boolean {
      const peer = peers.get(code);
      return peer !== undefined && tlsKeyState(peer, tlsKeySha256) !== 'unknown';
    },
    /** The terms of every release, the newest first. */
    terms: (): readonly Reference[] => terms,
  };
}

export type BundleDirectory = ReturnType<typeof createBundleDirectory>;
