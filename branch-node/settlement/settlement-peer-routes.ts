import type { Hono } from 'hono';
import { z } from 'zod';
import type { PeerEnv } from '../../shared/federation/peer-routes.ts';
import { callerOf } from '../../shared/federation/peer-server.ts';
import { headOffice } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import { decodeCursor, pageOf } from '../../shared/web/cursor.ts';
import {
  maxObligationsPerPage,
  type obligationPage,
} from '../../shared/wire/settlement-messages.ts';
import type { Settlements } from './settlement-service.ts';

type Page = z.input<typeof obligationPage>;

const key = z.strictObject({ operationId: z.string().max(64), attempt: z.int().min(1).max(9) });

/**
 * What head office asks after it was set back past a settlement: the operations that this branch found in it, with `peer`
 * those with that branch. Goes on the peer app, which proves the caller and answers refusals.
 */
export function settlementPeerRoutes(
  app: Pick<Hono<PeerEnv>, 'get'>,
  { settlements }: { settlements: Pick<Settlements, 'found'> },
): void {
  app.get('/peer/v1/settlements/:id/obligations', async (c) => {
    if (callerOf(c.env) !== headOffice) throw new DomainError('peer-refused');
    const settlementId = c.req.param('id');
    const after = decodeCursor(c.req.query('after'), key);
    const rows = await settlements.found(settlementId, {
      ...{ after, peer: c.req.query('peer') },
      limit: maxObligationsPerPage + 1,
    });
    if (!rows) return c.json({ items: [], next: null, unchecked: true } satisfies Page);
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
      }) satisfies Page,
    );
  });
}
