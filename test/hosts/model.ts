import type { Entry, Teller } from './journal.ts';

/**
 * What the journal says must be there, by the rules that customers are told, and what the federation shows instead.
 * Nothing of the product's code is used: sums are added up here again.
 */

const simFee = 10_000n;
const switchFees: Readonly<Record<string, bigint>> = {
  UNLIMITED: 10_000n,
  'FAMILY-PLUS': 15_000n,
  BUSINESS: 30_000n,
};
const readsAtOnce = 6;

/** Reasons that a home branch may have; a subscriber who is there is always credited. */
const allowedRefusals: Readonly<Record<string, readonly string[]>> = {
  payment: ['already-cancelled'],
  redirection: ['already-cancelled'],
  'wrong-number': ['unknown-number', 'already-cancelled'],
  cancellation: ['insufficient-balance'],
  'sim-replacement': ['insufficient-balance'],
  'rate-plan-change': ['insufficient-balance', 'rate-plan-unchanged', 'release-too-old'],
};

// biome-ignore lint/suspicious/noExplicitAny: the API's answers, read member by member
type View = any;

export interface Subscriber {
  readonly msisdn: string;
  readonly home: string;
  readonly iccid: string;
  readonly ratePlan: string;
}

export interface Fate {
  readonly entry: Entry;
  readonly id: string;
  readonly view: View;
}

/** What became of everything that was answered with an operation, as its branch tells it now. */
export async function readFates(
  entries: readonly Entry[],
  tellers: ReadonlyMap<string, Teller>,
): Promise<Fate[]> {
  const made = entries.filter(
    ({ status, what }) => status === 201 && what !== 'refund' && what !== 'delivery',
  );
  const fates: Fate[] = [];
  let next = 0;
  const reader = async () => {
    for (let entry = made[next++]; entry; entry = made[next++]) {
      const id = String(entry.answer.operationId);
      const isPayment = ['payment', 'wrong-number', 'redirection'].includes(entry.what);
      const path = `/api/v1/${isPayment ? 'payments' : 'operations'}/${id}`;
      fates.push({ entry, id, view: await tellers.get(entry.branch)?.get(path) });
    }
  };
  await Promise.all(Array.from({ length: readsAtOnce }, reader));
  return fates;
}

/** Each operation as its answer promised it. */
export function fateFaults(fates: readonly Fate[], entries: readonly Entry[]): string[] {
  const paths = new Map<string, string>();
  for (const { what, path, status } of entries) {
    if (status === 201 && (what === 'refund' || what === 'redirection'))
      paths.set(idIn(path), what);
  }
  const cancelled = new Map(
    fates
      .filter(({ entry, view }) => entry.what === 'cancellation' && view.outcome === 'executed')
      .map(({ entry }) => [idIn(entry.path), entry.what]),
  );
  return fates.flatMap((fate) => {
    const { entry, id, view } = fate;
    const name = `${entry.branch} ${entry.what} ${id}`;
    if (view?.operationId !== id) return [`${name} is not there: ${JSON.stringify(view)}`];
    const faults: string[] = [];
    if (view.state !== 'concluded') faults.push(`${name} is ${view.state}`);
    for (const member of ['msisdn', 'businessDate', 'occurredAt', 'servingBranch']) {
      if (view[member] !== entry.answer[member]) faults.push(`${name}: another ${member}`);
    }
    const isAllowed = allowedRefusals[entry.what]?.includes(view.reason);
    if (view.outcome === 'refused' && !isAllowed) faults.push(`${name} refused: ${view.reason}`);
    if (entry.what === 'wrong-number' && view.outcome !== 'refused') {
      faults.push(`${name} ${view.outcome}, though nobody has the number`);
    }
    if (view.money) faults.push(...moneyFaultsOf(fate, name, { paths, cancelled }));
    return faults;
  });
}

const idIn = (path: string) => path.split('/')[4] ?? '';

function moneyFaultsOf(
  { entry, id, view }: Fate,
  name: string,
  { paths, cancelled }: { paths: Map<string, string>; cancelled: Map<string, string> },
): string[] {
  const faults: string[] = [];
  if (view.money.amount !== entry.answer.money.amount) faults.push(`${name}: another sum`);
  if (view.receipt.number !== entry.answer.receipt.number) faults.push(`${name}: another receipt`);
  const wanted = cancelled.has(id)
    ? 'paid-back'
    : paths.get(id) === 'refund'
      ? 'refunded'
      : paths.get(id) === 'redirection'
        ? 'redirected'
        : view.outcome === 'refused'
          ? 'suspended'
          : 'taken';
  if (view.disposition !== wanted) faults.push(`${name} is ${view.disposition}, not ${wanted}`);
  const isPaidOut = wanted === 'paid-back' || wanted === 'refunded';
  const payout = view.payout?.state ?? 'none';
  if (payout !== (isPaidOut ? 'released' : 'none')) faults.push(`${name}: payout ${payout}`);
  return faults;
}

export function kopecks(amount: string): bigint {
  return BigInt(amount.replace('.', ''));
}

/** What every subscriber must have now. */
export function balancesOf(fates: readonly Fate[]): Map<string, bigint> {
  const balances = new Map<string, bigint>();
  const add = (msisdn: string, sum: bigint) =>
    balances.set(msisdn, (balances.get(msisdn) ?? 0n) + sum);
  const credited = new Map(
    fates
      .filter(({ view }) => view.outcome === 'credited')
      .map(({ id, view }) => [id, { msisdn: view.msisdn, sum: kopecks(view.money.amount) }]),
  );
  for (const { msisdn, sum } of credited.values()) add(msisdn, sum);
  for (const { entry, view } of fates) {
    if (view.outcome !== 'executed') continue;
    if (entry.what === 'sim-replacement') add(view.msisdn, -simFee);
    if (entry.what === 'rate-plan-change') {
      add(view.msisdn, -(switchFees[String(entry.body.ratePlan)] ?? 0n));
    }
    const reversed = entry.what === 'cancellation' && credited.get(idIn(entry.path));
    if (reversed) add(reversed.msisdn, -reversed.sum);
  }
  return balances;
}

/** Balance, card and plan of everybody, as his home branch shows them. */
export async function subscriberFaults(
  subscribers: readonly Subscriber[],
  fates: readonly Fate[],
  tellers: ReadonlyMap<string, Teller>,
): Promise<string[]> {
  const balances = balancesOf(fates);
  const faults: string[] = [];
  for (const { msisdn, home, iccid, ratePlan } of subscribers) {
    const card = await tellers.get(home)?.get(`/api/v1/subscribers/${msisdn}`);
    const wanted = balances.get(msisdn) ?? 0n;
    const found = kopecks(card.balance.amount);
    if (found !== wanted) faults.push(`${home} ${msisdn} has ${found}, not ${wanted}`);
    const own = fates.filter(({ view }) => view.msisdn === msisdn && view.outcome === 'executed');
    const last = lastCard(
      iccid,
      own.filter(({ entry }) => entry.what === 'sim-replacement'),
    );
    if (card.sim.iccid !== last) faults.push(`${msisdn} has card ${card.sim.iccid}, not ${last}`);
    const plans = own
      .filter(({ entry }) => entry.what === 'rate-plan-change')
      .map(({ entry }) => entry.body.ratePlan);
    if (!(plans.length > 0 ? plans : [ratePlan]).includes(card.ratePlan)) {
      faults.push(`${msisdn} has plan ${card.ratePlan}, not one of ${plans}`);
    }
  }
  return faults;
}

/** Each replacement retires the card before it: they make one chain that ends with the card of today. */
function lastCard(first: string, replacements: readonly Fate[]): string {
  const after = new Map(
    replacements.map(({ entry, view }) => [view.result.retires, String(entry.body.iccid)]),
  );
  let last = first;
  for (let links = 0; links < replacements.length; links += 1) last = after.get(last) ?? 'broken';
  return last;
}

/** Every card that was delivered, at the branch that got it. */
export async function cardFaults(
  fates: readonly Fate[],
  entries: readonly Entry[],
  tellers: ReadonlyMap<string, Teller>,
): Promise<string[]> {
  const faults: string[] = [];
  const uses = new Map(
    fates
      .filter(({ entry }) => entry.what === 'sim-replacement' || entry.what === 'registration')
      .map((fate) => [`${fate.entry.branch} ${fate.entry.body.iccid}`, fate]),
  );
  for (const { branch, what, body } of entries) {
    if (what !== 'delivery') continue;
    const found = await stockOf(tellers.get(branch));
    for (const { iccid } of body.cards as { iccid: string }[]) {
      const use = uses.get(`${branch} ${iccid}`);
      const isUsed = use !== undefined && use.view.outcome === 'executed';
      const isHere = use?.view.homeBranch === branch;
      const wanted = !isUsed ? ['in-stock'] : isHere ? ['in-use', 'retired'] : ['transferred'];
      const state = found.get(iccid) ?? 'missing';
      if (!wanted.includes(state))
        faults.push(`${branch} card ${iccid} is ${state}, not ${wanted}`);
    }
  }
  return faults;
}

async function stockOf(teller: Teller | undefined): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let cursor = ''; ; ) {
    const page = await teller?.get(`/api/v1/sim-cards?limit=200${cursor}`);
    for (const { iccid, state } of page.items) found.set(iccid, state);
    if (!page.next) return found;
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
}
