import { passOverSilence } from '../../shared/federation/peer-answer.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import type { PairPosition } from '../../shared/settlement/netting.ts';
import type { WireObligation } from '../../shared/wire/settlement-messages.ts';
import type { createLostAnswers } from './lost-answers.ts';
import type { LostDecision } from './lost-settlement-store.ts';
import { comesTo, hashOfWord } from './lost-terms.ts';

/**
 * What a branch last said of a position to this start of head office: its operations; that it has nothing of it; what cannot
 * have been settled; others than the other branch; what head office cannot confirm; no answer, though it can be reached.
 */
export type Said = 'found' | 'unchecked' | 'wrong' | 'differs' | 'doubted' | 'silent';

/** What a branch last said, and the hash of the operations that it named. */
export interface Heard {
  readonly said: Said;
  readonly hash?: string;
}

/** The operations of a position by their terms, as somebody says who counts. */
export interface Word {
  readonly told: NodeCode;
  readonly items: readonly WireObligation[];
  /** Both branches say so; two people go by this one; or the other one has nothing to say. */
  readonly by: 'both' | 'people' | 'one';
  /** A branch that never comes back, by two people's word. */
  readonly without?: NodeCode;
}

/** What becomes of a position when one of its branches is not waited for. */
export type LostOutcome = 'upheld' | 'recalled';

/** Whether people may decide not to wait for a branch: it is not there, or it says nothing that could be gone by. */
export function isMute(isThere: boolean, heard: Heard | undefined): boolean {
  return !isThere || (heard !== undefined && heard.said !== 'found');
}

/** Whether what a branch names is gone by only if people decide. */
export function isContested(heard: Heard | undefined): boolean {
  return heard?.said === 'differs' || heard?.said === 'doubted';
}

/**
 * What becomes of a position without one of its branches, by what the other says. What both name and head office cannot
 * confirm is taken back.
 * @param of.isNamed its operations are known.
 */
export function outcomeWithout(
  code: NodeCode,
  of: {
    position: PairPosition;
    heard: ReadonlyMap<NodeCode, Heard>;
    isNamed: boolean;
    isMember(code: NodeCode): boolean;
  },
): LostOutcome | undefined {
  const { branch, peer } = of.position;
  const told = code === branch ? peer : branch;
  const said = of.heard.get(told)?.said ?? (of.isNamed ? 'found' : undefined);
  if (!of.isMember(told) || said === 'unchecked') return 'recalled';
  if (said === 'doubted' && of.heard.get(code)?.said === 'doubted') return 'recalled';
  return said === 'found' || said === 'differs' || said === 'doubted' ? 'upheld' : undefined;
}

/** Whether a decision is to be followed: not against a word that the two people did not know of, nor to another end. */
export function isInForce(
  decision: LostDecision,
  heard: Heard | undefined,
  outcome: LostOutcome | undefined,
): boolean {
  if (decision.outcome !== null && decision.outcome !== outcome) return false;
  if (heard?.said === 'found') return false;
  return !isContested(heard) || heard?.hash === decision.despiteWord;
}

/**
 * What the two branches of a lost position say of it. One alone might name whatever comes to the sum that was signed, so
 * both are heard: they say the same, or one has nothing of it, or people decide.
 */
export function createLostWords(deps: {
  answers: Pick<ReturnType<typeof createLostAnswers>, 'namedBy'>;
  isMember(code: NodeCode): boolean;
  isReachable(code: NodeCode): boolean;
}) {
  const heard = new Map<string, Map<string, Heard>>();
  /** The words, by their hashes, that head office could not confirm. */
  const doubted = new Map<string, Map<string, string>>();
  /** In this round: nobody is waited for twice. */
  const silent = new Set<NodeCode>();
  const keyOf = ({ branch, peer }: PairPosition, code: NodeCode) => `${branch} ${peer} ${code}`;
  const isThere = (code: NodeCode) => deps.isMember(code) && deps.isReachable(code);

  function note(id: string, key: string, said: Heard | undefined): void {
    const all = heard.get(id) ?? new Map<string, Heard>();
    heard.set(id, all);
    if (said) all.set(key, said);
    else all.delete(key);
  }

  function heardOf(id: string, position: PairPosition): ReadonlyMap<NodeCode, Heard> {
    const found = new Map<NodeCode, Heard>();
    for (const code of [position.branch, position.peer]) {
      const known = heard.get(id)?.get(keyOf(position, code));
      if (known) found.set(code, known);
    }
    return found;
  }

  /** What one of them says, and what it names if that comes to what was signed. */
  async function hear(
    id: string,
    position: PairPosition,
    code: NodeCode,
  ): Promise<{ readonly heard?: Heard; readonly items?: readonly WireObligation[] }> {
    if (!isThere(code)) return {};
    if (silent.has(code)) return { heard: { said: 'silent' } };
    try {
      const named = await deps.answers.namedBy(code, { id, position });
      if (typeof named === 'string') return { heard: { said: named } };
      if (!comesTo(position, named, code)) return { heard: { said: 'wrong' } };
      const hash = hashOfWord({ items: named, told: code });
      const isDoubted = doubted.get(id)?.get(keyOf(position, code)) === hash;
      return { heard: { said: isDoubted ? 'doubted' : 'found', hash }, items: named };
    } catch (error) {
      passOverSilence(error);
      silent.add(code);
      return { heard: { said: 'silent' } };
    }
  }

  /**
   * @param decision that two people made of the position.
   * @returns undefined as long as one who may know more is to be heard; `nothing` if nobody has anything of it.
   */
  async function wordOn(
    id: string,
    position: PairPosition,
    decision: LostDecision | undefined,
  ): Promise<Word | 'otherTerms' | 'nothing' | undefined> {
    const { branch, peer } = position;
    const [one, other] = [await hear(id, position, branch), await hear(id, position, peer)];
    const areBoth = one.items !== undefined && other.items !== undefined;
    const doAgree = areBoth && one.heard?.hash === other.heard?.hash;
    for (const [code, each] of [[branch, one] as const, [peer, other] as const]) {
      const doDiffer = areBoth && !doAgree && each.heard?.said !== 'doubted';
      note(id, keyOf(position, code), doDiffer ? { ...each.heard, said: 'differs' } : each.heard);
    }
    const said = heardOf(id, position);
    const without = decision?.without;
    if (without) {
      const of = { position, heard: said, isNamed: false, isMember: deps.isMember };
      const outcome = outcomeWithout(without, of);
      const [told, items] = without === branch ? [peer, other.items] : [branch, one.items];
      if (isInForce(decision, said.get(without), outcome)) {
        if (outcome === 'recalled') return 'nothing';
        if (!items) return undefined;
        return { told, items, by: 'people', ...(isThere(without) ? {} : { without }) };
      }
    }
    if (doAgree && one.items) return { told: branch, items: one.items, by: 'both' };
    if (areBoth) return 'otherTerms';
    const [told, items, mute] = one.items ? [branch, one.items, peer] : [peer, other.items, branch];
    const saysNothing = said.get(mute)?.said;
    if (items) {
      const hasNoWord =
        !deps.isMember(mute) || saysNothing === 'unchecked' || saysNothing === 'wrong';
      return hasNoWord ? { told, items, by: 'one' } : undefined;
    }
    return [branch, peer].every((code) => said.get(code)?.said === 'unchecked')
      ? 'nothing'
      : undefined;
  }

  /** Head office cannot confirm a word: people may go on without who gave it, as long as he says nothing else. */
  function doubt(id: string, position: PairPosition, { told, items, by }: Word): void {
    const hash = hashOfWord({ items, told });
    for (const code of by === 'both' ? [position.branch, position.peer] : [told]) {
      const key = keyOf(position, code);
      const all = doubted.get(id) ?? new Map<string, string>();
      doubted.set(id, all.set(key, hash));
      note(id, key, { said: 'doubted', hash });
    }
  }

  /** It can confirm it after all. */
  function believe(id: string, position: PairPosition): void {
    for (const code of [position.branch, position.peer]) {
      doubted.get(id)?.delete(keyOf(position, code));
    }
  }

  return {
    wordOn,
    heardOf,
    doubt,
    believe,
    /** From now on who did not answer is asked again. */
    nextRound: () => silent.clear(),
    forget(id: string): void {
      heard.delete(id);
      doubted.delete(id);
    },
  };
}
