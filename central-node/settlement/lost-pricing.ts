import { passOverSilence } from '../../shared/federation/peer-answer.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Commissions } from '../../shared/reference/reference.ts';
import type { PairPosition } from '../../shared/settlement/netting.ts';
import { obligationOf } from '../../shared/settlement/obligation.ts';
import type { Reader, Store } from '../../shared/store/store.ts';
import {
  maxObligationsPerPage,
  type WireObligation,
} from '../../shared/wire/settlement-messages.ts';
import type { createLostAnswers } from './lost-answers.ts';
import {
  countWithoutObligation,
  lostWindows,
  lostWithoutObligation,
} from './lost-settlement-store.ts';
import type { OpenPair } from './lost-settlements.ts';
import { type Agreed, batchesOf, type Repricing, repricings } from './lost-terms.ts';
import type { Obligations } from './obligation-service.ts';
import { isSamePair, positionsIn } from './pair-positions.ts';
import type { Settlements } from './settlement-service.ts';

export interface LostPricingDeps {
  store: Store;
  answers: Pick<ReturnType<typeof createLostAnswers>, 'namedBy'>;
  obligations: Pick<Obligations, 'reprice'>;
  settlements: Pick<Settlements, 'view'>;
  isMember(code: NodeCode): boolean;
  agreed: Agreed;
  /** Of each release that head office holds. */
  releasedCommissions(): Promise<readonly Commissions[]>;
}

/** What was settled in a lost settlement counts by its own terms: a release may have changed them since. */
export function createLostPricing(deps: LostPricingDeps) {
  const { store, answers, obligations, settlements } = deps;

  /** Where all operations of a position are there again and come to another sum, they were settled by other terms. */
  async function priceAsChecked(id: string, open: readonly OpenPair[]): Promise<void> {
    for (const position of await store.read((tx) => mispricedPairs(tx, id, open))) {
      const { branch, peer } = position;
      for (const told of [branch, peer].filter(deps.isMember)) {
        const isDone = await priceAsToldBy(told, { id, position }).catch(passOverSilence);
        if (isDone) break;
      }
    }
  }

  /**
   * Nothing of a branch's terms counts before all of them come to what head office signed.
   * @returns whether they do.
   */
  async function priceAsToldBy(
    told: NodeCode,
    { id, position }: { id: string; position: PairPosition },
  ): Promise<boolean> {
    const items = await answers.namedBy(told, { id, positions: [position] });
    if (!items) return false;
    const { agreed } = deps;
    const changes = await store.read(async (tx) => {
      const { currency, windowIds } = await settlements.view(tx, id);
      const lost = (await lostWindows(tx, id)).filter(({ recorded }) => !recorded);
      const unrecorded = lost.map(({ windowId }) => windowId);
      return repricings(tx, items, { told, agreed, position, currency, windowIds, unrecorded });
    });
    if (changes.length === 0) return false;
    const released = await deps.releasedCommissions();
    const other = told === position.branch ? position.peer : position.branch;
    const asked = deps.isMember(other)
      ? answers.namedBy(other, { id, positions: [position] }).catch(passOverSilence)
      : undefined;
    const believed = { released, confirmed: commissionsOf((await asked) ?? []) };
    for (const some of batchesOf(changes)) {
      await store.write(async (tx) => {
        for (const change of some) {
          await obligations.reprice(tx, change, () => isBelieved(tx, change, believed));
        }
      });
    }
    return true;
  }

  /** Whether the other branch says the same, or some release of head office's own does. */
  async function isBelieved(
    tx: Reader,
    { priced }: Repricing,
    { released, confirmed }: Believed,
  ): Promise<boolean> {
    if (confirmed.get(keyOf(priced)) === priced.commission) return true;
    const operation = await deps.agreed(tx, priced);
    return released.some((commissions) => {
      const terms = { ...commissions, tariff: () => undefined };
      return operation && obligationOf(operation, terms)?.commission === priced.commission;
    });
  }

  async function mispricedPairs(
    tx: Reader,
    id: string,
    open: readonly OpenPair[],
  ): Promise<PairPosition[]> {
    const { windowIds } = await settlements.view(tx, id);
    const sums = await positionsIn(tx, windowIds);
    const there: PairPosition[] = [];
    for (const { position } of open.filter(({ isTold }) => isTold)) {
      const owed = sums.find((sum) => isSamePair(sum, position))?.count ?? 0;
      if (owed === position.count || (await isThereWithoutTerms(tx, id, { position, owed }))) {
        there.push(position);
      }
    }
    return there;
  }

  /** Whether what is missing are operations that branches have agreed on, and that make nothing owed by today's terms. */
  async function isThereWithoutTerms(
    tx: Reader,
    settlementId: string,
    { position, owed }: { position: PairPosition; owed: number },
  ): Promise<boolean> {
    const { branch, peer, count } = position;
    const pair = { settlementId, branch, peer };
    if (owed > count || owed + (await countWithoutObligation(tx, pair)) !== count) return false;
    let after = { operationId: '', attempt: 0 };
    for (;;) {
      const page = await lostWithoutObligation(tx, {
        ...pair,
        after,
        limit: maxObligationsPerPage,
      });
      for (const operation of page) if (!(await deps.agreed(tx, operation))) return false;
      const last = page.at(-1);
      if (!last) return true;
      after = last;
    }
  }

  return { priceAsChecked };
}

/** By which a commission is told from what a branch has made up. */
interface Believed {
  readonly released: readonly Commissions[];
  readonly confirmed: ReadonlyMap<string, bigint>;
}

const keyOf = (of: { operationId: string; attempt: number }) => `${of.operationId}/${of.attempt}`;

const commissionsOf = (items: readonly WireObligation[]) =>
  new Map(items.map((item) => [keyOf(item), item.commission]));
