import type { DayTally } from './business-day.ts';
import type { DateReport, SettlementReport } from './closing.ts';

/** What the scenario prints. */

const wide = 16;
const narrow = 10;

export function tallyTable(tally: DayTally, refunded: number): string {
  const rate = (tally.taken / tally.seconds).toFixed(0);
  const refused = Object.entries(tally.refusedAtOnce)
    .map(([code, count]) => `${count} ${code}`)
    .join(', ');
  return [
    `  taken                ${tally.taken} in ${tally.seconds.toFixed(1)} s (${rate} a second)`,
    `  for other branches   ${tally.crossBranch}`,
    `  home branch away     ${tally.acceptedUnverified} accepted while ${tally.outage} was down`,
    `  refused at once      ${refused || 'none'}`,
    `  refused later        ${refunded}, refunded from suspense`,
    `  cancellations        ${tally.cancellations}`,
    `  SIM replacements     ${tally.simReplacements}`,
    `  desk not reached     ${tally.notReached}`,
  ].join('\n');
}

export function totalsOf({ pairs }: DateReport) {
  const sum = (member: 'count' | 'matched' | 'refused' | 'open' | 'inCase' | 'adjusted') =>
    pairs.reduce((total, pair) => total + pair[member], 0);
  return {
    count: sum('count'),
    matched: sum('matched'),
    refused: sum('refused'),
    open: sum('open'),
    inCase: sum('inCase'),
    adjusted: sum('adjusted'),
  };
}

/** One line a kind of operation, over all pairs of branches. */
export function dateTable(report: DateReport): string {
  const kinds = [...new Set(report.pairs.map(({ kind }) => kind))].sort();
  const members = ['count', 'matched', 'refused', 'inCase', 'open'] as const;
  const header = ['operations', 'matched', 'refused', 'in case', 'open'];
  const row = (name: string, cells: readonly string[]) =>
    `  ${name.padEnd(22)}${cells.map((cell) => cell.padStart(narrow)).join('')}`;
  const line = (name: string, pairs: DateReport['pairs']) => {
    const totals = totalsOf({ ...report, pairs });
    return row(
      name,
      members.map((member) => String(totals[member])),
    );
  };
  const waits =
    report.notClosed.length === 0 ? '' : `, not closed by ${report.notClosed.join(', ')}`;
  const totals = report.unequal.length === 0 ? 'equal' : `differ for ${report.unequal.join(', ')}`;
  return [
    '',
    `Reconciliation of ${report.date}: ${report.complete ? 'complete' : 'not complete'}${waits}; control totals ${totals}`,
    row('', header),
    ...kinds.map((kind) =>
      line(
        kind,
        report.pairs.filter((pair) => pair.kind === kind),
      ),
    ),
    line('all', report.pairs),
  ].join('\n');
}

/** Who owes whom, and what is left of it. */
export function settlementTable(settlement: SettlementReport): string {
  const codes = settlement.net.map(({ branch }) => branch);
  const cell = (text: string) => text.padStart(wide);
  const rows = codes.map((branch) => {
    const cells = codes.map((peer) => {
      const found = settlement.matrix.find((each) => each.branch === branch && each.peer === peer);
      return cell(found ? found.net.amount : '·');
    });
    const own = settlement.net.find((each) => each.branch === branch);
    return `  ${branch.padEnd(6)}${cells.join('')}${cell(own?.net.amount ?? '')}`;
  });
  return [
    '',
    `Settlement in ${settlement.currency}: a branch's row is what it receives from (−: pays to) each other`,
    `  ${''.padEnd(6)}${codes.map(cell).join('')}${cell('net')}`,
    ...rows,
    `  confirmed by ${settlement.confirmed.join(', ')}`,
  ].join('\n');
}
