import type { SourcePatch } from '../support/patches.ts';
import type { WorkKind } from './desk-work.ts';
import type { TroubleKind } from './troubles.ts';

/** One rule of the product switched off, by name. The simulation must see it missed. */
export interface Mutant {
  readonly name: string;
  readonly changes: readonly Omit<SourcePatch, 'name'>[];
  /** What its seeds have for certain, so that fewer are needed. */
  readonly troubles?: readonly TroubleKind[];
  readonly work?: readonly WorkKind[];
}

const operations = 'branch-node/operations/operation-service.ts';
const replay = 'branch-node/operations/operation-replay.ts';
const payment = 'branch-node/payments/payment-operation.ts';
const cancellation = 'branch-node/payments/cancellation-operation.ts';
const payouts = 'branch-node/payments/payout-service.ts';
const move = 'branch-node/subscribers/number-move-operation.ts';
const federation = 'shared/federation/federation.ts';
const inbox = 'shared/federation/inbox.ts';
const lane = 'shared/federation/lane.ts';
const log = 'shared/federation/log.ts';
const starts = 'shared/federation/peer-starts.ts';
const recovery = 'shared/federation/recovery.ts';
const answers = 'shared/federation/recovery-answers.ts';
const group = 'shared/store/write-group.ts';
const idempotency = 'shared/web/idempotency.ts';
const obligations = 'central-node/settlement/obligation-service.ts';

const refunds = ['cancellation', 'suspense'] as const;

/** The rules of the table "Why each rule stands" of the protocol's design, in its order. */
export const ruleMutants: readonly Mutant[] = [
  {
    name: 'home does not dedupe by operation id',
    changes: [
      {
        file: operations,
        find: 'const decided = await decisionOn(tx, operation);',
        replace: 'const decided = undefined;',
      },
    ],
    troubles: ['set-back'],
  },
  {
    name: 'reply before commit',
    changes: [
      {
        file: group,
        find: '            await driver.commit();',
        replace: `            for (const { work, answer } of outcomes)
                if ('value' in answer) work.resolve(answer.value);
            await null; await null; await null; await null;
            await driver.commit();`,
      },
    ],
    troubles: ['crash', 'disk'],
  },
  {
    name: 'no fresh epoch per start',
    changes: [
      {
        file: log,
        find: 'epoch = ids.hex(16);',
        replace: 'epoch = last ? last.epoch : ids.hex(16);',
      },
      {
        file: log,
        find: 'await insertStart(tx, {',
        replace: 'if (!last) await insertStart(tx, {',
      },
    ],
    troubles: ['set-back', 'crash'],
  },
  {
    name: 'the set-back sentinel starts no recovery',
    changes: [{ file: federation, find: 'if (setBack)', replace: 'if (false)' }],
    troubles: ['set-back', 'cut-off'],
    work: refunds,
  },
  {
    name: 'refunds while recovering',
    changes: [
      {
        file: federation,
        find: `        if (recovery.isRecovering())
            return false;
`,
        replace: '',
      },
      {
        file: federation,
        find: `        if (recovery.isRecovering())
            throw new DomainError('recovering');
        if (!(await mayPayOut(tx))) {`,
        replace: '        if (!(await mayPayOut(tx))) {',
      },
      {
        file: cancellation,
        find: 'acceptedWhileRecovering: false',
        replace: 'acceptedWhileRecovering: true',
      },
    ],
    troubles: ['ambush'],
    work: refunds,
  },
  {
    name: 'no exchange both ways',
    changes: [{ file: answers, find: 'await tellAgain(request);', replace: ';' }],
    troubles: ['set-back'],
  },
  {
    name: 'cash before another node holds the refund',
    changes: [
      {
        file: payouts,
        find: `            body: { payment: paymentTrace, ...rest, money: formatMoney(money) },
        });`,
        replace: `            body: { payment: paymentTrace, ...rest, money: formatMoney(money) },
        });
        await release(tx, paymentId);`,
      },
    ],
    troubles: ['ambush'],
    work: refunds,
  },
  {
    name: 'recovery applies before all have answered',
    changes: [
      {
        file: recovery,
        find: 'await store.write((tx) => keep(tx, { answer, entries, starts }));',
        replace: `await store.write((tx) => keep(tx, { answer, entries, starts }));
            while ((await store.write(applySome)) > 0);`,
      },
    ],
    troubles: ['ambush'],
    work: ['block', 'rate-plan-change', 'sim-replacement'],
  },
  {
    name: 'a new start does not fence the old one',
    changes: [
      {
        file: starts,
        find: 'if (known.get(peer)?.includes(started)) {',
        replace: 'if (known.get(peer)?.includes(started)) return false; if (false) {',
      },
      {
        file: starts,
        find: 'if (held?.includes(started) && held.at(-1) !== started) {',
        replace: 'if (false) {',
      },
    ],
    troubles: ['ambush'],
  },
  {
    // One without the other is not seen: an answer to an earlier start does not name this one, either.
    name: 'recovery answers are bound to the start neither by its nonce nor by its name',
    changes: [
      { file: recovery, find: ' || parsed.nonce !== nonce', replace: '' },
      {
        file: recovery,
        find: 'if (answer.starts.at(-1) !== current && !deps.isRecovering(peer))',
        replace: 'if (false)',
      },
    ],
    troubles: ['ambush'],
  },
  {
    name: 'an answer counts while the peer still takes what an earlier start had sent',
    changes: [
      {
        file: recovery,
        find: 'if (answer.starts.at(-1) !== current && !deps.isRecovering(peer))',
        replace: 'if (false)',
      },
    ],
    troubles: ['ambush'],
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
    name: 'home decisions while recovering',
    changes: [
      {
        file: federation,
        find: `                if (recovery.isRecovering())
                    throw new DomainError('recovering');
            };`,
        replace: '            };',
      },
    ],
    troubles: ['ambush'],
    work: ['number-move', 'termination'],
  },
];

/** What a hurried change might do. */
export const slipMutants: readonly Mutant[] = [
  {
    name: 'a batch is acknowledged before it is stored',
    changes: [
      {
        file: inbox,
        find: 'const received = await store.write((tx) => take(tx, { batch, head, texts }));',
        replace: `const received = { outcome: 'taken', position: head.position };
        store.write((tx) => take(tx, { batch, head, texts })).catch(() => undefined);`,
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
    troubles: ['set-back', 'storm'],
  },
  {
    name: 'a repeated entry is applied again',
    changes: [
      {
        file: inbox,
        find: `            if (batch.first + index <= stream.position)
                continue;`,
        replace: `            if (batch.first + index <= stream.position) {
                await apply(tx, entry, batch.first + index);
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
        find: 'await operations.insertTombstone(tx, { id,',
        replace: 'if (false) await operations.insertTombstone(tx, { id,',
      },
    ],
    troubles: ['set-back', 'cut-off', 'storm'],
    work: refunds,
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
        await release(tx, id);`,
        replace: '            await refund(tx, payment, body.payment);',
      },
    ],
    troubles: ['set-back'],
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
        await addToExposure(tx, { branch: creditor`,
        replace: `        await addToSums(tx, windowId, row);
        await addToSums(tx, windowId, row);
        await addToExposure(tx, { branch: creditor`,
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

export const mutants: readonly Mutant[] = [...ruleMutants, ...slipMutants];

export function patchesOf({ name, changes }: Mutant): SourcePatch[] {
  return changes.map((change) => ({ name, ...change }));
}
