import type { Hono } from 'hono';
import { z } from 'zod';
import type { PeerEnv } from '../../shared/federation/peer-routes.ts';
import { callerOf } from '../../shared/federation/peer-server.ts';
import { headOffice } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Store } from '../../shared/store/store.ts';
import { decodeCursor, pageOf } from '../../shared/web/cursor.ts';
import {
  maxObligationsPerPage,
  type obligationPage,
} from '../../shared/wire/settlement-messages.ts';
import { checkedObligations, findSettlement } from './settlement-store.ts';

const key = z.strictObject({ operationId: z.string().max(64), attempt: z.int().min(1).max(9) });

/**
 * What head office asks after it was set back past a settlement: the operations that this branch found in it. Goes on
 * the peer app, which proves the caller and answers refusals.
 */
export function settlementPeerRoutes(
  app: Pick<Hono<PeerEnv>, 'get'>,
  { store }: { store: Store },
): void {
  app.get('/peer/v1/settlements/:id/obligations', async (c) => {
    if (callerOf(c.env) !== headOffice) throw new DomainError('peer-refused');
    const settlementId = c.req.param('id');
    const after = decodeCursor(c.req.query('after'), key);
    const rows = await store.read(async (tx) => {
      const settlement = await findSettlement(tx, settlementId);
      if (!settlement) throw new DomainError('settlement-not-found');
      if (settlement.state === 'received') {
        throw new DomainError('settlement-conflict', 'It is not checked to its end yet.');
      }
      return checkedObligations(tx, { settlementId, after, limit: maxObligationsPerPage + 1 });
    });
    return c.json(
      pageOf(rows, maxObligationsPerPage, {
        item: ({ attempt, gross, commission, fee, net, ...row }) => ({
          ...row,
          attempt,
          gross: gross.toString(),
          commission: commission.toString(),
          fee: fee.toString(),
          net: net.toString(),
        }),
        key: ({ operationId, attempt }) => ({ operationId, attempt }),
      }) satisfies z.input<typeof obligationPage>,
    );
  });
}
