import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import type { Machine } from './machine.ts';
import { rowsOf } from './rows.ts';

/**
 * The second reading: every balance of every branch counted anew from the logs of all nodes, by rules of its own. It
 * shares no code with the branches' rooms.
 */

// biome-ignore lint/suspicious/noExplicitAny: what stands in a log is read as it was written
type Body = any;

interface Entry {
  node: NodeCode;
  epoch: string;
  seq: number;
  kind: string;
  to: NodeCode[];
  operationId?: string;
  body: Body;
}

interface Story {
  id: string;
  kind: string;
  serving: NodeCode;
  request: Body;
  /** Where each attempt went. */
  homes: Map<number, NodeCode>;
  executed?: { home: NodeCode; result: Body };
  refused: Map<number, boolean>;
  isConcluded: boolean;
}

type Balances = Map<string, bigint>;

export function bookFaults(machines: readonly Machine[]): string[] {
  const entries = allEntries(machines);
  const stories = new Map<string, Story>();
  for (const entry of entries) addTo(stories, entry);
  const balances: Balances = new Map();
  const reversed = new Set<string>();
  for (const story of stories.values()) tell(balances, story, reversed);
  payouts(balances, entries, stories);
  settlements(balances, entries);
  return machines
    .filter(({ code }) => code !== headOffice)
    .flatMap((machine) => compare(machine, balances));
}

function allEntries(machines: readonly Machine[]): Entry[] {
  const found = new Map<string, Entry>();
  for (const { disk } of machines) {
    for (const table of ['log_entries', 'inbound_entries', 'recovered_entries']) {
      for (const row of rowsOf(disk.slot.db, `SELECT entry FROM ${table}`)) {
        const entry: Entry = JSON.parse(String(row.entry));
        found.set(`${entry.node}/${entry.epoch}/${entry.seq}`, entry);
      }
    }
  }
  return [...found.values()];
}

const pointOf = (kind: string) => kind.slice(kind.lastIndexOf('.') + 1);

function addTo(stories: Map<string, Story>, { kind, body }: Entry): void {
  const point = pointOf(kind);
  const operation = body.operation;
  // A case names an operation too, and says nothing of its life.
  if (operation?.serving === undefined || kind === 'payout.recorded') return;
  const { id, serving, request, attempt, home } = operation;
  const story: Story = stories.get(id) ?? {
    ...{ id, kind: operation.kind, serving, request },
    ...{ homes: new Map(), refused: new Map(), isConcluded: false },
  };
  stories.set(id, story);
  story.homes.set(attempt, home);
  if (point === 'credited' || point === 'executed') {
    story.executed = { home, result: body.decision.result };
    if (home === serving) story.isConcluded = true;
  }
  if (point === 'refused') story.refused.set(attempt, true);
  if (point === 'refused' && home === serving) story.isConcluded = true;
  if (point === 'concluded') story.isConcluded = true;
}

const minor = (money: Body): bigint => BigInt(String(money.amount).replace('.', ''));

/** Of one currency. */
function adder(balances: Balances, currency: string) {
  return (node: NodeCode, account: string, amount: bigint) => {
    const name = `${node} ${account} ${currency}`;
    balances.set(name, (balances.get(name) ?? 0n) + amount);
  };
}

function tell(balances: Balances, story: Story, reversed: Set<string>): void {
  const { serving, kind, request, executed, id } = story;
  if (kind === 'payment') payment(balances, story);
  if (!executed) return;
  const { home, result } = executed;
  const moved = result.fee ?? request.money ?? result.money;
  const add = adder(balances, moved?.currency);
  if (result.fee !== undefined) {
    add(home, `subscriber:${result.billingAccountId}`, minor(result.fee));
    add(home, 'revenue', -minor(result.fee));
  }
  // Who did not know that he was set back may have decided another one, too: the money is taken back once.
  if (kind === 'payment-cancellation' && result.reversed && !reversed.has(request.payment)) {
    reversed.add(request.payment);
    add(home, `clearing:${serving}`, -minor(request.money));
    add(home, 'reversed', minor(request.money));
  }
  if (kind === 'number-move' && result.money !== undefined) {
    add(home, `subscriber:${result.billingAccountId}`, minor(result.money));
    add(home, `clearing:${serving}`, -minor(result.money));
    add(serving, `clearing:${home}`, minor(result.money));
    add(serving, `subscriber:${id}`, -minor(result.money));
  }
}

function payment(
  balances: Balances,
  { serving, request, homes, executed, isConcluded }: Story,
): void {
  const add = adder(balances, request.money.currency);
  const sum = minor(request.money);
  const last = homes.get(Math.max(...homes.keys()));
  if (last === undefined) return;
  if (request.source === undefined) add(serving, 'tender', sum);
  else add(serving, 'suspense', sum);
  if (executed) {
    add(serving, `clearing:${executed.home}`, -sum);
    add(executed.home, `clearing:${serving}`, sum);
    add(executed.home, `subscriber:${executed.result.account}`, -sum);
  } else if (isConcluded) {
    add(serving, 'suspense', -sum);
  } else {
    add(serving, `clearing:${last}`, -sum);
  }
}

function payouts(
  balances: Balances,
  entries: readonly Entry[],
  stories: ReadonlyMap<string, Story>,
): void {
  // Recorded while it was forgotten that the money had gone to another number: no cash leaves.
  const done = new Set([...stories.values()].map(({ request }) => String(request.source)));
  for (const { kind, node, body, operationId } of entries) {
    if (kind !== 'payout.recorded' || operationId === undefined || done.has(operationId)) continue;
    done.add(operationId);
    const add = adder(balances, body.money.currency);
    const sum = minor(body.money);
    const decision = body.cancellation?.decision;
    const isReversed = decision?.outcome === 'executed' && decision.result.reversed;
    if (isReversed) {
      const { home } = body.cancellation.operation;
      add(node, `clearing:${home}`, sum);
      const account = stories.get(operationId)?.executed?.result.account;
      add(home, `subscriber:${account}`, sum);
      add(home, 'reversed', -sum);
    } else {
      add(node, 'suspense', sum);
    }
    add(node, 'tender', -sum);
  }
}

function settlements(balances: Balances, entries: readonly Entry[]): void {
  const confirmed = new Set(
    entries
      .filter(({ kind }) => kind === 'settlement.confirmed')
      .map(({ node, body }) => `${node} ${body.settlementId}`),
  );
  const recalled = new Set(
    entries
      .filter(({ kind }) => kind === 'settlement.recalled')
      .flatMap(
        ({
          body: {
            settlementId: id,
            branches: [one, other],
          },
        }) => [`${one} ${id} ${other}`, `${other} ${id} ${one}`],
      ),
  );
  const done = new Set<string>();
  for (const { kind, to, body } of entries) {
    const [branch] = to;
    if (kind !== 'settlement.completed' || branch === undefined) continue;
    const name = `${branch} ${body.settlementId}`;
    if (done.has(name) || !confirmed.has(name)) continue;
    done.add(name);
    const add = adder(balances, body.currency);
    for (const { peer, gross, net } of body.positions) {
      if (recalled.has(`${name} ${peer}`)) continue;
      add(branch, `clearing:${peer}`, -BigInt(gross));
      add(branch, 'settlement', BigInt(net));
      add(branch, 'commission', BigInt(gross) - BigInt(net));
    }
  }
}

function compare({ code, disk }: Machine, expected: Balances): string[] {
  const found: Balances = new Map();
  for (const { code: account, currency, balance } of rowsOf(
    disk.slot.db,
    'SELECT code, currency, balance FROM ledger_accounts',
  )) {
    const text = String(account);
    const name = /^(tender|commission):/.test(text) ? text.slice(0, text.indexOf(':')) : text;
    adder(found, String(currency))(code, name, BigInt(balance ?? 0n));
  }
  const own = [...expected.keys()].filter((name) => name.startsWith(`${code} `));
  return [...new Set([...found.keys(), ...own])].flatMap((name) => {
    const [is, should] = [found.get(name) ?? 0n, expected.get(name) ?? 0n];
    return is === should ? [] : [`${name} is ${is}; by the logs it is ${should}`];
  });
}
