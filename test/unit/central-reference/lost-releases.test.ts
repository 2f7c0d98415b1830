import { expect } from 'chai';
import { createLostReleases } from '../../../central-node/reference/lost-releases.ts';
import type { PeerStatus } from '../../../shared/federation/liveness.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { instantOf } from '../../../shared/time/clock.ts';
import { refusalBy } from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;
const startedMs = Date.parse('2026-11-10T09:00:00.000Z');
const minuteMs = 60_000;

/** Head office, which knows release 2, before it publishes the next one. */
describe('releases that head office may have lost', () => {
  function publishing(
    said: Partial<PeerStatus>,
    { hasTold = true, answers = 404, isHeard = true } = {},
  ) {
    const status: PeerStatus = { peer: msk, reachable: true, ...said };
    const lost = createLostReleases({
      references: { highest: async () => ({ manifest: { version: 2 } }) } as never,
      drafts: { publications: async () => [{ version: 2 }] } as never,
      federation: {
        isRecovering: () => false,
        liveness: { statuses: () => [status] },
        recovery: { hasTold: () => hasTold },
      },
      client: { request: async () => ({ status: answers, headers: {}, body: '' }) },
      clock: { nowMs: () => startedMs, after: () => () => {} },
      isHeard: () => isHeard,
      restoreDirectory: async () => {},
    });
    return lost.assertNoneLost();
  }
  const heardAt = instantOf(startedMs);

  it('hold nobody up who knows no higher one', async () => {
    await publishing({ release: 2, heardAt });
  });

  it('are not waited for at a branch whose keys have ended: cutting it off waits for nobody', async () => {
    for (const isHeard of [true, false]) {
      const published = publishing({ release: 2, heardAt }, { answers: 500, isHeard });
      if (isHeard) expect((await refusalBy(published)).code).to.equal('recovering');
      else await published;
    }
  });

  it('are waited for while a branch says that it has a higher one, reachable now or not', async () => {
    for (const reachable of [true, false]) {
      const refused = await refusalBy(publishing({ release: 3, heardAt, reachable }));
      expect(refused.code).to.equal('recovering');
      expect(refused.message).to.include('MSK');
    }
  });

  it('are not waited for when that branch has been silent for ten minutes', async () => {
    const longAgo = instantOf(startedMs - 11 * minuteMs);
    await publishing({ release: 3, heardAt: longAgo, reachable: false });
  });

  it('are asked of whoever has told what it holds, and not yet which release', async () => {
    expect((await refusalBy(publishing({}))).code).to.equal('recovering');
    await publishing({ reachable: false }, { hasTold: false });
    const unclear = publishing({ release: 2, heardAt }, { answers: 503 });
    expect((await refusalBy(unclear)).code).to.equal('recovering');
  });
});
