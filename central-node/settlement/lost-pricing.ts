import { isDomainError } from '../../shared/problem/problem.ts';
import type { PairPosition } from '../../shared/settlement/netting.ts';
import {
  type MatchedOperation,
  type Obligation,
  obligationOf,
  type Terms,
} from '../../shared/settlement/obligation.ts';
import type { Reader, Store } from '../../shared/store/store.ts';
import { type BusinessDate, type Instant, previousDays } from '../../shared/time/clock.ts';
import { maxObligationsPerPage } from '../../shared/wire/settlement-messages.ts';
import {
  countBack,
  countWithoutObligation,
  lostWindows,
  lostWithoutObligation,
} from './lost-settlement-store.ts';
import {
  type Agreed,
  batchesOf,
  bringsBack,
  type LostTerms,
  type Repricing,
  repricings,
} from './lost-terms.ts';
import type { Word } from './lost-words.ts';
import type { Obligations } from './obligation-service.ts';
import { obligationOfOperation } from './obligation-store.ts';
import type { Settlements } from './settlement-service.ts';

/** A business date begins before that day in Greenwich, and a node's release is in force a while before it is told. */
const daysBefore = 2;

export interface LostPricingDeps {
  store: Store;
  obligations: Pick<Obligations, 'reprice'>;
  settlements: Pick<Settlements, 'view'>;
  agreed: Agreed;
  /** As the home branch told of it, whichever attempt that was. */
  executed(tx: Reader, operationId: string): Promise<MatchedOperation | undefined>;
  /** Of all releases that were in force between two moments; the last of them may be so still. */
  termsBetween(
    from: Instant,
    to: Instant,
  ): Promise<readonly { readonly until: Instant | undefined; readonly terms: Terms }[]>;
}

interface Position {
  readonly id: string;
  readonly position: PairPosition;
}

/** A change of terms, and what head office knows of the operation. */
interface Priced {
  readonly owed: Obligation;
  readonly operation: MatchedOperation | undefined;
  /** The payment that it cancels: what was owed for it, or if nothing was, the payment itself. */
  readonly reversed: Obligation | undefined;
  readonly payment: MatchedOperation | undefined;
  /** Before this it was not there to be priced. */
  readonly from: Instant;
}

/**
 * What was settled in a lost settlement counts by its own terms: a release may have changed them since. Where the word of
 * one branch is all there is, its terms have to be those of a release that was in force then.
 */
export function createLostPricing(deps: LostPricingDeps) {
  const { store, obligations, settlements } = deps;

  /** Nothing of a branch's terms counts before all of them come to what head office signed. */
  async function price(
    { id, position }: Position,
    { told, items, by }: Word,
  ): Promise<'done' | 'unknownTerms' | undefined> {
    const terms = await store.read((tx) => termsOf(tx, { id, told, position }));
    const changes: Repricing[] = [];
    for (const some of batchesOf(items)) {
      changes.push(...(await store.read((tx) => repricings(tx, some, terms))));
    }
    if (changes.length === 0) return undefined;
    if (!(await store.read((tx) => bringsBack(tx, changes, terms)))) return undefined;
    if (by === 'one' && !(await areReleased(id, changes))) return 'unknownTerms';
    for (const some of batchesOf(changes)) {
      await store.write(async (tx) => {
        for (const change of some) await obligations.reprice(tx, change);
      });
    }
    return 'done';
  }

  async function termsOf(
    tx: Reader,
    { id, position, told }: Position & Pick<Word, 'told'>,
  ): Promise<LostTerms> {
    const { currency, windowIds } = await settlements.view(tx, id);
    const lost = (await lostWindows(tx, id)).filter(({ recorded }) => !recorded);
    const unrecorded = lost.map(({ windowId }) => windowId);
    return { told, agreed: deps.agreed, position, currency, windowIds, unrecorded };
  }

  /** Whether head office itself may have made all of it owed so, from the operation to its settlement. */
  async function areReleased(id: string, changes: readonly Repricing[]): Promise<boolean> {
    const { decidedAt, madeAt } = await store.read((tx) => settlements.view(tx, id));
    const completedAt = decidedAt ?? madeAt;
    const changed = new Map(changes.map(({ priced }) => [priced.operationId, priced]));
    for (const some of batchesOf(changes)) {
      const all = await store.read(async (tx) => {
        const found: Priced[] = [];
        for (const change of some) found.push(await pricedOf(tx, { change, changed, completedAt }));
        return found;
      });
      const earliest = all.reduce((first, { from }) => (from < first ? from : first), completedAt);
      const released = await deps.termsBetween(earliest, completedAt);
      const areAll = all.every((priced) =>
        released.some(
          ({ until, terms }) =>
            (until === undefined || until > priced.from) && isPricedBy(terms, priced),
        ),
      );
      if (!areAll) return false;
    }
    return true;
  }

  /** A cancellation gives back what its payment turns out to have been priced at. */
  async function pricedOf(
    tx: Reader,
    of: { change: Repricing; changed: ReadonlyMap<string, Obligation>; completedAt: Instant },
  ): Promise<Priced> {
    const { priced: owed } = of.change;
    const operation = await deps.agreed(tx, owed);
    const paid = operation?.facts.payment;
    const known = paid === undefined ? undefined : await obligationOfOperation(tx, paid);
    const payment =
      paid === undefined || known !== undefined ? undefined : await deps.executed(tx, paid);
    const changed = paid === undefined ? undefined : of.changed.get(paid);
    const dates = [owed.businessDate, (known ?? payment)?.businessDate ?? owed.businessDate];
    const [from] = [...dates, of.completedAt.slice(0, 10)].map(before).sort();
    const reversed = changed ?? known;
    return { owed, operation, reversed, payment, from: from ?? of.completedAt };
  }

  /**
   * Whether all that is named of a position stands in its windows; or is what branches have agreed on, and by today's terms
   * makes nothing owed.
   */
  async function areAllBack(
    tx: Reader,
    { id: settlementId, position: { branch, peer, count } }: Position,
  ): Promise<boolean> {
    const pair = { settlementId, branch, peer };
    const back = await countBack(tx, pair);
    if (back + (await countWithoutObligation(tx, pair)) !== count) return false;
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

  return { price, areAllBack };
}

function before(date: BusinessDate): Instant {
  return `${previousDays(date, daysBefore)}T00:00:00.000Z`;
}

function isPricedBy(terms: Terms, { operation, reversed, payment, owed }: Priced): boolean {
  try {
    const given = reversed ?? (payment && obligationOf(payment, terms));
    const priced = operation && obligationOf(operation, terms, given);
    return priced !== undefined && parts.every((part) => priced[part] === owed[part]);
  } catch (error) {
    // By the terms of some releases an operation could not be priced.
    if (isDomainError(error, 'invalid-money')) return false;
    throw error;
  }
}

const parts = ['debtor', 'creditor', 'currency', 'gross', 'commission', 'fee', 'net'] as const;
