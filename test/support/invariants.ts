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
  /** By peer and currency. */
  readonly clearing: ReadonlyMap<string, bigint>;
  /** By kind. */
  readonly tenders: ReadonlyMap<string, bigint>;
  readonly payments: readonly PaymentRow[];
  readonly credited: readonly string[];
  readonly released: ReadonlyMap<string, bigint>;
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
  /** What became of its cancellation. */
  cancellation: string | null;
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
  return [...faults, ...mirrorFaults(books), ...paymentFaults(books), ...tenderFaults(books)];
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
    const accounts = await tx.all<{ code: string; currency: string; balance: bigint }>(
      'SELECT code, currency, balance FROM ledger_accounts',
    );
    const clearing = new Map(
      accounts
        .filter((account) => account.code.startsWith('clearing:'))
        .map(({ code: account, currency, balance }) => [
          `${account.slice('clearing:'.length)} ${currency}`,
          balance,
        ]),
    );
    const tenders = new Map(
      accounts
        .filter((account) => account.code.startsWith('tender:'))
        .map((account) => [account.code.slice('tender:'.length), account.balance]),
    );
    const payments = await tx.all<PaymentRow>(
      `SELECT p.operation_id AS id, o.home, o.state, o.outcome, p.disposition, p.source, p.tender, p.amount,
         c.outcome AS cancellation
       FROM payments p JOIN operations o ON o.id = p.operation_id
         LEFT JOIN operations c ON c.id = p.cancelled_by`,
    );
    const credited = await tx.all<{ id: string }>(
      `SELECT operation_id AS id FROM ledger_entries WHERE kind = 'payment.credited'`,
    );
    const released = await tx.all<{ tender: string; sum: bigint }>(
      `SELECT tender, SUM(amount) AS sum FROM payouts
       WHERE state IN ('released', 'presumed-paid') GROUP BY tender`,
    );
    return {
      code,
      clearing,
      tenders,
      payments,
      credited: credited.map(({ id }) => id),
      released: new Map(released.map((row) => [row.tender, row.sum])),
    };
  });
}

/** Clearing at S with H and at H with S mirror each other; a branch's account with itself is empty. */
function mirrorFaults(books: readonly Book[]): string[] {
  const names = books.flatMap(({ clearing }) => [...clearing.keys()]);
  const currencies = [...new Set(names.map((name) => name.slice(name.indexOf(' ') + 1)))];
  return books.flatMap((book) =>
    books.flatMap((other) =>
      currencies.flatMap((currency) => {
        const here = book.clearing.get(`${other.code} ${currency}`) ?? 0n;
        const there = other.clearing.get(`${book.code} ${currency}`) ?? 0n;
        const pair = `${book.code}/${other.code} ${currency}`;
        if (book === other) return here === 0n ? [] : [`${book.code}: ${here} owed to itself`];
        if (book.code > other.code || here + there === 0n) return [];
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
      const isAccountedFor =
        outcome === 'executed' ? disposition !== 'suspended' : disposition !== 'taken';
      if (!isAccountedFor) faults.push(`${code}: payment ${id} ${outcome} but ${disposition}`);
      if (cancellation === 'executed' && disposition === 'taken') {
        faults.push(`${code}: payment ${id} is cancelled and not paid back`);
      }
      return faults;
    }),
  );
}

/** What the desks hold is what was paid in less what was paid out. */
function tenderFaults(books: readonly Book[]): string[] {
  return books.flatMap(({ code, tenders, payments, released }) => {
    const kinds = new Set([...tenders.keys(), ...released.keys()]);
    return [...kinds].flatMap((kind) => {
      const taken = payments
        .filter(({ source, tender }) => source === null && tender === kind)
        .reduce((sum, { amount }) => sum + amount, 0n);
      const [held, left] = [tenders.get(kind) ?? 0n, released.get(kind) ?? 0n];
      return held === taken - left ? [] : [`${code}: tender ${kind} ${held}, ${taken} − ${left}`];
    });
  });
}
