import { headOffice } from '../../shared/ids/ids.ts';
import { keptSums } from '../support/head-office-sums.ts';
import type { Machine } from './machine.ts';
import { type Row, rowsOf } from './rows.ts';

/** Head office agrees with the branches, and with itself. */
export function headOfficeFaults(machines: readonly Machine[]): string[] {
  const centre = machines.find(({ code }) => code === headOffice);
  if (!centre) return ['no head office'];
  const branches = machines.filter(({ code }) => code !== headOffice);
  const { db } = centre.disk.slot;
  return [
    ...collectedFaults(db, branches),
    ...sumFaults(db),
    ...positionFaults(db),
    ...settlementFaults(db, branches),
  ];
}

type Connection = Machine['disk']['slot']['db'];

/** Every operation of every branch is there, decided as its branches say it was. */
function collectedFaults(db: Connection, branches: readonly Machine[]): string[] {
  const collected = new Map(
    rowsOf(db, 'SELECT operation_id, attempt, state FROM collected_operations').map((row) => [
      `${row.operation_id}/${row.attempt}`,
      row.state,
    ]),
  );
  const owed = new Map(
    rowsOf(db, 'SELECT operation_id, attempt, count(*) AS n FROM obligations GROUP BY 1, 2').map(
      (row) => [`${row.operation_id}/${row.attempt}`, row.n],
    ),
  );
  return branches.flatMap(({ code, disk }) =>
    rowsOf(
      disk.slot.db,
      'SELECT operation_id, attempt, kind, serving, outcome FROM decisions',
    ).flatMap(({ operation_id: id, attempt, kind, serving, outcome }) => {
      const name = `${id}/${attempt}`;
      const wanted = outcome === 'executed' ? 'matched' : 'refused';
      const state = collected.get(name);
      if (state !== wanted) return [`HQ: ${kind} ${name} of ${code} is ${state}, not ${wanted}`];
      const isOwed = kind === 'payment' && outcome === 'executed' && serving !== code;
      return isOwed && owed.get(name) !== 1n
        ? [`HQ: ${kind} ${name} is owed ${owed.get(name)} times`]
        : [];
    }),
  );
}

function sumFaults(db: Connection): string[] {
  return Object.entries(keptSums).flatMap(([what, sql]) =>
    rowsOf(db, sql).map((row) => `HQ: ${what} differs: ${textOf(row)}`),
  );
}

/** What stands on each stage is what the windows of that stage come to. */
function positionFaults(db: Connection): string[] {
  const expected = new Map<string, bigint>();
  const add = (account: string, amount: bigint) =>
    expected.set(account, (expected.get(account) ?? 0n) + amount);
  const sums = rowsOf(
    db,
    `SELECT w.state AS state, w.currency AS currency, s.debtor AS debtor, s.creditor AS creditor,
       sum(s.net) AS net
     FROM obligation_sums s JOIN settlement_windows w ON w.id = s.window_id
     WHERE w.state IN ('CLOSED', 'PENDING_SETTLEMENT', 'SETTLED') GROUP BY 1, 2, 3, 4`,
  );
  for (const { state, currency, debtor, creditor, net } of sums) {
    const stage = state === 'SETTLED' ? 'settled' : 'recorded';
    add(`position:${stage}:${debtor} ${currency}`, BigInt(net ?? 0n));
    add(`position:${stage}:${creditor} ${currency}`, -BigInt(net ?? 0n));
  }
  const found = new Map(
    rowsOf(db, 'SELECT code, currency, balance FROM ledger_accounts').map((row) => [
      `${row.code} ${row.currency}`,
      BigInt(row.balance ?? 0n),
    ]),
  );
  return [...new Set([...expected.keys(), ...found.keys()])].flatMap((account) => {
    const [is, should] = [found.get(account) ?? 0n, expected.get(account) ?? 0n];
    return is === should ? [] : [`HQ: ${account} is ${is}; its windows come to ${should}`];
  });
}

/** No branch disputes a settlement, and every branch has what it was told. */
function settlementFaults(db: Connection, branches: readonly Machine[]): string[] {
  const answers = rowsOf(db, "SELECT * FROM settlement_answers WHERE outcome = 'disputed'");
  const disputed = answers.map((row) => `HQ: a settlement is disputed: ${textOf(row)}`);
  const members = rowsOf(
    db,
    `SELECT DISTINCT p.settlement_id AS id, p.branch AS branch FROM settlement_positions p
     JOIN settlements s ON s.id = p.settlement_id AND s.state = 'SETTLED'`,
  );
  const missing = members.flatMap(({ id, branch }) => {
    const machine = branches.find(({ code }) => code === branch);
    const [known] = machine
      ? rowsOf(machine.disk.slot.db, 'SELECT state FROM settlements WHERE id = ?', String(id))
      : [];
    return known?.state === 'confirmed' ? [] : [`${branch}: settlement ${id} is ${known?.state}`];
  });
  return [...disputed, ...missing];
}

function textOf(row: Row): string {
  return Object.values(row).join(' ');
}
