import { z } from '@hono/zod-openapi';
import { formatMoney } from '../../shared/money/money.ts';
import type { Store } from '../../shared/store/store.ts';
import { previousDays } from '../../shared/time/clock.ts';
import type { Api } from '../../shared/web/api.ts';
import { businessDate, wireMoney } from '../../shared/web/schemas.ts';
import { creditTimesOf } from './credit-times.ts';
import { creditStepsOf, type FigureRow, figuresOf } from './figures-store.ts';

const maxDays = 366;

const count = z.int().min(0);
const figures = z
  .strictObject({
    date: businessDate,
    operations: count,
    crossing: count.openapi({ description: 'Served by another branch than the home branch' }),
    mismatched: count.openapi({ description: 'In a case, or adjusted after one' }),
    payments: z.array(z.strictObject({ count, sum: wireMoney })).openapi({
      description: 'Not refused, by currency',
    }),
    credit: z.strictObject({ count, medianMs: count, p95Ms: count }).nullable().openapi({
      description:
        'Payments credited at another branch, and how long that took; up to a fifth too high',
    }),
  })
  .openapi('Figures');

/** The operator's own figures, date by date. */
export function figuresRoutes({ endpoint }: Pick<Api, 'endpoint'>, { store }: { store: Store }) {
  const getFigures = endpoint(
    {
      method: 'GET',
      path: '/api/v1/figures',
      permission: 'reconciliation.read',
      operationId: 'getFigures',
      tag: 'Reconciliation',
      summary: 'Operations and payments of all branches, by business date',
      query: z.strictObject({ from: businessDate, to: businessDate }).superRefine(inRange),
      response: z.strictObject({ items: z.array(figures) }),
    },
    ({ query }) =>
      store.read(async (tx) => {
        const credits = await creditStepsOf(tx, query);
        const items = byDate(await figuresOf(tx, query)).map((day) => ({
          ...day,
          credit: creditTimesOf(credits.get(day.date) ?? []),
        }));
        return { items };
      }),
  );
  return { getFigures };
}

/** As the pages ask them. */
export type FiguresEndpoints = ReturnType<typeof figuresRoutes>;
export type Figures = z.input<typeof figures>;

/** A year at most: what a chart can show, and one answer hold. */
function inRange({ from, to }: { from: string; to: string }, context: z.RefinementCtx): void {
  const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['to'], message });
  if (to < from) refuse('is before from');
  if (previousDays(to, maxDays) > from) refuse(`must be at most ${maxDays} days after from`);
}

function byDate(rows: readonly FigureRow[]): Omit<Figures, 'credit'>[] {
  const dates = new Map<string, Omit<Figures, 'credit'>>();
  for (const { date, currency, payments, paid, ...row } of rows) {
    const known = dates.get(date);
    const sum = currency === '' ? [] : [formatMoney({ amount: paid, currency })];
    dates.set(date, {
      date,
      operations: (known?.operations ?? 0) + Number(row.operations),
      crossing: (known?.crossing ?? 0) + Number(row.crossing),
      mismatched: (known?.mismatched ?? 0) + Number(row.mismatched),
      payments: [
        ...(known?.payments ?? []),
        ...(payments > 0n ? sum.map((each) => ({ count: Number(payments), sum: each })) : []),
      ],
    });
  }
  return [...dates.values()];
}
