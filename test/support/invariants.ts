import { logFaults } from '../../shared/federation/log-faults-store.ts';
import { ledgerFaults } from '../../shared/ledger/ledger-store.ts';
import type { Reader, Store } from '../../shared/store/store.ts';

/** The money invariants of the protocol, checked over the stores of a whole federation that has become quiet. */

export interface InspectedNode {
  readonly code: string;
  readonly store: Store;
}

interface Book {
  readonly code: string;
  /** By account and currency, `tender:cash RUB`. */
  readonly balances: ReadonlyMap<string, bigint>;
  readonly payments: readonly PaymentRow[];
  readonly credited: readonly string[];
  readonly payouts: readonly PayoutRow[];
}

interface PaymentRow {
  id: string;
  home: string;
  state: string;
  outcome: string | null;
  disposition: string;
  source: string | null;
  tender: string;
  amount: bigint;
  currency: string;
  /** What became of its cancellation. */
  cancellation: string | null;
}

interface PayoutRow {
  id: string;
  state: string;
  tender: string;
  amount: bigint;
  currency: string;
}

/** Every fault that is found, as a line that names node and account; nothing when all is well. */
export async function moneyFaults(nodes: readonly InspectedNode[]): Promise<string[]> {
  const faults: string[] = [];
  const books: Book[] = [];
  for (const node of nodes) {
    const own = await node.store.read(async (tx) => [
      ...(await ledgerFaults(tx)),
      ...(await logFaults(tx)),
      ...(await reinstatementFaults(tx)),
    ]);
    faults.push(...own.map((fault) => `${node.code}: ${fault}`));
    books.push(await bookOf(node));
  }
  return [...faults, ...mirrorFaults(books), ...paymentFaults(books), ...books.flatMap(ownFaults)];
}

/** What was presumed paid is paid by the word of two people only. */
async function reinstatementFaults(tx: Reader): Promise<string[]> {
  const rows = await tx.all<{ id: string }>(
    `SELECT r.payment_id AS id FROM payout_reinstatements r
       JOIN payouts p ON p.payment_id = r.payment_id AND p.state = 'released'
     GROUP BY r.payment_id HAVING COUNT(*) < 2`,
  );
  return rows.map(({ id }) => `the payout of ${id} was released by one person`);
}

async function bookOf({ code, store }: InspectedNode): Promise<Book> {
  return store.read(async (tx) => {
    const accounts = await tx.all<{ name: string; balance: bigint }>(
      "SELECT code || ' ' || currency AS name, balance FROM ledger_accounts",
    );
    const payments = await tx.all<PaymentRow>(
      `SELECT p.operation_id AS id, o.home, o.state, o.outcome, p.disposition, p.source, p.tender, p.amount,
         p.currency, c.outcome AS cancellation
       FROM payments p JOIN operations o ON o.id = p.operation_id
         LEFT JOIN operations c ON c.id = p.cancelled_by`,
    );
    const credited = await tx.all<{ id: string }>(
      `SELECT operation_id AS id FROM ledger_entries WHERE kind = 'payment.credited'`,
    );
    const payouts = await tx.all<PayoutRow>(
      'SELECT payment_id AS id, state, tender, amount, currency FROM payouts',
    );
    return {
      ...{ code, payments, payouts },
      balances: new Map(accounts.map(({ name, balance }) => [name, balance])),
      credited: credited.map(({ id }) => id),
    };
  });
}

const isClearing = (name: string) => name.startsWith('clearing:');
const isTender = (name: string) => name.startsWith('tender:');

/** Clearing at S with H and at H with S mirror each other; a branch's account with itself is empty. */
function mirrorFaults(books: readonly Book[]): string[] {
  const currencies = new Set(
    books.flatMap(({ balances }) =>
      [...balances.keys()].filter(isClearing).map((name) => name.slice(name.indexOf(' ') + 1)),
    ),
  );
  return [...currencies].flatMap((currency) =>
    books.flatMap((book) =>
      books.flatMap((other) => {
        const here = book.balances.get(`clearing:${other.code} ${currency}`) ?? 0n;
        const there = other.balances.get(`clearing:${book.code} ${currency}`) ?? 0n;
        if (book === other)
          return here === 0n ? [] : [`${book.code}: ${here} ${currency} owed to itself`];
        if (book.code > other.code || here + there === 0n) return [];
        const pair = `${book.code}/${other.code} ${currency}`;
        return [`clearing ${pair}: ${here} and ${there} are no mirror`];
      }),
    ),
  );
}

/** Every payment is credited once or its money is accounted for by its disposition. */
function paymentFaults(books: readonly Book[]): string[] {
  const credits = new Map<string, number>();
  for (const { credited } of books) {
    for (const id of credited) credits.set(id, (credits.get(id) ?? 0) + 1);
  }
  return books.flatMap(({ code, payments }) =>
    payments.flatMap((payment) => {
      const { id, state, outcome, disposition, cancellation } = payment;
      const faults: string[] = [];
      if (state !== 'concluded') faults.push(`${code}: payment ${id} is still ${state}`);
      const wanted = outcome === 'executed' ? 1 : 0;
      const found = credits.get(id) ?? 0;
      if (found !== wanted)
        faults.push(`${code}: payment ${id} ${outcome}, credited ${found} times`);
      const ends = outcome === 'executed' ? endsOfCredited : endsOfRefused;
      const isAccountedFor = ends.includes(disposition);
      if (!isAccountedFor) faults.push(`${code}: payment ${id} ${outcome} but ${disposition}`);
      if (cancellation === 'executed' && disposition === 'taken') {
        faults.push(`${code}: payment ${id} is cancelled and not paid back`);
      }
      return faults;
    }),
  );
}

const endsOfCredited = ['taken', 'paid-back'];
const endsOfRefused = ['suspended', 'refunded', 'redirected', 'paid-back'];

/** What goes back is recorded once, as much as was paid, in what it was paid; what goes to another number goes to one. */
function goingsFaults({ code, payments, payouts }: Book): string[] {
  const payoutOf = new Map(payouts.map((payout) => [payout.id, payout]));
  const textOf = ({ tender, amount, currency }: PaymentRow | PayoutRow) =>
    `${amount} ${currency} in ${tender}`;
  const faults = payments.flatMap((payment) => {
    const { id, disposition } = payment;
    const payout = payoutOf.get(id);
    payoutOf.delete(id);
    const goesBack = disposition === 'refunded' || disposition === 'paid-back';
    const isBack = payout !== undefined && payout.state !== 'withdrawn';
    const next = payments.filter(({ source }) => source === id);
    return [
      ...(goesBack === isBack ? [] : [`is ${disposition}, its payout ${payout?.state}`]),
      ...(next.length === (disposition === 'redirected' ? 1 : 0)
        ? []
        : [`is ${disposition}, sent on ${next.length} times`]),
      ...[...next, ...(payout ? [payout] : [])]
        .filter((each) => textOf(each) !== textOf(payment))
        .map((each) => `was ${textOf(payment)} and goes on as ${textOf(each)}`),
    ].map((fault) => `${code}: payment ${id} ${fault}`);
  });
  return [...faults, ...[...payoutOf.keys()].map((id) => `${code}: payout of ${id} for nothing`)];
}

/**
 * What the desks hold is what was paid in less what was paid out; what stands in suspense and for paying back is the
 * payments that wait there.
 */
function ownFaults(book: Book): string[] {
  const { code, balances, payments, payouts } = book;
  const expected = new Map<string, bigint>();
  const add = (name: string, amount: bigint) =>
    expected.set(name, (expected.get(name) ?? 0n) + amount);
  for (const { source, disposition, tender, amount, currency } of payments) {
    if (source === null) add(`tender:${tender} ${currency}`, amount);
    if (disposition === 'suspended') add(`suspense ${currency}`, -amount);
  }
  for (const { state, tender, amount, currency } of payouts) {
    if (state === 'held') add(`payout ${currency}`, -amount);
    else if (state !== 'withdrawn') add(`tender:${tender} ${currency}`, -amount);
  }
  const isOwn = (name: string) => isTender(name) || /^(suspense|payout) /.test(name);
  const names = new Set([...[...balances.keys()].filter(isOwn), ...expected.keys()]);
  const sums = [...names].flatMap((name) => {
    const [is, should] = [balances.get(name) ?? 0n, expected.get(name) ?? 0n];
    return is === should ? [] : [`${code}: ${name} is ${is}, its payments come to ${should}`];
  });
  return [...sums, ...goingsFaults(book)];
}
