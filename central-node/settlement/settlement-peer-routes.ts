import type { Hono } from 'hono';
import { z } from 'zod';
import type { PeerEnv } from '../../shared/federation/peer-routes.ts';
import { callerOf } from '../../shared/federation/peer-server.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Store } from '../../shared/store/store.ts';
import { decodeCursor, pageOf } from '../../shared/web/cursor.ts';
import {
  maxObligationsPerPage,
  type obligationPage,
} from '../../shared/wire/settlement-messages.ts';
import { isLost } from './lost-settlement-store.ts';
import { type RecordedObligation, settlementObligations } from './obligation-store.ts';
import type { Settlements } from './settlement-service.ts';

const key = z.strictObject({
  windowId: z.string().max(64),
  id: z.string().regex(/^\d{1,18}$/),
});
const limitPattern = /^[1-9]\d{0,2}$/;

/**
 * What a branch fetches of head office: the obligations of a completed settlement that are its own, and no other's.
 * Goes on the peer app, which proves the caller and answers refusals.
 */
export function settlementPeerRoutes(
  app: Pick<Hono<PeerEnv>, 'get'>,
  { store, settlements }: { store: Store; settlements: Pick<Settlements, 'view'> },
): void {
  app.get('/peer/v1/settlements/:id/obligations', async (c) => {
    const caller = callerOf(c.env);
    const settlementId = c.req.param('id');
    const limit = limitOf(c.req.query('limit'));
    const after = decodeCursor(c.req.query('after'), key);
    const rows = await store.read(async (tx) => {
      const settlement = await settlements.view(tx, settlementId);
      if (settlement.state !== 'SETTLED') throw new DomainError('settlement-not-found');
      if (await isLost(tx, settlementId)) throw new DomainError('recovering');
      return settlementObligations(tx, {
        settlementId,
        branch: caller,
        after: after && { windowId: after.windowId, id: BigInt(after.id) },
        limit: limit + 1,
      });
    });
    return c.json(
      pageOf(rows, limit, {
        item: (row) => seenBy(caller, row),
        key: (row) => ({ windowId: row.windowId, id: row.id.toString() }),
      }) satisfies z.input<typeof obligationPage>,
    );
  });
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return maxObligationsPerPage;
  const limit = limitPattern.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= maxObligationsPerPage) return limit;
  throw new DomainError('invalid-input', `limit must be 1 to ${maxObligationsPerPage}.`);
}

function seenBy(
  branch: NodeCode,
  { operationId, attempt, kind, debtor, creditor, ...sums }: RecordedObligation,
): z.input<typeof obligationPage>['items'][number] {
  const owes = debtor === branch;
  return {
    ...{ operationId, attempt, kind },
    peer: owes ? creditor : debtor,
    direction: owes ? 'owes' : 'receives',
    gross: sums.gross.toString(),
    commission: sums.commission.toString(),
    fee: sums.fee.toString(),
    net: sums.net.toString(),
  };
}
