import type { Ids, NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type Clock, now } from '../../shared/time/clock.ts';
import {
  approveLostDecision,
  type LostDecision,
  lostDecisions,
  lostSettlementIds,
  saveLostDecision,
} from './lost-settlement-store.ts';
import type { LostSettlements, OpenPair } from './lost-settlements.ts';
import {
  isContested,
  isInForce,
  isMute,
  type LostOutcome,
  outcomeWithout,
  type Said,
} from './lost-words.ts';
import { isSamePair } from './pair-positions.ts';
import type { Person, Settlement } from './settlement.ts';
import { findSettlement } from './settlement-store.ts';

/** What head office knows of one of the two branches of a lost position. */
export interface LostSide {
  readonly branch: NodeCode;
  readonly isGone: boolean;
  /** Not there, or it says nothing that could be gone by: people may decide not to wait for it. */
  readonly isMute: boolean;
  readonly said: Said | undefined;
  /** What becomes of the position without this one; undefined while the other has not said what it holds. */
  readonly outcomeWithout: LostOutcome | undefined;
}

export interface LostPosition extends OpenPair {
  readonly sides: readonly [LostSide, LostSide];
  readonly decision: LostDecision | undefined;
  /** False of an approved one that is not followed any more: people may decide anew. */
  readonly isInForce: boolean;
}

export type LostDecisions = ReturnType<typeof createLostDecisions>;

/**
 * Where a branch of a lost settlement does not come back, people end the waiting, position by position: one proposes it,
 * another approves. They decide for whom head office waits, not what was settled. That follows from what the other branch
 * holds: what it has checked stands as it was told, what it has not is taken back. So it is where a branch is there and says
 * nothing that could be gone by, or the two say different things.
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

  function positionOf(pair: OpenPair, decisions: readonly LostDecision[]): LostPosition {
    const { position, heard, known } = pair;
    const isNamed = known === position.count;
    const side = (code: NodeCode): LostSide => ({
      branch: code,
      isGone: isGone(code),
      isMute: isMute(!isGone(code), heard.get(code)),
      said: heard.get(code)?.said,
      outcomeWithout: outcomeWithout(code, { position, heard, isNamed, isMember: deps.isMember }),
    });
    const decision = decisions.find((each) => isSamePair(each, position));
    const sides: LostPosition['sides'] = [side(position.branch), side(position.peer)];
    const isInForce = decision !== undefined && !isStale({ heard, sides, decision });
    return { ...pair, sides, decision, isInForce };
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
    if (!side?.isMute) throw conflict(`${without} can be reached, and is asked itself.`);
    if (side.outcomeWithout) return side.outcomeWithout;
    const other = sides.find(({ branch }) => branch !== without)?.branch;
    throw conflict(`${other} has not said yet what it holds of the settlement.`);
  }

  /**
   * One person proposes not to wait for a branch; takes the place of a proposal that nobody has approved, and of a decision
   * that is for the other one, or is not followed any more.
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
    const draft = { ...made, madeBy: actor, madeAt: now(clock) };
    const isApprovedStale = !found.isInForce || found.decision?.without !== without;
    const isSaved = await saveLostDecision(tx, draft, { isApprovedStale });
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
    const outcome = assertDecidable(found, decision.without);
    const heard = found.heard.get(decision.without);
    const despiteWord = isContested(heard) ? (heard?.hash ?? null) : null;
    await approveLostDecision(tx, proposal, { by: actor, at: now(clock), outcome, despiteWord });
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

function isStale({
  decision,
  heard,
  sides,
}: Pick<LostPosition, 'heard' | 'sides'> & { decision: LostDecision }): boolean {
  const side = sides.find(({ branch }) => branch === decision.without);
  return !isInForce(decision, heard.get(decision.without), side?.outcomeWithout);
}

const conflict = (detail: string) => new DomainError('settlement-conflict', detail);
