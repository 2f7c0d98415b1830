import type { Federation } from '../../shared/federation/federation.ts';
import type { Ids, NodeCode } from '../../shared/ids/ids.ts';
import { accounts, type Posting } from '../../shared/ledger/ledger.ts';
import { post } from '../../shared/ledger/ledger-store.ts';
import { assert, DomainError } from '../../shared/problem/problem.ts';
import {
  netPositions,
  pairPositions,
  type SettlementModel,
} from '../../shared/settlement/netting.ts';
import type { Reader, Store, Transaction } from '../../shared/store/store.ts';
import { stateSentences } from '../../shared/text/state-sentences.ts';
import { type BusinessDate, type Clock, now } from '../../shared/time/clock.ts';
import type { LogEntry } from '../../shared/wire/peer-messages.ts';
import { settlementConfirmed, settlementDisputed } from '../../shared/wire/settlement-messages.ts';
import type { Obligations } from './obligation-service.ts';
import { addToExposure, heldObligations, sumsOf } from './obligation-store.ts';
import {
  nextSettlementState,
  nextWindowState,
  type Person,
  type Settlement,
  type SettlementView,
  type WindowStep,
} from './settlement.ts';
import {
  answersOf,
  decideSettlement,
  disputedSettlements,
  findSettlement,
  insertSettlement,
  isMember,
  positionsOf,
  saveAnswer,
  windowIdsOf,
} from './settlement-store.ts';
import { findWindow, setWindowState } from './window-store.ts';

/** What a branch's account goes through at its settlement, after its windows were recorded. */
const stages = ['recorded', 'reserved', 'committed', 'settled'] as const;

const disputeAlarm = 'settlement-disputed';

export interface SettlementDeps {
  store: Pick<Store, 'read'>;
  clock: Clock;
  ids: Ids;
  federation: Pick<Federation, 'log' | 'alarms' | 'onRecovered' | 'isCutOff'>;
  obligations: Obligations;
  /** Head office's own calendar day. */
  businessDate(): BusinessDate;
}

export type Settlements = ReturnType<typeof createSettlements>;

/** The discharge of closed windows: made by one person, approved by another. */
export function createSettlements(deps: SettlementDeps) {
  const { store, clock, ids, federation, obligations } = deps;

  async function moveWindows(
    tx: Transaction,
    windowIds: readonly string[],
    step: WindowStep,
  ): Promise<string[]> {
    const currencies = new Set<string>();
    for (const id of windowIds) {
      const window = await findWindow(tx, id);
      if (!window) throw new DomainError('window-not-found');
      await setWindowState(tx, id, { state: nextWindowState(window.state, step) });
      currencies.add(window.currency);
    }
    return [...currencies];
  }

  /**
   * Takes closed windows of one currency into a settlement, its net positions fixed from now on.
   * @throws DomainError `window-not-found`, `window-not-closed`, `invalid-input`, `recovering`,
   * `past-uncertain`.
   */
  async function make(
    tx: Transaction,
    wish: { windowIds: readonly string[]; model: SettlementModel; actor: Person },
  ): Promise<SettlementView> {
    await obligations.assertNothingLost(tx);
    const windowIds = [...new Set(wish.windowIds)];
    const [currency, another] = await moveWindows(tx, windowIds, 'prepare');
    if (currency === undefined || another !== undefined) {
      throw new DomainError('invalid-input', 'A settlement is of windows of one currency.', {
        errors: [{ field: 'windowIds', message: 'must be of one currency' }],
      });
    }
    const positions = pairPositions(await sumsOf(tx, windowIds));
    netPositions(positions);
    const made: Settlement = {
      id: ids.uuid(),
      currency,
      model: wish.model,
      state: 'PENDING_SETTLEMENT',
      madeBy: wish.actor,
      madeAt: now(clock),
      decidedBy: null,
      decidedAt: null,
    };
    await insertSettlement(tx, { ...made, windowIds, positions });
    return view(tx, made.id);
  }

  /**
   * Another person's approval: every branch's account moves to settled, every branch is told its positions.
   * @throws DomainError `settlement-not-found`, `same-person`, `settlement-conflict`, `recovering`,
   * `past-uncertain`.
   */
  async function approve(
    tx: Transaction,
    { id, actor }: { id: string; actor: Person },
  ): Promise<SettlementView> {
    const settlement = await view(tx, id);
    const state = nextSettlementState(settlement.state, 'settle');
    if (settlement.madeBy.id === actor.id) throw new DomainError('same-person');
    await obligations.assertNothingLost(tx);
    for (const windowId of settlement.windowIds) {
      if ((await heldObligations(tx, windowId)).length > 0) {
        throw new DomainError(
          'settlement-conflict',
          'Operations of this settlement came into a case. Close the case, or abort the settlement.',
        );
      }
    }
    await moveWindows(tx, settlement.windowIds, 'settle');
    await decideSettlement(tx, id, { state, by: actor, at: now(clock) });
    await discharge(tx, settlement);
    const settled = await view(tx, id);
    for (const branch of netPositions(settled.positions).keys()) await tell(tx, settled, branch);
    return settled;
  }

  /** Every branch's net position moves to settled, and is owed no more. */
  async function discharge(tx: Transaction, settlement: SettlementView): Promise<void> {
    const nets = netPositions(settlement.positions);
    await postStages(tx, settlement, nets);
    for (const [branch, net] of nets) {
      await addToExposure(tx, { branch, currency: settlement.currency, net: -net });
    }
  }

  async function postStages(
    tx: Transaction,
    { id, currency }: Settlement,
    nets: ReadonlyMap<NodeCode, bigint>,
  ): Promise<void> {
    const moved = [...nets].filter(([, net]) => net !== 0n);
    if (moved.length === 0) return;
    for (const [index, stage] of stages.entries()) {
      const before = stages[index - 1];
      if (!before) continue;
      await post(tx, {
        kind: `settlement.${stage}`,
        operationId: id,
        businessDate: deps.businessDate(),
        recordedAt: now(clock),
        postings: moved.flatMap(([branch, net]): Posting[] => [
          { account: accounts.position(before, branch), currency, amount: net },
          { account: accounts.position(stage, branch), currency, amount: -net },
        ]),
      });
    }
  }

  /** Tells a branch its own positions of a settlement that is completed. */
  async function tell(tx: Transaction, settled: SettlementView, branch: NodeCode): Promise<void> {
    const { id, currency, model, windowIds, madeBy, decidedBy, decidedAt } = settled;
    assert(decidedBy && decidedAt, 'a settlement that is told was approved');
    const own = settled.positions.filter((position) => position.branch === branch);
    await federation.log.append(tx, {
      kind: 'settlement.completed',
      to: [branch],
      operationId: id,
      occurredAt: decidedAt,
      businessDate: deps.businessDate(),
      body: {
        settlementId: id,
        currency,
        model,
        windows: windowIds,
        madeBy: madeBy.name,
        approvedBy: decidedBy.name,
        completedAt: decidedAt,
        positions: own.map(({ peer, count, gross, commission, fees, net }) => ({
          peer,
          count,
          gross: gross.toString(),
          commission: commission.toString(),
          fees: fees.toString(),
          net: net.toString(),
        })),
      },
    });
  }

  /** Tells two branches that nothing is settled between them, one entry for both: whoever misses it is told again. */
  async function tellRecalled(
    tx: Transaction,
    settlementId: string,
    branches: readonly [NodeCode, NodeCode],
  ): Promise<void> {
    await federation.log.append(tx, {
      kind: 'settlement.recalled',
      to: branches,
      operationId: settlementId,
      occurredAt: now(clock),
      businessDate: deps.businessDate(),
      body: { settlementId, branches },
    });
  }

  /**
   * People give a settlement up.
   * @throws DomainError `settlement-not-found`, `settlement-conflict`, `recovering`, `past-uncertain`.
   */
  async function abort(
    tx: Transaction,
    decision: { id: string; actor: Person },
  ): Promise<SettlementView> {
    await obligations.assertNothingLost(tx);
    return giveUp(tx, decision);
  }

  /** Its windows are done with, what was owed in them is owed in the open window. */
  async function giveUp(
    tx: Transaction,
    { id, actor }: { id: string; actor: Person },
  ): Promise<SettlementView> {
    const settlement = await view(tx, id);
    const state = nextSettlementState(settlement.state, 'abort');
    for (const windowId of settlement.windowIds) await obligations.emptyWindow(tx, windowId);
    await decideSettlement(tx, id, { state, by: actor, at: now(clock) });
    return view(tx, id);
  }

  /** @throws DomainError `settlement-not-found`. */
  async function view(tx: Reader, id: string): Promise<SettlementView> {
    const settlement = await findSettlement(tx, id);
    if (!settlement) throw new DomainError('settlement-not-found');
    return {
      ...settlement,
      windowIds: await windowIdsOf(tx, id),
      positions: await positionsOf(tx, id),
      answers: await answersOf(tx, id),
    };
  }

  /** A branch has checked a settlement against its own books. */
  async function confirmed(tx: Transaction, entry: LogEntry): Promise<void> {
    const { settlementId, count } = settlementConfirmed.parse(entry.body);
    const detail = `${count} operations`;
    await answered(tx, entry, { settlementId, outcome: 'confirmed', detail });
    tx.afterCommit(() =>
      federation.alarms.clear(disputeAlarm, disputeOf(entry.node, settlementId)),
    );
  }

  async function disputed(tx: Transaction, entry: LogEntry): Promise<void> {
    const { settlementId, count, faults } = settlementDisputed.parse(entry.body);
    const detail = `${count}: ${faults.join('; ')}`;
    await answered(tx, entry, { settlementId, outcome: 'disputed', detail });
    tx.afterCommit(() =>
      federation.alarms.raise(disputeAlarm, disputeOf(entry.node, settlementId)),
    );
  }

  const disputeOf = (peer: NodeCode, id: string) => stateSentences.say('disputes', { peer, id });

  /** An alarm ends with the process, and a dispute does not, unless its branch has left. */
  async function reportDisputes(): Promise<void> {
    for (const { branch, settlementId } of await store.read(disputedSettlements)) {
      if (federation.isCutOff(branch)) continue;
      federation.alarms.raise(disputeAlarm, disputeOf(branch, settlementId));
    }
  }

  async function answered(
    tx: Transaction,
    { node: branch, occurredAt: at }: LogEntry,
    answer: { settlementId: string; outcome: 'confirmed' | 'disputed'; detail: string },
  ): Promise<void> {
    const { settlementId, outcome, detail } = answer;
    if (await isMember(tx, { settlementId, branch })) {
      await saveAnswer(tx, settlementId, { branch, outcome, detail, at });
    }
  }

  federation.onRecovered(reportDisputes);

  return { make, approve, abort, giveUp, view, discharge, tell, tellRecalled, confirmed, disputed };
}
