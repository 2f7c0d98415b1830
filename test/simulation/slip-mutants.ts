import type { Mutant } from './mutants.ts';

const operations = 'branch-node/operations/operation-service.ts';
const replay = 'branch-node/operations/operation-replay.ts';
const payment = 'branch-node/payments/payment-operation.ts';
const cancellation = 'branch-node/payments/cancellation-operation.ts';
const payouts = 'branch-node/payments/payout-service.ts';
const move = 'branch-node/subscribers/number-move-operation.ts';
const inbox = 'shared/federation/inbox.ts';
const lane = 'shared/federation/lane.ts';
const recovery = 'shared/federation/recovery.ts';
const group = 'shared/store/write-group.ts';
const idempotency = 'shared/web/idempotency.ts';
const obligations = 'central-node/settlement/obligation-service.ts';

const refunds = ['cancellation', 'suspense'] as const;

/** What a hurried change might do. */
export const slipMutants: readonly Mutant[] = [
  {
    name: 'a batch is acknowledged before it is stored',
    changes: [
      {
        file: inbox,
        find: 'const received = await takeBatch({ batch, head, texts });',
        replace: `const received = { outcome: 'taken', position: head.position };
        takeBatch({ batch, head, texts }).catch(() => undefined);`,
      },
    ],
    troubles: ['disk', 'crash', 'storm'],
  },
  {
    name: 'a refused write is kept',
    changes: [
      {
        file: group,
        find: "if (outcomes.every(({ answer }) => 'error' in answer)) {",
        replace: 'if (false) {',
      },
    ],
    troubles: ['cut-off'],
  },
  {
    name: 'the cursor moves outside the transaction',
    changes: [
      {
        file: inbox,
        find: 'await saveInboundStream(tx, { peer: from, epoch, stream: moved });',
        replace: `tx.afterCommit(() => void store
                .write((later) => saveInboundStream(later, { peer: from, epoch, stream: moved }))
                .catch(() => undefined));`,
      },
    ],
    troubles: ['crash', 'disk'],
  },
  {
    name: 'a conflict is swallowed: money that is not in suspense is paid back',
    changes: [
      {
        file: payouts,
        find: `        if (!(await moveDisposition(tx, payment.operationId, move)))
            return false;`,
        replace: '        await moveDisposition(tx, payment.operationId, move);',
      },
    ],
    troubles: ['two-desks'],
    work: refunds,
  },
  {
    name: 'a credit has the wrong sign',
    changes: [
      {
        file: payment,
        find: `                debit: accounts.clearing(operation.serving),
                credit: accounts.subscriber(account),`,
        replace: `                credit: accounts.clearing(operation.serving),
                debit: accounts.subscriber(account),`,
      },
    ],
  },
  {
    name: 'a retry makes a new id',
    changes: [
      {
        file: idempotency,
        find: 'await insertAnswer(tx, { ...scope',
        replace: 'if (false) await insertAnswer(tx, { ...scope',
      },
    ],
    troubles: ['storm', 'crash'],
  },
  {
    name: 'an answer that is not 200 counts as an acknowledgement',
    changes: [
      {
        file: lane,
        find: 'const problem = parseProblem(response.body);',
        replace: `const problem = parseProblem(response.body);
        if (response.status >= 500) return acknowledge(batch, batch.position);`,
      },
    ],
    troubles: ['disk', 'set-back'],
  },
  {
    name: 'a lane does not go back when the peer misses entries',
    changes: [
      {
        file: lane,
        find: 'return rewind(epoch, Number(problem.expected));',
        replace: 'return acknowledge(batch, batch.position);',
      },
    ],
    troubles: ['late-answers'],
  },
  {
    name: 'a repeated entry is applied again',
    changes: [
      {
        file: inbox,
        find: `            if (batch.first + index <= stream.position)
                continue;`,
        replace: `            if (batch.first + index <= stream.position) {
                await apply(tx, entry, { position: batch.first + index, oneByOne });
                continue;
            }`,
      },
      {
        file: operations,
        find: 'const decided = await decisionOn(tx, operation);',
        replace: 'const decided = undefined;',
      },
    ],
    troubles: ['storm'],
  },
  {
    name: 'a payment follows a number without its money',
    changes: [
      {
        file: payment,
        find: 'credit: accounts.clearing(to),',
        replace: 'credit: accounts.clearing(operation.home),',
      },
    ],
    work: ['number-move'],
  },
  {
    name: 'a refused payment stays on clearing',
    changes: [
      {
        file: payment,
        find: `            debit: clearing,
            credit: accounts.suspense,`,
        replace: `            debit: clearing,
            credit: clearing,`,
      },
    ],
    work: ['termination', 'number-move'],
  },
  {
    name: 'a cancellation leaves no tombstone',
    changes: [
      {
        file: cancellation,
        find: 'await operations.insertTombstone(tx, of,',
        replace: 'if (false) await operations.insertTombstone(tx, of,',
      },
    ],
    troubles: ['unaware'],
    work: ['cancellation'],
  },
  {
    name: 'a cancelled payment keeps its money at home',
    changes: [
      {
        file: cancellation,
        find: `                    debit: account,
                    credit: accounts.clearing(operation.serving),`,
        replace: `                    debit: account,
                    credit: account,`,
      },
    ],
    work: refunds,
  },
  {
    name: 'recovery tells nobody again',
    changes: [{ file: recovery, find: 'if (missing.length > 0 &&', replace: 'if (false &&' }],
    troubles: ['set-back', 'cut-off'],
  },
  {
    name: 'recovery forgets what this node had decided',
    changes: [
      {
        file: replay,
        find: 'await kindOf(operation.kind).apply(tx, operation, decision.result);',
        replace: ';',
      },
    ],
    troubles: ['set-back'],
  },
  {
    name: 'a restored payout is not paid',
    changes: [
      {
        file: payouts,
        find: `            await refund(tx, payment, body.payment);
        await payOut(tx, id, 'presumed-paid');`,
        replace: '            await refund(tx, payment, body.payment);',
      },
    ],
    troubles: ['held-payouts'],
    work: refunds,
  },
  {
    name: 'a number moves and leaves its balance',
    changes: [
      {
        file: move,
        find: 'debit: accounts.subscriber(billingAccountId),',
        replace: 'debit: accounts.clearing(movedTo),',
      },
    ],
    work: ['number-move'],
  },
  {
    name: 'head office owes an operation twice as much',
    changes: [
      {
        file: obligations,
        find: `        await addToSums(tx, windowId, row);
        const after = await expose(`,
        replace: `        await addToSums(tx, windowId, row);
        await addToSums(tx, windowId, row);
        const after = await expose(`,
      },
    ],
  },
  {
    name: 'a closed window is recorded with the wrong sign',
    changes: [
      {
        file: obligations,
        find: 'currency, amount: -net * sign });',
        replace: 'currency, amount: net * sign });',
      },
    ],
    work: ['settlement'],
  },
  {
    name: 'an attempt is not counted',
    changes: [
      {
        file: operations,
        find: 'attempt: operation.attempt + 1 };',
        replace: 'attempt: operation.attempt };',
      },
    ],
    work: ['number-move'],
  },
  {
    name: 'a conclusion is not told',
    changes: [
      {
        file: operations,
        find: `            await conclude(tx, operation, decision);
            await journal.record(tx, 'concluded', operation, { decision });
            return;`,
        replace: `            await journal.record(tx, 'concluded', operation, { decision });
            return;`,
      },
    ],
  },
];
