import { z } from 'zod';
import type { Alarms } from '../federation/alarms.ts';
import type { EntryHandler } from '../federation/inbox.ts';
import { stateSentences } from '../text/state-sentences.ts';
import { findRelease } from './reference-store.ts';

/** An older node tells no hash: there is nothing to compare. */
const releaseApplied = z.object({
  version: z.int().min(1),
  sha256: z.string().max(64).optional(),
});

/**
 * What another node says that it applied, against what is held here under the same number. Two of one number, both
 * signed by head office, mean that its key is in wrong hands; the entry that says so is signed by who was told it.
 */
export function createReleaseComparison(deps: { alarms: Pick<Alarms, 'raise'> }): EntryHandler {
  return async (tx, entry) => {
    const { version, sha256 } = releaseApplied.parse(entry.body);
    const held = await findRelease(tx, version);
    if (!held || sha256 === undefined || held.jwsSha256 === sha256) return;
    const detail = stateSentences.say('otherRelease', {
      peer: entry.node,
      version: String(version),
    });
    tx.afterCommit(() => deps.alarms.raise('release-differs', detail));
  };
}
