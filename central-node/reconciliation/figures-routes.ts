import { z } from '@hono/zod-openapi';
import { formatMoney } from '../../shared/money/money.ts';
import type { Store } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { businessDate, wireMoney } from '../../shared/web/schemas.ts';
import { type FigureRow, figuresOf } from './figures-store.ts';

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
      query: z.strictObject({ from: businessDate, to: businessDate }),
      response: z.strictObject({ items: z.array(figures) }),
    },
    async ({ query }) => ({ items: byDate(await store.read((tx) => figuresOf(tx, query))) }),
  );
  return { getFigures };
}

/** As the pages ask them. */
export type FiguresEndpoints = ReturnType<typeof figuresRoutes>;
export type Figures = z.input<typeof figures>;

function byDate(rows: readonly FigureRow[]): Figures[] {
  const dates = new Map<string, Figures>();
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
