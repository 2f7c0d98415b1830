import type { Evidence } from './judge.ts';
import type { Town } from './town.ts';

/** What head office collected, matched and settled, held against the branches and against what its people were told. */

interface Owed {
  debtor: string;
  creditor: string;
  gross: bigint;
}

export async function centreFaults(
  town: Pick<Town, 'answered' | 'adjusted'>,
  { centre, branches }: { centre: Evidence; branches: readonly Evidence[] },
): Promise<string[]> {
  return [
    ...(await matchingFaults(town, { centre, branches })),
    ...(await dayFaults(centre, branches)),
    ...(await settlementFaults(town, { centre, branches })),
    ...(await clearingFaults(centre, branches)),
  ];
}

/** Every operation of every branch is matched or refused, or people ended its case; no case is left open. */
async function matchingFaults(
  { adjusted }: Pick<Town, 'adjusted'>,
  { centre, branches }: { centre: Evidence; branches: readonly Evidence[] },
): Promise<string[]> {
  const { collected, cases } = await centre.store.read(async (tx) => ({
    collected: await tx.all<{ id: string; state: string }>(
      'SELECT operation_id AS id, state FROM collected_operations ORDER BY attempt',
    ),
    cases: await tx.all<{ id: string; kind: string; detail: string }>(
      `SELECT id, kind, detail FROM cases WHERE state <> 'closed'`,
    ),
  }));
  const states = new Map(collected.map(({ id, state }) => [id, state]));
  const faults = cases.map(({ id, kind, detail }) => `HQ: case ${id} ${kind} is open: ${detail}`);
  for (const { code, store } of branches) {
    const operations = await store.read((tx) =>
      tx.all<{ id: string; kind: string; outcome: string }>(
        'SELECT id, kind, outcome FROM operations',
      ),
    );
    for (const { id, kind, outcome } of operations) {
      const ended = outcome === 'executed' ? 'matched' : 'refused';
      const wanted = adjusted.has(id) ? 'adjusted' : ended;
      const state = states.get(id);
      if (state !== wanted) faults.push(`HQ: ${kind} ${id} of ${code} is ${state}, not ${wanted}`);
    }
  }
  return faults;
}

/** What a branch closed, head office has with the same totals. */
async function dayFaults(centre: Evidence, branches: readonly Evidence[]): Promise<string[]> {
  const closings = await centre.store.read((tx) =>
    tx.all<{ branch: string; date: string }>(
      'SELECT branch, business_date AS date FROM day_closings',
    ),
  );
  const known = new Set(closings.map(({ branch, date }) => `${branch} ${date}`));
  const faults: string[] = [];
  for (const { code, store } of branches) {
    const days = await store.read((tx) =>
      tx.all<{ date: string }>('SELECT date FROM business_days'),
    );
    for (const { date } of days) {
      if (!known.delete(`${code} ${date}`)) faults.push(`HQ: ${date} of ${code} is not closed`);
    }
  }
  return [...faults, ...[...known].map((day) => `HQ: ${day} is closed`)];
}

/** What was approved is settled, and every branch of it found the same in its own books. */
async function settlementFaults(
  { answered }: Pick<Town, 'answered'>,
  { centre, branches }: { centre: Evidence; branches: readonly Evidence[] },
): Promise<string[]> {
  const settled = await centre.store.read((tx) =>
    tx.all<{ id: string; branch: string; outcome: string | null }>(
      `SELECT s.id, p.branch, a.outcome FROM settlements s
       JOIN (SELECT DISTINCT settlement_id, branch FROM settlement_positions) p ON p.settlement_id = s.id
       LEFT JOIN settlement_answers a ON a.settlement_id = s.id AND a.branch = p.branch
       WHERE s.state = 'SETTLED'`,
    ),
  );
  const states = await centre.store.read((tx) =>
    tx.all<{ id: string; state: string }>('SELECT id, state FROM settlements'),
  );
  const stateOf = new Map(states.map(({ id, state }) => [id, state]));
  const faults = settled
    .filter(({ outcome }) => outcome !== 'confirmed')
    .map(({ id, branch, outcome }) => `HQ: settlement ${id} of ${branch} is ${outcome}`);
  for (const { wish, status, body, node } of answered) {
    if (node !== 'HQ' || status >= 300 || !wish.path.endsWith('/approval')) continue;
    const state = stateOf.get(body.id);
    if (state !== 'SETTLED') faults.push(`HQ: settlement ${body.id} was approved and is ${state}`);
  }
  for (const { code, store } of branches) {
    const own = await store.read((tx) =>
      tx.all<{ id: string; state: string; faults: string }>(
        'SELECT id, state, faults FROM settlements',
      ),
    );
    for (const { id, state, faults: found } of own) {
      if (state !== 'confirmed') faults.push(`${code}: settlement ${id} is ${state}: ${found}`);
    }
  }
  return faults;
}

/** What head office has not settled yet is what the branches' clearing accounts hold, to the kopeck. */
async function clearingFaults(centre: Evidence, branches: readonly Evidence[]): Promise<string[]> {
  const owed = await centre.store.read((tx) =>
    tx.all<Owed>(
      `SELECT o.debtor, o.creditor, SUM(o.gross) AS gross FROM obligations o
       LEFT JOIN settlement_windows w ON w.id = o.window_id
       WHERE w.state IS NULL OR w.state <> 'SETTLED' GROUP BY o.debtor, o.creditor`,
    ),
  );
  const faults: string[] = [];
  for (const { code, store } of branches) {
    const clearing = await store.read((tx) =>
      tx.all<{ account: string; balance: bigint }>(
        `SELECT code AS account, balance FROM ledger_accounts WHERE code LIKE 'clearing:%'`,
      ),
    );
    for (const { account, balance } of clearing) {
      const peer = account.slice('clearing:'.length);
      const sum = (debtor: string, creditor: string) =>
        owed.find((each) => each.debtor === debtor && each.creditor === creditor)?.gross ?? 0n;
      const due = sum(peer, code) - sum(code, peer);
      if (due !== balance)
        faults.push(`${code}: ${account} is ${balance}, HQ has ${due} unsettled`);
    }
  }
  return faults;
}
