import type { z } from 'zod';
import type { Federation } from '../../shared/federation/federation.ts';
import { answerIn, passOverSilence } from '../../shared/federation/peer-answer.ts';
import type { PeerClient } from '../../shared/federation/peers.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import {
  type CountedLeg,
  countedLegs,
  isEveryLegKept,
  type LegMinute,
  minutesOf,
} from '../../shared/reconciliation/counted-legs-store.ts';
import {
  type DifferingLeg,
  differingLegs,
  differingMinutes,
} from '../../shared/reconciliation/day-comparison.ts';
import type { Store } from '../../shared/store/store.ts';
import { type Clock, msOf, now } from '../../shared/time/clock.ts';
import {
  type DayMinutes,
  dayMinutes,
  maxLegsPerPage,
  minuteLegs,
} from '../../shared/wire/day-messages.ts';
import { startedHeader } from '../../shared/wire/peer-messages.ts';
import { dayOfSubject } from './case.ts';
import { openCasesOfKind } from './case-store.ts';
import {
  type BranchDate,
  type DaySearch,
  findSearch,
  type Holder,
  saveSearch,
} from './day-difference-store.ts';

const requestTimeoutMs = 30_000;
const searchAgainMs = 300_000;
const maxDaysPerRound = 10;
const maxDifferences = 1_000;
/** A date's operations are begun within some days; more minutes than these were made up. */
const maxMinutes = 30_000;
const maxLegsPerMinute = 100_000;

export interface DaySearchDeps {
  store: Store;
  clock: Clock;
  client: PeerClient;
  federation: Pick<Federation, 'log' | 'isRecovering'>;
}

/**
 * Control totals say that a date differs, not in what: head office asks the branch for its minutes, and for the legs
 * of those that differ. So a search costs by its differences, not by the date's volume.
 */
export function createDaySearch(deps: DaySearchDeps) {
  const { store, clock, client, federation } = deps;
  let lastCase = '';

  /** One round over the dates that differ; a branch that is silent now is asked in a later one. */
  async function searchDue(): Promise<void> {
    if (federation.isRecovering()) return;
    const page = { after: lastCase, limit: maxDaysPerRound };
    const cases = await store.read((tx) => openCasesOfKind(tx, 'totals-differ', page));
    lastCase = cases.length < maxDaysPerRound ? '' : (cases.at(-1)?.id ?? '');
    for (const { subject } of cases) {
      const day = dayOfSubject(subject);
      if (day && (await isDue(day))) await search(day).catch(passOverSilence);
    }
  }

  async function isDue(day: BranchDate): Promise<boolean> {
    const known = await store.read((tx) => findSearch(tx, day));
    return !known || clock.nowMs() - msOf(known.searchedAt) >= searchAgainMs;
  }

  /** @throws DomainError `peer-unreachable`; what was found before stays. */
  async function search(day: BranchDate): Promise<DaySearch> {
    const theirs = await theirMinutes(day);
    const ours = await store.read(async (tx) => ({
      whole: await isEveryLegKept(tx, day),
      minutes: await minutesOf(tx, { ...day, after: -1, limit: maxMinutes }),
    }));
    const differences: DifferingLeg[] = [];
    for (const minute of differingMinutes(theirs.minutes, ours.minutes)) {
      if (differences.length >= maxDifferences) break;
      differences.push(...differingLegs(await theirLegs(day, minute), await ourLegs(day, minute)));
    }
    const found = {
      searchedAt: now(clock),
      whole: theirs.whole && ours.whole && differences.length < maxDifferences,
      differences: differences.slice(0, maxDifferences).map(({ isTheirs, isOurs, ...leg }) => ({
        ...leg,
        heldBy: holderOf(isTheirs, isOurs),
      })),
    };
    await store.write((tx) => saveSearch(tx, day, found));
    return found;
  }

  async function theirMinutes(day: BranchDate): Promise<{ whole: boolean; minutes: LegMinute[] }> {
    const minutes: LegMinute[] = [];
    let from: number | null = 0;
    let whole = true;
    while (from !== null && minutes.length < maxMinutes) {
      const page: DayMinutes = await ask(day, `minutes?from=${from}`, dayMinutes);
      minutes.push(...page.items);
      whole = page.whole;
      if (page.next !== null && (page.next <= from || page.items.length === 0))
        throw unusable(day.branch);
      from = page.next;
    }
    return { whole: whole && from === null, minutes };
  }

  async function theirLegs(day: BranchDate, minute: number): Promise<CountedLeg[]> {
    const legs: CountedLeg[] = [];
    let query = '';
    while (legs.length < maxLegsPerMinute) {
      const page = await ask(day, `minutes/${minute}/legs${query}`, minuteLegs);
      legs.push(...page.items);
      if (page.next === null) break;
      if (page.items.length === 0) throw unusable(day.branch);
      query = `?after=${encodeURIComponent(page.next)}`;
    }
    return legs;
  }

  async function ourLegs(day: BranchDate, minute: number): Promise<CountedLeg[]> {
    const legs: CountedLeg[] = [];
    while (legs.length < maxLegsPerMinute) {
      const after = legs.at(-1);
      const page = await store.read((tx) =>
        countedLegs(tx, { ...day, minute, limit: maxLegsPerPage, ...(after ? { after } : {}) }),
      );
      legs.push(...page);
      if (page.length < maxLegsPerPage) break;
    }
    return legs;
  }

  async function ask<S extends z.ZodType>(
    { branch, businessDate }: BranchDate,
    what: string,
    schema: S,
  ): Promise<z.output<S>> {
    const response = await client.request(branch, {
      method: 'GET',
      path: `/peer/v1/days/${businessDate}/${what}`,
      headers: { [startedHeader]: federation.log.epoch() },
      timeoutMs: requestTimeoutMs,
    });
    return answerIn(schema, response, branch);
  }

  return { searchDue, search };
}

function holderOf(isTheirs: boolean, isOurs: boolean): Holder {
  if (isTheirs && isOurs) return 'both';
  return isTheirs ? 'branch' : 'head-office';
}

function unusable(branch: NodeCode): DomainError {
  return new DomainError('peer-unreachable', `${branch} answers what is no page of a date.`);
}
