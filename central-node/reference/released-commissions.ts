import { parseRows } from '../../shared/reference/dataset-content.ts';
import { type Commissions, commissionsIn } from '../../shared/reference/reference.ts';
import type { ReferenceService } from '../../shared/reference/reference-service.ts';
import { storedManifest } from '../../shared/reference/release.ts';
import { passOver } from '../../shared/reference/release-fetcher.ts';

/** The commissions of all releases that head office holds, each data set once, the latest first. */
export async function releasedCommissions(
  references: Pick<ReferenceService, 'highest' | 'manifest' | 'datasetContent'>,
): Promise<Commissions[]> {
  const highest = (await references.highest())?.manifest.version ?? 0;
  const contents = new Set<string>();
  for (let version = highest; version > 0; version -= 1) {
    // Put back to a backup, head office need not have all of them again.
    const jws = await references.manifest(version).catch(passOver('release-not-found'));
    const listed = jws === undefined ? undefined : storedManifest(jws).datasets.commissions;
    if (listed) contents.add(listed.sha256);
  }
  const found: Commissions[] = [];
  for (const sha256 of contents) {
    const rows: unknown = JSON.parse(await references.datasetContent(sha256));
    found.push(commissionsIn(parseRows('commissions', rows)));
  }
  return found;
}
