import { DomainError } from '../problem/problem.ts';
import { isConstraintError } from '../store/constraint.ts';
import type { Reader, Transaction } from '../store/store.ts';
import {
  type AccountBalance,
  assertBalanced,
  ceilingOf,
  type JournalEntry,
  type Posting,
  subscriberPrefix,
} from './ledger.ts';

/** In which what was done once is posted again. */
const replays = new WeakSet<Transaction>();

/**
 * From now on this transaction posts facts: others have acted by them, and what they followed from may be lost for good.
 * An account may then show a claim, which is what was lost.
 */
export function postFacts(tx: Transaction): void {
  replays.add(tx);
}

/**
 * Posts a journal entry: all of it or nothing.
 * @throws DomainError `insufficient-balance` when a liability would turn into a claim.
 */
export async function post(tx: Transaction, entry: JournalEntry): Promise<void> {
  assertBalanced(entry.postings);
  const inserted = await tx.get<{ id: bigint }>(
    `INSERT INTO ledger_entries (kind, operation_id, business_date, recorded_at)
     VALUES (?, ?, ?, ?) RETURNING id`,
    entry.kind,
    entry.operationId,
    entry.businessDate,
    entry.recordedAt,
  );
  if (!inserted) throw new Error('broken invariant: an insert returns its row');
  const rows: bigint[] = [];
  for (const posting of entry.postings) {
    rows.push(inserted.id, await move(tx, posting), posting.amount);
  }
  const values = entry.postings.map(() => '(?, ?, ?)').join(', ');
  await tx.run(`INSERT INTO ledger_postings (entry, account, amount) VALUES ${values}`, ...rows);
}

async function move(tx: Transaction, { account, currency, amount }: Posting): Promise<bigint> {
  try {
    const row =
      (await tx.get<{ id: bigint }>(
        `UPDATE ledger_accounts SET balance = balance + ?,
           ceiling = CASE WHEN ceiling > 0 THEN MAX(0, MIN(ceiling, balance + ?)) ELSE ceiling END
         WHERE code = ? AND currency = ? RETURNING id`,
        amount,
        amount,
        account,
        currency,
      )) ??
      (await tx.get<{ id: bigint }>(
        `INSERT INTO ledger_accounts (code, currency, balance, ceiling)
         VALUES (?, ?, ?, ?) RETURNING id`,
        account,
        currency,
        amount,
        ceilingOf(account),
      ));
    if (!row) throw new Error('broken invariant: an insert returns its row');
    return row.id;
  } catch (error) {
    if (!isConstraintError(error)) throw error;
    if (!replays.has(tx)) throw new DomainError('insufficient-balance');
    return overdraw(tx, { account, currency, amount });
  }
}

/** Past the ceiling, which rises as far as it must and falls with the balance: what is paid back cannot be drawn again. */
async function overdraw(tx: Transaction, { account, currency, amount }: Posting): Promise<bigint> {
  const row = await tx.get<{ id: bigint }>(
    `INSERT INTO ledger_accounts (code, currency, balance, ceiling) VALUES (?, ?, ?, ?)
     ON CONFLICT (code, currency)
     DO UPDATE SET balance = balance + ?, ceiling = balance + ? RETURNING id`,
    account,
    currency,
    ...[amount, amount, amount, amount],
  );
  if (!row) throw new Error('broken invariant: an upsert returns its row');
  return row.id;
}

/** An account's balance in minor units; 0 for an account that nothing was posted to. */
export async function balanceOf(tx: Reader, account: string, currency: string): Promise<bigint> {
  const row = await tx.get<{ balance: bigint }>(
    'SELECT balance FROM ledger_accounts WHERE code = ? AND currency = ?',
    account,
    currency,
  );
  return row?.balance ?? 0n;
}

/** Every account with its balance; the subscribers' accounts are one line. Sums to zero per currency. */
export async function trialBalance(tx: Reader): Promise<AccountBalance[]> {
  return tx.all<AccountBalance>(
    `SELECT code AS account, currency, balance FROM ledger_accounts WHERE code NOT LIKE ?
     UNION ALL
     SELECT 'subscribers', currency, SUM(balance) FROM ledger_accounts
     WHERE code LIKE ? GROUP BY currency
     ORDER BY 1, 2`,
    `${subscriberPrefix}%`,
    `${subscriberPrefix}%`,
  );
}

/** What is wrong with the book: nothing, or a line per entry or account that breaks double entry. */
export async function ledgerFaults(tx: Reader): Promise<string[]> {
  const entries = await tx.all<{ entry: bigint; currency: string; sum: bigint }>(
    `SELECT p.entry, a.currency, SUM(p.amount) AS sum FROM ledger_postings p
     JOIN ledger_accounts a ON a.id = p.account GROUP BY p.entry, a.currency HAVING sum <> 0`,
  );
  const balances = await tx.all<{ code: string; currency: string; balance: bigint; sum: bigint }>(
    `SELECT a.code, a.currency, a.balance, COALESCE(SUM(p.amount), 0) AS sum
     FROM ledger_accounts a LEFT JOIN ledger_postings p ON p.account = a.id
     GROUP BY a.id HAVING sum <> a.balance`,
  );
  return [
    ...entries.map((row) => `entry ${row.entry} sums to ${row.sum} ${row.currency}`),
    ...balances.map((row) => `${row.code} ${row.currency}: ${row.balance}, postings ${row.sum}`),
  ];
}
