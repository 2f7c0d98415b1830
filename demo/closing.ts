import { type ApiClient, made } from './api-client.ts';
import { type BranchDesk, until, untilQuiet } from './business-day.ts';

/** The end of a business day: suspense worked off, dates closed, reconciled, settled. */

interface Money {
  readonly amount: string;
  readonly currency: string;
}

interface Pair {
  serving: string;
  home: string;
  kind: string;
  count: number;
  sum: Money | null;
  matched: number;
  refused: number;
  open: number;
  inCase: number;
  adjusted: number;
}

export interface DateReport {
  readonly date: string;
  readonly complete: boolean;
  /** Branches whose calendar has not come to this date, or that have not closed it. */
  readonly notClosed: readonly string[];
  readonly unequal: readonly string[];
  readonly pairs: readonly Pair[];
}

export interface SettlementReport {
  readonly currency: string;
  readonly net: readonly { branch: string; net: Money }[];
  readonly matrix: readonly { branch: string; peer: string; net: Money }[];
  readonly confirmed: readonly string[];
}

/** Pays back, at each branch, what its suspense desk holds. */
export async function refundSuspense(desks: readonly BranchDesk[]): Promise<number> {
  let refunded = 0;
  for (const { client } of desks) {
    for (;;) {
      const page = made(await client.get('/api/v1/suspense?limit=200'), 'suspense');
      const items = page.items as { operationId: string }[];
      if (items.length === 0) break;
      for (const { operationId } of items) {
        made(await client.post(`/api/v1/suspense/${operationId}/refund`), 'refunding');
        refunded += 1;
      }
    }
  }
  return refunded;
}

/** Closes every date that a branch's calendar has come to; in the east the next one may have begun. */
export async function closeDates(desks: readonly BranchDesk[], head: ApiClient): Promise<string[]> {
  const open = await Promise.all(
    desks.map(async ({ client }) => {
      const { due, current } = made(await client.get('/api/v1/business-days'), 'business days');
      return [...(due as string[]), String(current)];
    }),
  );
  const dates = [...new Set(open.flat())].sort();
  for (const { client } of desks) {
    for (const date of dates) {
      const answer = await client.post(`/api/v1/business-days/${date}/close`);
      const isTooEarly = answer.body.code === 'business-day-not-over';
      if (!isTooEarly && answer.body.code !== 'business-day-closed')
        made(answer, `closing ${date}`);
    }
  }
  await untilQuiet(desks, head);
  return dates;
}

export async function reconcile(head: ApiClient, date: string): Promise<DateReport> {
  const report = made(await head.get(`/api/v1/reconciliations/${date}`), 'reconciliation');
  const branches = report.branches as { branch: string; closed: boolean; equal: boolean | null }[];
  return {
    date,
    complete: report.complete === true,
    notClosed: branches.filter(({ closed }) => !closed).map(({ branch }) => branch),
    unequal: branches.filter(({ equal }) => equal === false).map(({ branch }) => branch),
    pairs: report.pairs as Pair[],
  };
}

/** Closes the open windows and settles them: one person makes, another one approves. */
export async function settle(
  desks: readonly BranchDesk[],
  { maker, checker }: { maker: ApiClient; checker: ApiClient },
): Promise<SettlementReport[]> {
  const windows = made(await maker.get('/api/v1/settlement-windows'), 'windows').items as {
    id: string;
    state: string;
  }[];
  const reports: SettlementReport[] = [];
  for (const { id: windowId } of windows.filter(({ state }) => state === 'OPEN')) {
    made(await maker.post(`/api/v1/settlement-windows/${windowId}/close`), 'closing the window');
    const settlement = made(
      await maker.post('/api/v1/settlements', { windowIds: [windowId] }),
      'making the settlement',
    );
    const path = `/api/v1/settlements/${String(settlement.id)}`;
    made(await checker.post(`${path}/approval`), 'approving the settlement');
    reports.push(await confirmed(desks, maker, path));
  }
  return reports;
}

async function confirmed(
  desks: readonly BranchDesk[],
  maker: ApiClient,
  path: string,
): Promise<SettlementReport> {
  const read = async () => made(await maker.get(path), 'the settlement');
  const net = (await read()).net as { branch: string; net: Money }[];
  const concerned = net.filter(({ branch }) => desks.some(({ node }) => node.code === branch));
  await until('every branch has answered', async () => {
    const answers = (await read()).answers as { branch: string }[];
    return answers.length >= concerned.length;
  });
  const done = await read();
  const answers = done.answers as { branch: string; outcome: string; detail: string }[];
  return {
    currency: String(done.currency),
    net,
    matrix: done.matrix as SettlementReport['matrix'],
    confirmed: answers
      .filter(({ outcome }) => outcome === 'confirmed')
      .map(({ branch }) => branch)
      .sort(),
  };
}

/** Nodes whose ledger does not balance. */
export async function unbalanced(
  nodes: readonly { code: string; client: ApiClient }[],
): Promise<string[]> {
  const checked = await Promise.all(
    nodes.map(async ({ code, client }) => {
      const book = made(await client.get('/api/v1/trial-balance'), `the book of ${code}`);
      return book.balanced === true ? [] : [code];
    }),
  );
  return checked.flat();
}
