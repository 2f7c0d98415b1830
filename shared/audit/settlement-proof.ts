import { headOffice, type NodeCode } from '../ids/ids.ts';
import { type Leg, legOf } from '../reconciliation/leg.ts';
import { netPositions, type PairPosition, pairPositions } from '../settlement/netting.ts';
import {
  type Obligation,
  obligationOf,
  type PriceFacts,
  priceFactsOf,
  type Terms,
} from '../settlement/obligation.ts';
import type { JsonObject, LogEntry } from '../wire/peer-messages.ts';
import {
  adjustmentKind,
  type CaseAdjusted,
  caseAdjusted,
  isSameWord,
  type SettlementCompleted,
  settlementCompleted,
  settlementRecalled,
} from '../wire/settlement-messages.ts';
import type { BundledObligation } from './bundle.ts';
import { BundleFault, type FailedPlace } from './bundle-streams.ts';

interface SeenLeg {
  readonly leg: Leg;
  readonly facts: PriceFacts;
  readonly place: FailedPlace;
}

interface SeenOperation {
  accepted?: SeenLeg;
  executed?: SeenLeg;
}

interface Told {
  readonly body: SettlementCompleted;
  readonly place: FailedPlace;
}

type Position = Omit<PairPosition, 'branch'>;

/**
 * Computes a settlement again from what both branches of each operation signed, and compares it with the positions that
 * head office signed to each branch.
 */
export function createSettlementProof(settlementId: string) {
  const operations = new Map<string, SeenOperation>();
  const adjustments = new Map<string, CaseAdjusted>();
  const told = new Map<NodeCode, Told>();
  const recalled = new Map<NodeCode, NodeCode[]>();
  const owed = new Map<string, BundledObligation>();

  /** @throws BundleFault for what cannot be read, and for what a branch was told otherwise before. */
  function onEntry(entry: LogEntry, place: FailedPlace): void {
    try {
      const leg = legOf(entry);
      if (leg) keepLeg(leg, { facts: priceFactsOf(entry.body), place });
      else if (entry.node === headOffice) keepWord(entry, place);
    } catch (error) {
      if (error instanceof BundleFault) throw error;
      throw new BundleFault('what the entry tells cannot be read', place);
    }
  }

  /** What only head office may say. */
  function keepWord({ kind, operationId, body }: LogEntry, place: FailedPlace): void {
    if (kind === 'case.adjusted') {
      const adjusted = caseAdjusted.parse(body);
      adjustments.set(adjusted.caseId, adjusted);
    }
    if (operationId !== settlementId) return;
    if (kind === 'settlement.completed') keepTold(body, place);
    if (kind === 'settlement.recalled') {
      const { branches } = settlementRecalled.parse(body);
      const peers = branches.filter((branch) => branch !== place.to);
      recalled.set(place.to, [...(recalled.get(place.to) ?? []), ...peers]);
    }
  }

  /** A branch books what it is told first. */
  function keepTold(content: JsonObject, place: FailedPlace): void {
    const body = settlementCompleted.parse(content);
    const before = told.get(place.to);
    if (before && !isSameWord(before.body, body)) {
      throw new BundleFault(`${place.to} was told otherwise before`, place);
    }
    told.set(place.to, { body, place });
  }

  function keepLeg(leg: Leg, seen: { facts: PriceFacts; place: FailedPlace }): void {
    const { branch, point, serving, home } = leg;
    const key = `${leg.operationId}/${leg.attempt}`;
    const known = operations.get(key) ?? {};
    if (point === 'accepted' && branch === serving) known.accepted ??= { leg, ...seen };
    if (point === 'executed' && branch === home) known.executed ??= { leg, ...seen };
    operations.set(key, known);
  }

  function addObligation(obligation: BundledObligation): void {
    const key = `${obligation.operationId}/${obligation.attempt}`;
    if (obligation.settlementId !== settlementId) {
      throw new BundleFault(`the operation ${key} is of another settlement`);
    }
    if (owed.has(key)) throw new BundleFault(`the operation ${key} is settled twice`);
    owed.set(key, obligation);
  }

  function check(terms: readonly Terms[]): void {
    for (const [key, obligation] of owed) {
      if (obligation.kind === adjustmentKind) checkAdjustment(obligation);
      else checkOperation(key, obligation, terms);
    }
    if (told.size === 0) {
      throw new BundleFault(`that the settlement ${settlementId} was completed is not in it`);
    }
    const pairs = pairPositions([...owed.values()].map((one) => ({ ...one, count: 1 })));
    netPositions(pairs);
    const branches = new Set(pairs.map(({ branch }) => branch));
    for (const branch of branches) {
      if (!told.has(branch)) throw new BundleFault(`what ${branch} was told is missing`);
    }
    for (const [branch, { body, place }] of told) {
      const own = pairs.filter((pair) => pair.branch === branch);
      const without = recalled.get(branch) ?? [];
      // Head office once told of positions that cases had emptied.
      const standing = body.positions.filter(
        ({ peer, count }) => count > 0 && !without.includes(peer),
      );
      if (isSamePositions(own, standing)) continue;
      throw new BundleFault('its positions are not what the operations come to', place);
    }
  }

  function checkAdjustment({ operationId, gross, net, ...pair }: BundledObligation): void {
    const owes = adjustments.get(operationId)?.owes;
    const isSame =
      owes?.debtor === pair.debtor &&
      owes.creditor === pair.creditor &&
      owes.currency === pair.currency &&
      owes.amount === gross &&
      net === gross;
    if (!isSame) throw new BundleFault(`the adjustment of the case ${operationId} is not told so`);
  }

  function checkOperation(
    key: string,
    obligation: BundledObligation,
    terms: readonly Terms[],
  ): void {
    const { accepted, executed } = operations.get(key) ?? {};
    if (!accepted || !executed) {
      const missing = accepted ? 'the home branch' : 'the serving branch';
      const place = (accepted ?? executed)?.place;
      throw new BundleFault(`${missing} has not signed the operation ${key}`, place);
    }
    if (!isSameOperation(accepted.leg, executed.leg)) {
      throw new BundleFault(`the two branches differ about the operation ${key}`, executed.place);
    }
    const isOwed = expectedOf(executed, terms).some((one) => isSameObligation(one, obligation));
    if (isOwed) return;
    throw new BundleFault(`what it makes owed is not what was settled, ${key}`, executed.place);
  }

  /** By the terms of every release: which one was in force is head office's word. */
  function expectedOf(executed: SeenLeg, terms: readonly Terms[]): Obligation[] {
    const { leg, facts } = executed;
    const { operationId, attempt, serving, home, operationDate, money } = leg;
    const isReversed = ({ operationId: id, kind }: Leg) =>
      id === facts.payment && kind === 'payment';
    const payments = [...operations.values()].flatMap(({ executed: seen }) =>
      seen && isReversed(seen.leg) ? [seen] : [],
    );
    const reversed = payments.flatMap((payment) => expectedOf(payment, terms));
    const operation = {
      ...{ operationId, attempt, serving, home, businessDate: operationDate, facts },
      ...{ kind: leg.kind as Exclude<BundledObligation['kind'], typeof adjustmentKind> },
      ...(money ? { money } : {}),
    };
    return terms.flatMap((each) =>
      [undefined, ...reversed].flatMap((payment) => obligationOf(operation, each, payment) ?? []),
    );
  }

  return { onEntry, addObligation, check };
}

export type SettlementProof = ReturnType<typeof createSettlementProof>;

function isSameOperation(accepted: Leg, executed: Leg): boolean {
  const isSame =
    accepted.kind === executed.kind &&
    accepted.serving === executed.serving &&
    accepted.home === executed.home &&
    accepted.operationDate === executed.operationDate;
  if (!isSame || !accepted.money) return isSame;
  const { amount, currency } = accepted.money;
  return executed.money?.amount === amount && executed.money.currency === currency;
}

function isSameObligation(expected: Obligation, told: BundledObligation): boolean {
  return (
    expected.debtor === told.debtor &&
    expected.creditor === told.creditor &&
    expected.currency === told.currency &&
    expected.gross === told.gross &&
    expected.commission === told.commission &&
    expected.fee === told.fee &&
    expected.net === told.net
  );
}

function isSamePositions(ours: readonly Position[], theirs: readonly Position[]): boolean {
  return (
    ours.length === theirs.length &&
    ours.every((own) =>
      theirs.some(
        (other) =>
          other.peer === own.peer &&
          other.count === own.count &&
          other.gross === own.gross &&
          other.commission === own.commission &&
          other.fees === own.fees &&
          other.net === own.net,
      ),
    )
  );
}
