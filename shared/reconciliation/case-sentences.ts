import { sentences } from '../text/sentences.ts';
import type { TotalsDifference } from './day-closed.ts';
import type { Leg } from './leg.ts';

/** What head office's node itself says of a case: stored, and sent to the branches. */
export const caseSentences = sentences(
  {
    strangerTold: '{branch} told {point} of {operation}, {serving} to {home}.',
    lateLeg: 'A leg came after the case was adjusted. {legs}',
    nothingSince: '{legs}; nothing else since {since}.',
    groupsDiffer: '{count} groups differ. {groups}',
    twoHistories: '{branch} signed two histories in its start {epoch}.',
    legsAgree: 'The legs agree now.',
    totalsEqual: 'The totals are equal now.',
    otherKind: 'It is a case of {kind} now.',
    forgotten: 'It is the case {id}, which had been forgotten.',
    received: 'A branch has received it.',
    restored: 'Restored from the log.',
    proposed: 'Proposed: {reason}',
    approved: 'Approved: {reason}',
    adjusted: 'Adjusted: {reason}',
    legs: '{legs}',
  },
  {
    ...{ branch: '[A-Z]+', serving: '[A-Z]+', home: '[A-Z]+', point: '[a-z]+' },
    ...{ operation: '\\S+', since: '\\S+', kind: '\\S+', id: '\\S+', epoch: '\\S+', count: '\\d+' },
    legs: '[A-Z]+: [a-z]+(?:, [A-Z]+: [a-z]+)*',
  },
);

/** Who told which point: what people see of a case first. */
export function legsText(legs: readonly Pick<Leg, 'branch' | 'point'>[]): string {
  return legs.map(({ branch, point }) => `${branch}: ${point}`).join(', ');
}

/** `payment executed out SPB RUB: 3 there, 2 here`; a `-` for no currency. */
export const groupSentence = sentences(
  { group: '{kind} {point} {direction} {peer} {currency}: {there} there, {here} here' },
  {
    ...{ kind: '[\\w-]+', point: '[a-z]+', direction: '[a-z-]+', peer: '[A-Z]+' },
    ...{ currency: '\\S+', there: '\\d+', here: '\\d+' },
  },
);

/** Of a group in which control totals differ, how many legs each side has. */
export function groupText({ group, branch, headOffice }: TotalsDifference): string {
  return `${group}: ${branch?.count ?? 0} there, ${headOffice?.count ?? 0} here`;
}
