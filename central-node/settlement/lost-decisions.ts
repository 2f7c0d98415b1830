import type { Ids, NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type Clock, now } from '../../shared/time/clock.ts';
import type { Said } from './lost-answers.ts';
import {
  approveLostDecision,
  type LostDecision,
  lostDecisions,
  lostSettlementIds,
  saveLostDecision,
} from './lost-settlement-store.ts';
import type { LostSettlements, OpenPair } from './lost-settlements.ts';
import type { Person, Settlement } from './settlement.ts';
import { findSettlement } from './settlement-store.ts';

/** What becomes of a position when one of its branches is not waited for. */
export type LostOutcome = 'upheld' | 'recalled';

/** What head office knows of one of the two branches of a lost position. */
export interface LostSide {
  readonly branch: NodeCode;
  readonly isGone: boolean;
  readonly said: Said | undefined;
  /** What becomes of the position without this one; undefined while the other has not said what it holds. */
  readonly outcomeWithout: LostOutcome | undefined;
}

export interface LostPosition extends OpenPair {
  readonly sides: readonly [LostSide, LostSide];
  readonly decision: LostDecision | undefined;
}

export type LostDecisions = ReturnType<typeof createLostDecisions>;

/**
 * Where a branch of a lost settlement does not come back, people end the waiting, position by position: one proposes it,
 * another approves. They decide for whom head office waits, not what was settled. That follows from what the other branch
 * holds: what it has checked stands as it was told, what it has not is taken back.
 */
export function createLostDecisions(deps: {
  clock: Clock;
  ids: Ids;
  lostSettlements: Pick<LostSettlements, 'openPairs'>;
  isRecovering(): boolean;
  isMember(code: NodeCode): boolean;
  isReachable(code: NodeCode): boolean;
}) {
  const { clock, ids } = deps;

  const isGone = (code: NodeCode) => !deps.isMember(code) || !deps.isReachable(code);

  function outcomeBy(other: NodeCode, { said, known, position }: OpenPair) {
    if (!deps.isMember(other) || said.get(other) === 'unchecked') return 'recalled';
    const isFound = said.get(other) === 'found' || known === position.count;
    return isFound ? 'upheld' : undefined;
  }

  function positionOf(pair: OpenPair, decisions: readonly LostDecision[]): LostPosition {
    const { branch, peer } = pair.position;
    const side = (one: NodeCode, other: NodeCode): LostSide => ({
      branch: one,
      isGone: isGone(one),
      said: pair.said.get(one),
      outcomeWithout: outcomeBy(other, pair),
    });
    const decision = decisions.find((each) => each.branch === branch && each.peer === peer);
    return { ...pair, sides: [side(branch, peer), side(peer, branch)], decision };
  }

  async function positions(tx: Reader, id: string): Promise<LostPosition[]> {
    const [pairs, decisions] = [
      await deps.lostSettlements.openPairs(tx, id),
      await lostDecisions(tx, id),
    ];
    return pairs.map((pair) => positionOf(pair, decisions));
  }

  /** Everything that is lost, with what is known of it. */
  async function list(
    tx: Reader,
  ): Promise<{ settlement: Settlement; positions: readonly LostPosition[] }[]> {
    const found: { settlement: Settlement; positions: readonly LostPosition[] }[] = [];
    for (const id of await lostSettlementIds(tx)) {
      const settlement = await findSettlement(tx, id);
      if (settlement) found.push({ settlement, positions: await positions(tx, id) });
    }
    return found;
  }

  /** @throws DomainError `recovering`; `settlement-conflict` when there is nothing to be decided, or not yet. */
  function assertDecidable({ sides }: LostPosition, without: NodeCode): LostOutcome {
    if (deps.isRecovering()) throw new DomainError('recovering');
    const side = sides.find(({ branch }) => branch === without);
    if (!side?.isGone) throw conflict(`${without} can be reached, and is asked itself.`);
    if (side.outcomeWithout) return side.outcomeWithout;
    const other = sides.find(({ branch }) => branch !== without)?.branch;
    throw conflict(`${other} has not said yet what it holds of the settlement.`);
  }

  /**
   * One person proposes not to wait for a branch; takes the place of a proposal that nobody has approved.
   * @throws DomainError `settlement-not-found`, `settlement-conflict`, `recovering`.
   */
  async function propose(
    tx: Transaction,
    wish: {
      settlementId: string;
      pair: readonly [NodeCode, NodeCode];
      without: NodeCode;
      reason: string;
      actor: Person;
    },
  ): Promise<LostPosition> {
    const { settlementId, without, reason, actor } = wish;
    const [branch, peer] = wish.pair.toSorted() as [NodeCode, NodeCode];
    const found = await positionAt(tx, settlementId, ({ position }) => {
      return position.branch === branch && position.peer === peer;
    });
    assertDecidable(found, without);
    const made = { id: ids.uuid(), settlementId, branch, peer, without, reason };
    const isSaved = await saveLostDecision(tx, { ...made, madeBy: actor, madeAt: now(clock) });
    if (!isSaved) throw conflict('It is decided already, and is being done.');
    return positionAt(tx, settlementId, ({ decision }) => decision?.id === made.id);
  }

  /**
   * Another person approves exactly what was proposed.
   * @throws DomainError `settlement-not-found`, `same-person`, `settlement-conflict`, `recovering`.
   */
  async function approve(
    tx: Transaction,
    wish: { settlementId: string; proposal: string; actor: Person },
  ): Promise<LostPosition> {
    const { settlementId, proposal, actor } = wish;
    const isProposed = ({ decision }: LostPosition) => decision?.id === proposal;
    const found = await positionAt(tx, settlementId, isProposed);
    const { decision } = found;
    if (!decision || decision.approvedBy)
      throw conflict('It is decided already, and is being done.');
    if (decision.madeBy.id === actor.id) throw new DomainError('same-person');
    assertDecidable(found, decision.without);
    await approveLostDecision(tx, proposal, { by: actor, at: now(clock) });
    return positionAt(tx, settlementId, isProposed);
  }

  async function positionAt(
    tx: Reader,
    id: string,
    isWanted: (position: LostPosition) => boolean,
  ): Promise<LostPosition> {
    if (!(await findSettlement(tx, id))) throw new DomainError('settlement-not-found');
    const found = (await positions(tx, id)).find(isWanted);
    if (!found) throw conflict('No such position of it is lost, or what was proposed has changed.');
    return found;
  }

  return { list, propose, approve };
}

const conflict = (detail: string) => new DomainError('settlement-conflict', detail);
