import { sentences } from '../text/sentences.ts';

/** What a branch finds wrong with an obligation of a settlement: stored, and sent to head office. */
export const faultSentences = sentences({
  settledBefore: 'was settled in {settlement}',
  doesNotAddUp: 'does not add up',
  unknown: 'is not known here',
  otherPeer: 'was not with {peer} in this attempt',
  refused: 'was refused',
  unanswered: 'was not answered: {peer} is cut off',
  noAdjustment: 'is not an adjustment that is known here',
  otherAdjustment: 'is another adjustment',
  otherSum: 'is about another sum',
  otherCurrency: 'is not in {currency}',
});

/** Of a settlement as a whole, or of one operation in it. */
export const settlementFaults = sentences(
  {
    position: 'the position with {peer} is not what its operations come to',
    operation: '{operation} {fault}',
  },
  { peer: '[A-Z]+', operation: '\\S+/\\d+' },
);
