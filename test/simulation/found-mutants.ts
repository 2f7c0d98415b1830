import type { Mutant } from './mutants.ts';

const replay = 'branch-node/operations/operation-replay.ts';
const days = 'branch-node/business-days/business-day-service.ts';
const operations = 'branch-node/operations/operation-service.ts';
const payments = 'branch-node/payments/payment.ts';
const payment = 'branch-node/payments/payment-operation.ts';
const payouts = 'branch-node/payments/payout-service.ts';
const federation = 'shared/federation/federation.ts';
const lostSettlements = 'central-node/settlement/lost-settlements.ts';
const obligations = 'central-node/settlement/obligation-service.ts';
const releases = 'central-node/reference/lost-releases.ts';
const lane = 'shared/federation/lane.ts';
const recovery = 'shared/federation/recovery.ts';

const refunds = ['cancellation', 'suspense'] as const;

/** What was not thought of at first: each was a fault that a seed or a reader found. */
export const foundMutants: readonly Mutant[] = [
  {
    name: 'an answer counts while the peer still takes what an earlier start had sent',
    changes: [
      {
        file: recovery,
        find: 'if (answer.starts.at(-1) !== current && !deps.isRecovering(peer))',
        replace: 'if (false)',
      },
    ],
    troubles: ['late-batch'],
  },
  {
    name: 'what was recovered is not told again',
    changes: [
      { file: recovery, find: 'await restoreEntry(', replace: 'if (false) await restoreEntry(' },
    ],
    troubles: ['ambush', 'set-back'],
  },
  {
    name: 'a start does not ask what it forgot',
    changes: [{ file: recovery, find: '|| !due.delete(peer)', replace: '|| true' }],
    troubles: ['set-back'],
  },
  {
    name: 'a receipt does not name the start that numbered it',
    changes: [{ file: payments, find: 'of.start.slice(0, 6)', replace: "''" }],
    troubles: ['head-office-last'],
  },
  {
    name: 'an acknowledgement counts though its sender was set back meanwhile',
    changes: [{ file: lane, find: 'if (forgotten === forgottenBefore)', replace: 'if (true)' }],
    troubles: ['late-answers'],
  },
  {
    name: 'such an acknowledgement counts, and a lane does not go back when the peer misses entries',
    changes: [
      { file: lane, find: 'if (forgotten === forgottenBefore)', replace: 'if (true)' },
      {
        file: lane,
        find: 'return rewind(epoch, Number(problem.expected));',
        replace: 'return acknowledge(batch, batch.position);',
      },
    ],
    troubles: ['late-answers'],
  },
  {
    name: 'an answer to a forgotten operation is passed over, and heard before its sender has said what it holds',
    changes: [
      { file: federation, find: 'hasTold: recovery.hasTold,', replace: 'hasTold: () => true,' },
      {
        file: operations,
        find: "throw new DomainError('operation-not-found');",
        replace: 'return;',
      },
    ],
    troubles: ['unaware'],
  },
  {
    name: 'the totals of a closed date are not told again',
    changes: [{ file: days, find: 'federation.onRecovered(correct);', replace: ';' }],
    troubles: ['ambush'],
    work: ['day-close'],
  },
  {
    name: 'what was settled by other terms is settled by those of today',
    changes: [
      {
        file: 'central-node/settlement/lost-terms.ts',
        find: 'return after.some((sum) => isSame([sum], [position]));',
        replace: 'return after.length < 0;',
      },
    ],
    troubles: ['settlement-lost'],
    work: ['settlement', 'release'],
  },
  {
    name: 'a service that costs nothing today is not brought back with its settlement',
    changes: [
      {
        file: 'central-node/settlement/lost-terms.ts',
        find: ': await pricing(tx, item, of);',
        replace: ': undefined;',
      },
    ],
    troubles: ['settlement-lost'],
    work: ['settlement', 'release', 'sim-replacement', 'service-change'],
  },
  {
    name: 'a cancellation keeps the commission of the day on which its payment came back',
    changes: [
      {
        file: obligations,
        find: 'of await cancellationsOf(tx, priced.operationId)',
        replace: 'of []',
      },
    ],
    troubles: ['settlement-lost'],
    work: ['settlement', 'release', 'cancellation'],
  },
  {
    name: 'a closing that comes back counts as what was told of its date',
    changes: [
      {
        file: days,
        find: 'return replaceTotals(tx, { date, totals: toBeTold });',
        replace: 'return replaceTotals(tx, { date, totals: JSON.stringify(told) });',
      },
    ],
    troubles: ['unaware'],
    work: ['day-close'],
  },
  {
    name: 'what comes back counts for the date on which it does',
    changes: [
      { file: replay, find: 'journal.recount(tx, entry)', replace: 'undefined' },
      {
        file: replay,
        find: "await journal.record(tx, 'concluded', operation, { decision }, date);",
        replace: "await journal.record(tx, 'concluded', operation, { decision });",
      },
    ],
    troubles: ['unaware'],
    work: ['cancellation', 'day-close'],
  },
  {
    name: 'a payment that is being cancelled follows its number',
    changes: [
      {
        file: payment,
        find: 'if (payment.cancelledBy === undefined)',
        replace: 'if (true)',
      },
    ],
    troubles: ['cut-off'],
    work: ['payment', 'number-move', 'cancellation'],
  },
  {
    name: 'head office settles before it is certain of its past',
    changes: [
      {
        file: 'central-node/settlement/obligation-service.ts',
        find: 'await deps.assertCertain(tx);',
        replace: '',
      },
    ],
    troubles: ['settlement-lost'],
    work: ['settlement'],
  },
  {
    name: 'what follows a recovery is tried once',
    changes: [
      {
        file: federation,
        find: 'if (!isStopped)\n                clock.after(followUp',
        replace: 'if (false)\n                clock.after(followUp',
      },
    ],
    troubles: ['bad-disk'],
  },
  {
    name: 'payouts that waited for the end of a recovery wait on',
    changes: [{ file: payouts, find: 'federation.onCertain(releaseWaiting);', replace: ';' }],
    troubles: ['held-payouts'],
    work: refunds,
  },
  {
    name: 'cash leaves before all have said what they hold',
    changes: [
      {
        file: recovery,
        find: 'isCertain: () => certain && !recovering',
        replace: 'isCertain: () => !recovering',
      },
    ],
    troubles: ['another-witness'],
    work: refunds,
  },
  {
    name: 'what a desk may have paid before a set-back is released',
    changes: [
      {
        file: payouts,
        find: "payOut(tx, id, 'presumed-paid')",
        replace: "payOut(tx, id, 'released')",
      },
    ],
    troubles: ['unaware'],
    work: refunds,
  },
  {
    name: 'what was taken while recovering is not decided after it',
    changes: [{ file: operations, find: 'federation.onRecovered(decideWaiting);', replace: ';' }],
    troubles: ['head-office-last'],
  },
  {
    name: 'head office settles while it recovers',
    changes: [
      {
        file: obligations,
        find: `        await deps.assertCertain(tx);
        if ((await lostSettlementIds(tx)).length === 0)`,
        replace: '        if (true)',
      },
    ],
    troubles: ['head-office-falls'],
    work: ['settlement'],
  },
  {
    name: 'head office publishes while it recovers',
    changes: [
      {
        file: releases,
        find: `            if (federation.isRecovering())
                throw new DomainError('recovering');
            await askReachable();`,
        replace: `            return;
            await askReachable();`,
      },
    ],
    troubles: ['head-office-falls'],
    work: ['release'],
  },
  {
    name: 'a stream is taken before its sender has said what it holds of this node',
    changes: [
      {
        file: federation,
        find: 'hasTold: recovery.hasTold,',
        replace: 'hasTold: () => true,',
      },
    ],
    troubles: ['unaware'],
  },
  {
    name: 'a number is given to a customer by a start that is not certain of its past',
    changes: [
      // The card that goes with it would wait, too.
      {
        file: 'branch-node/sim/sim-service.ts',
        find: 'await federation.assertCertain(tx);',
        replace: '',
      },
      {
        file: 'branch-node/subscribers/registration-operation.ts',
        find: 'await deps.federation.assertCertain(tx);',
        replace: '',
      },
      {
        file: 'branch-node/subscribers/subscriber-peer-routes.ts',
        find: 'await deps.federation.assertCertain(tx);',
        replace: '',
      },
    ],
    troubles: ['another-witness'],
    work: ['registration', 'payment'],
  },
  {
    name: 'a card is given out by a start that is not certain of its past',
    changes: [
      {
        file: 'branch-node/sim/sim-service.ts',
        find: 'await federation.assertCertain(tx);',
        replace: '',
      },
    ],
    troubles: ['unaware'],
    work: ['registration', 'sim-replacement'],
  },
  {
    name: 'a number goes from a start that is not certain of its past',
    changes: [
      {
        file: 'branch-node/subscribers/number-move-operation.ts',
        find: 'await deps.federation.assertCertain(tx);',
        replace: '',
      },
    ],
    troubles: ['another-witness'],
    work: ['number-move', 'block', 'termination', 'registration'],
  },
  {
    name: 'what comes back about a number does not wait for its arrival',
    changes: [
      {
        file: 'branch-node/subscribers/subscriber-service.ts',
        find: 'if (await isToCome(tx, operation))',
        replace: 'if (operation.attempt > 9)',
      },
    ],
    troubles: ['another-witness'],
    work: ['number-move'],
  },
  {
    name: 'what was settled between two branches of which neither was told is not taken back',
    changes: [
      {
        file: 'central-node/settlement/lost-settlements.ts',
        find: 'await store.write((tx) => recallUntold(tx, id));',
        replace: '',
      },
    ],
    troubles: ['settlement-lost'],
    work: ['settlement'],
  },
  {
    name: 'an execution is told as the answer to whatever attempt is asked about',
    changes: [
      {
        file: operations,
        find: 'answered.attempt === operation.attempt ? details : {}',
        replace: 'details',
      },
    ],
    troubles: ['head-office-last'],
    work: ['number-move', 'payment'],
  },
  {
    name: 'what no branch has of a settlement is not taken back',
    changes: [
      {
        file: 'central-node/settlement/lost-words.ts',
        find: "? 'nothing'\n            : undefined;",
        replace: '? undefined\n            : undefined;',
      },
    ],
    troubles: ['settlement-lost'],
    work: ['settlement'],
  },
  {
    name: 'who was not told of a lost settlement stays so',
    changes: [{ file: lostSettlements, find: 'if (!told.has(branch))', replace: 'if (false)' }],
    troubles: ['settlement-lost'],
    work: ['settlement'],
  },
];
