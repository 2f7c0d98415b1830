import { expect } from 'chai';
import { createMovedNumbers } from '../../../central-node/reference/moved-number-service.ts';
import { movedNumbers } from '../../../central-node/reference/moved-number-store.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { buildReference, type Reference } from '../../../shared/reference/reference.ts';
import type { LogEntry } from '../../../shared/wire/peer-messages.ts';
import { referenceStore, smallDatasets } from '../reference/reference-fixtures.ts';

const at = '2026-03-01T09:00:00.000Z';
const businessDate = '2026-03-01';
const msisdn = '79250000007';

interface Told {
  readonly id: string;
  readonly by: string;
  readonly home?: string;
  readonly to: string;
  readonly outcome?: 'executed' | 'refused';
}

function moved({ id, by, home = by, to, outcome = 'executed' }: Told): LogEntry {
  const decision = outcome === 'executed' ? { outcome, result: {} } : { outcome, reason: 'no' };
  const operation = {
    ...{ id, kind: 'number-move', serving: to, home, attempt: 1, msisdn, businessDate },
    ...{ occurredAt: at, actor: { id: '1', name: 'Ольга' }, release: 1, request: {} },
  };
  return {
    ...{ node: by as NodeCode, epoch: 'e'.repeat(32), seq: 1, id, kind: 'number-move.executed' },
    ...{ to: [], occurredAt: at, recordedAt: at, businessDate },
    body: { operation, decision, details: {} },
  };
}

describe('moves that head office collects', () => {
  const reference = buildReference({
    ...{ version: 1, effectiveFrom: at },
    datasets: smallDatasets(),
  });
  let files: Awaited<ReturnType<typeof referenceStore>>;

  beforeEach(async () => {
    files = await referenceStore();
  });
  afterEach(() => files.remove());

  async function collected(...entries: LogEntry[]) {
    return collectedBy(reference, ...entries);
  }

  async function collectedBy(known: Reference, ...entries: LogEntry[]) {
    const { take } = createMovedNumbers({ reference: () => known });
    for (const entry of entries) await files.store.write((tx) => take(tx, entry));
    return files.store.read(movedNumbers);
  }

  it('are where the number is, and are counted once however often they are told', async () => {
    const away = moved({ id: '1', by: 'MSK', to: 'SPB' });
    const back = moved({ id: '2', by: 'SPB', to: 'MSK' });
    expect(await collected(away)).to.deep.equal([{ msisdn, branch: 'SPB' }]);
    expect(await collected(away, back)).to.deep.equal([{ msisdn, branch: 'MSK' }]);
    expect(await collected(away, back)).to.deep.equal([{ msisdn, branch: 'MSK' }]);
  });

  it('are in order whichever branch is heard first', async () => {
    const back = moved({ id: '2', by: 'SPB', to: 'MSK' });
    const away = moved({ id: '1', by: 'MSK', to: 'SPB' });
    expect(await collected(back, away)).to.deep.equal([{ msisdn, branch: 'MSK' }]);
  });

  it('are where the number is also when the release tells of some of them already', async () => {
    // Head office was put back to before them, and had its release back first.
    const after = buildReference({
      ...{ version: 2, effectiveFrom: at },
      datasets: smallDatasets({ 'ported-numbers': [{ msisdn, branch: 'NSK' }] }),
    });
    const away = moved({ id: '1', by: 'MSK', to: 'SPB' });
    const further = moved({ id: '2', by: 'SPB', to: 'NSK' });
    const back = moved({ id: '3', by: 'NSK', to: 'MSK' });
    expect(await collectedBy(after, away)).to.deep.equal([{ msisdn, branch: 'NSK' }]);
    expect(await collectedBy(after, further)).to.deep.equal([{ msisdn, branch: 'NSK' }]);
    expect(await collectedBy(after, back)).to.deep.equal([{ msisdn, branch: 'MSK' }]);
  });

  it('are kept also where head office was put back to before it knew the branch', async () => {
    const away = moved({ id: '1', by: 'MSK', to: 'NSK' });
    expect(await collected(away)).to.deep.equal([{ msisdn, branch: 'NSK' }]);
  });

  const unsound: Record<string, Told> = {
    'a branch that was not its home': { id: '1', by: 'SPB', home: 'MSK', to: 'SPB' },
    'a move to where it is': { id: '1', by: 'MSK', to: 'MSK' },
    'a refusal': { id: '1', by: 'MSK', to: 'SPB', outcome: 'refused' },
  };
  for (const [what, told] of Object.entries(unsound)) {
    it(`do not change for ${what}`, async () => {
      expect(await collected(moved(told))).to.deep.equal([]);
    });
  }
});
