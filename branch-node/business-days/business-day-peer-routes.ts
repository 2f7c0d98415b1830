import type { Hono } from 'hono';
import { z } from 'zod';
import type { PeerEnv } from '../../shared/federation/peer-routes.ts';
import { callerOf } from '../../shared/federation/peer-server.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import {
  countedLegs,
  isEveryLegKept,
  minutesOf,
} from '../../shared/reconciliation/counted-legs-store.ts';
import type { Store } from '../../shared/store/store.ts';
import { isBusinessDate } from '../../shared/time/clock.ts';
import { decodeCursor, pageOf } from '../../shared/web/cursor.ts';
import {
  type DayMinutes,
  type MinuteLegs,
  maxLegsPerPage,
  maxMinutesPerPage,
} from '../../shared/wire/day-messages.ts';

const wholeNumber = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const legKey = z.strictObject({
  operationId: z.string().max(64),
  attempt: z.int().min(1).max(9),
  point: z.string().max(20),
});

/** What head office asks when a date's control totals differ. Goes on the peer app, which proves the caller. */
export function businessDayPeerRoutes(
  app: Pick<Hono<PeerEnv>, 'get'>,
  { store, node: branch }: { store: Store; node: NodeCode },
): void {
  app.get('/peer/v1/days/:date/minutes', async (c) => {
    if (callerOf(c.env) !== headOffice) throw new DomainError('peer-refused');
    const day = { branch, businessDate: dateIn(c.req.param('date')) };
    const from = numberIn(c.req.query('from') ?? '0', 'from');
    const limit = maxMinutesPerPage;
    const { whole, rows } = await store.read(async (tx) => ({
      whole: await isEveryLegKept(tx, day),
      rows: await minutesOf(tx, { ...day, after: from - 1, limit: limit + 1 }),
    }));
    const next = rows[limit]?.minute ?? null;
    return c.json({ whole, items: rows.slice(0, limit), next } satisfies DayMinutes);
  });

  app.get('/peer/v1/days/:date/minutes/:minute/legs', async (c) => {
    if (callerOf(c.env) !== headOffice) throw new DomainError('peer-refused');
    const day = { branch, businessDate: dateIn(c.req.param('date')) };
    const minute = numberIn(c.req.param('minute'), 'minute');
    const after = decodeCursor(c.req.query('after'), legKey);
    const limit = maxLegsPerPage + 1;
    const rows = await store.read((tx) =>
      countedLegs(tx, { ...day, minute, limit, ...(after ? { after } : {}) }),
    );
    return c.json(
      pageOf(rows, maxLegsPerPage, {
        item: (row) => row,
        key: ({ operationId, attempt, point }) => ({ operationId, attempt, point }),
      }) satisfies MinuteLegs,
    );
  });
}

function dateIn(text: string): string {
  if (isBusinessDate(text)) return text;
  throw refusal('date', 'must be a date, as 2026-11-22');
}

function numberIn(text: string, field: string): number {
  const number = wholeNumber.safeParse(text);
  if (number.success) return number.data;
  throw refusal(field, 'must be a whole number');
}

function refusal(field: string, message: string): DomainError {
  return new DomainError('invalid-input', `${field} ${message}.`, { errors: [{ field, message }] });
}
