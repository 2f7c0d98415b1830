import type { Federation } from '../federation/federation.ts';
import { headOffice } from '../ids/ids.ts';
import type { Reader } from '../store/store.ts';
import { type BusinessDate, type Clock, now } from '../time/clock.ts';
import type { ReferenceService } from './reference-service.ts';
import { createReleaseComparison } from './release-comparison.ts';
import { followLatest, type ReleaseFetcher } from './release-fetcher.ts';

/**
 * Keeps a branch on the release that head office calls the latest: asked regularly, at once when told of a new one, and
 * acknowledged in the log. One attempt at a time.
 */
export function createReleaseFollower(deps: {
  federation: Federation;
  references: ReferenceService;
  fetcher: ReleaseFetcher;
  clock: Clock;
  businessDate(tx: Reader): Promise<BusinessDate>;
}) {
  const { federation, references, fetcher, clock } = deps;
  let running: Promise<void> | undefined;

  async function attempt(): Promise<void> {
    await followLatest({
      fetcher,
      references,
      clock,
      async onApplied(tx, { manifest, manifestSha256, reference }) {
        await federation.log.append(tx, {
          kind: 'release.applied',
          // The other branches too: who is told different releases under one number finds out.
          to: [
            headOffice,
            ...reference.peers().flatMap(({ code, active }) => (active ? [code] : [])),
          ],
          occurredAt: now(clock),
          businessDate: await deps.businessDate(tx),
          body: { version: manifest.version, sha256: manifestSha256 },
        });
      },
    });
  }

  /** @throws what fetching and applying throw; the node keeps the release it has. */
  function follow(): Promise<void> {
    running ??= attempt().finally(() => {
      running = undefined;
    });
    return running;
  }

  federation.onEntry('reference.released', async (tx, entry) => {
    if (entry.node !== headOffice) return;
    // After the commit, and not awaited: a store function awaits nothing but its transaction.
    tx.afterCommit(() => void follow().catch(() => {}));
  });
  federation.onEntry('release.applied', createReleaseComparison({ alarms: federation.alarms }));
  federation.onReplay('release.applied', async () => {});

  return { follow };
}
