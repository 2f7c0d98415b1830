import type { PeerClient, Verifier } from '../../shared/federation/peers.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { readContent } from '../../shared/reference/dataset-content.ts';
import type { RowOf } from '../../shared/reference/datasets.ts';
import { termsIn } from '../../shared/reference/reference.ts';
import type { ReferenceService } from '../../shared/reference/reference-service.ts';
import {
  isSignedByPeople,
  type ReleaseManifest,
  readManifest,
  storedManifest,
} from '../../shared/reference/release.ts';
import {
  createReleaseFetcher,
  passOver,
  type ReleaseFetcher,
} from '../../shared/reference/release-fetcher.ts';
import type { Terms } from '../../shared/settlement/obligation.ts';
import type { Clock, Instant } from '../../shared/time/clock.ts';

/** A release that was in force, and from when on another one was; the one in force has no end. */
export interface ReleasedTerms {
  readonly until: Instant | undefined;
  readonly terms: Terms;
}

/** Head office may have lost many with a backup. The branches are asked again after a while. */
const maxMissing = 100;
const askedForMs = 60_000;
const maxTermsKept = 100;
const isNoAnswer = passOver(
  'release-not-found',
  'dataset-not-found',
  'peer-unreachable',
  'peer-refused',
);
const isNotItsOwn = passOver('release-invalid', 'peer-refused');

/**
 * By which terms head office may have priced something. Set back, it need not have all of its releases again: the
 * branches have them, signed by itself.
 */
export function createReleasedTerms(deps: {
  references: Pick<ReferenceService, 'highest' | 'manifest' | 'datasetContent'>;
  verifier: Verifier;
  client: PeerClient;
  clock: Clock;
  /** Who is asked. */
  reachable(): readonly NodeCode[];
}) {
  const { references, verifier, clock } = deps;
  /** By number, and the hashes of the two data sets. */
  const told = new Map<number, Map<string, ReleaseManifest>>();
  const askedUntilMs = new Map<string, number>();
  /** By the hashes of the two data sets. */
  const kept = new Map<string, Terms>();

  const isAsked = (what: string) => (askedUntilMs.get(what) ?? 0) > clock.nowMs();
  const noteAsked = (what: string) => askedUntilMs.set(what, clock.nowMs() + askedForMs);
  const askedOf = <T>(ask: (fetcher: ReleaseFetcher) => Promise<T>) =>
    deps.reachable().map((from) => ask(createReleaseFetcher({ peerClient: deps.client, from })));

  /** Head office's own, and what the branches have by that number: set back, it may have used it once more. */
  async function manifestsOf(version: number, areAsked: boolean): Promise<ReleaseManifest[]> {
    const jws = await references.manifest(version).catch(passOver('release-not-found'));
    const held = jws === undefined ? undefined : storedManifest(jws);
    const all = told.get(version) ?? new Map<string, ReleaseManifest>();
    told.set(version, all);
    if (areAsked && !isAsked(String(version))) {
      noteAsked(String(version));
      await Promise.all(askedOf((fetcher) => tellManifest(version, { fetcher, all })));
    }
    const others = [...all].flatMap(([key, one]) => (held && keyOf(held) === key ? [] : one));
    return held ? [held, ...others] : others;
  }

  async function tellManifest(
    version: number,
    { fetcher, all }: { fetcher: ReleaseFetcher; all: Map<string, ReleaseManifest> },
  ): Promise<void> {
    const jws = await fetcher.manifest(version).catch(isNoAnswer);
    if (jws === undefined) return;
    const manifest = await readManifest(verifier, jws).catch(isNotItsOwn);
    if (manifest?.version === version) all.set(keyOf(manifest), manifest);
  }

  /** Nothing where nobody has them, or this software cannot read them any more. */
  async function rowsOf<Name extends 'commissions' | 'tariffs'>(
    { datasets }: ReleaseManifest,
    name: Name,
  ): Promise<readonly RowOf<Name>[] | undefined> {
    const listed = datasets[name];
    if (!listed) return [];
    const rowsIn = async (text: Promise<string | undefined>) => {
      try {
        const content = await text;
        return content === undefined ? undefined : readContent(name, content, listed);
      } catch (error) {
        return isNotItsOwn(error);
      }
    };
    const held = references.datasetContent(listed.sha256).catch(passOver('dataset-not-found'));
    const rows = await rowsIn(held);
    if (rows || isAsked(listed.sha256)) return rows;
    const first = await firstOf(
      askedOf((fetcher) => rowsIn(fetcher.dataset(listed.sha256).catch(isNoAnswer))),
    );
    if (!first) noteAsked(listed.sha256);
    return first;
  }

  async function termsOf(manifest: ReleaseManifest): Promise<Terms | undefined> {
    const key = keyOf(manifest);
    const known = kept.get(key);
    if (known) return known;
    const commissions = await rowsOf(manifest, 'commissions');
    const tariffs = await rowsOf(manifest, 'tariffs');
    if (!commissions || !tariffs) return undefined;
    const terms = termsIn({ commissions, tariffs });
    if (kept.size >= maxTermsKept) kept.clear();
    kept.set(key, terms);
    return terms;
  }

  /**
   * The terms of all releases that were in force at some moment from `from` to `to`, each once, the latest first. What
   * nobody has any more is not among them.
   */
  return async function termsBetween(from: Instant, to: Instant): Promise<ReleasedTerms[]> {
    const found = new Map<string, ReleasedTerms>();
    let until: Instant | undefined;
    let next: ReleaseManifest | undefined;
    let missing = 0;
    let version = (await references.highest())?.manifest.version ?? 0;
    for (; version > 0 && (until === undefined || until > from); version -= 1) {
      const manifests = await manifestsOf(version, missing < maxMissing);
      if (manifests.length === 0) missing += 1;
      // One that a higher number overtook before its time never was.
      const counting = manifests.filter((one) => until === undefined || startOf(one) < until);
      for (const manifest of counting.filter((one) => startOf(one) <= to)) {
        const key = keyOf(manifest);
        const terms = found.has(key) ? undefined : await termsOf(manifest);
        if (terms) found.set(key, { until, terms });
      }
      const ends = counting.map((one) => endOfFormer(one, { next, until }));
      if (ends.length > 0) until = latestOf(ends);
      [next] = manifests;
    }
    return [...found.values()];
  };
}

/** When it came into force, unless a higher one had: at its own time, or at once if none was set. */
function startOf({ createdAt, effectiveFrom }: ReleaseManifest): Instant {
  return effectiveFrom > createdAt ? effectiveFrom : createdAt;
}

/**
 * Until when the release before one may have been in force: what people have to sign is published when they have, at a
 * moment that it does not tell, but before the next one is made.
 */
function endOfFormer(
  manifest: ReleaseManifest,
  of: { next: ReleaseManifest | undefined; until: Instant | undefined },
): Instant | undefined {
  const { next, until } = of;
  const start = startOf(manifest);
  if (!isSignedByPeople(manifest)) return start;
  if (next === undefined) return until;
  const latest = next.createdAt > start ? next.createdAt : start;
  return until !== undefined && until < latest ? until : latest;
}

/** Without one of them there is no end. */
function latestOf(ends: readonly (Instant | undefined)[]): Instant | undefined {
  return ends.includes(undefined) ? undefined : ends.toSorted().at(-1);
}

const keyOf = ({ datasets: { commissions, tariffs } }: ReleaseManifest) =>
  `${commissions?.sha256 ?? ''} ${tariffs?.sha256 ?? ''}`;

const noAnswer = Symbol('no answer');

async function firstOf<T>(asked: readonly Promise<T | undefined>[]): Promise<T | undefined> {
  try {
    return await Promise.any(asked.map(async (each) => (await each) ?? Promise.reject(noAnswer)));
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    const unexpected: unknown = error.errors.find((each) => each !== noAnswer);
    if (unexpected !== undefined) throw unexpected;
    return undefined;
  }
}
