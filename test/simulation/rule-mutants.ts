import type { Mutant } from './mutants.ts';

const operations = 'branch-node/operations/operation-service.ts';
const cancellation = 'branch-node/payments/cancellation-operation.ts';
const payouts = 'branch-node/payments/payout-service.ts';
const federation = 'shared/federation/federation.ts';
const log = 'shared/federation/log.ts';
const starts = 'shared/federation/peer-starts.ts';
const recovery = 'shared/federation/recovery.ts';
const answers = 'shared/federation/recovery-answers.ts';
const group = 'shared/store/write-group.ts';

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
    troubles: ['nobody-there'],
    work: refunds,
  },
  {
    name: 'refunds while recovering',
    changes: [
      {
        file: federation,
        find: 'return recovery.isCertain() && ',
        replace: 'return (recovery.isRecovering() || recovery.isCertain()) && ',
      },
      {
        file: federation,
        find: `        if (recovery.isRecovering())
            throw new DomainError('recovering');
        if (await isForked(tx)) {`,
        replace: '        if (await isForked(tx)) {',
      },
      {
        file: federation,
        find: `        if (recovery.isRecovering())
            throw new DomainError('recovering');
        if (recovery.isCertain())`,
        replace: '        if (recovery.isRecovering() || recovery.isCertain())',
      },
      {
        file: cancellation,
        find: 'acceptedWhileRecovering: false',
        replace: 'acceptedWhileRecovering: true',
      },
    ],
    troubles: ['another-witness'],
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
        await payOut(tx, paymentId, 'released');`,
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
    troubles: ['head-office-last'],
    work: ['block', 'rate-plan-change'],
  },
  {
    name: 'a new start does not fence the old one',
    changes: [
      {
        file: starts,
        find: 'if (held.includes(started)) {',
        replace: 'if (held.includes(started)) return false; if (false) {',
      },
      {
        file: starts,
        find: 'if (held?.includes(started) && held.at(-1) !== started) {',
        replace: 'if (false) {',
      },
    ],
    troubles: ['late-batch'],
  },
  {
    name: 'recovery answers are not bound to the start by its nonce',
    changes: [{ file: recovery, find: ' || parsed.nonce !== nonce', replace: '' }],
    troubles: ['two-recover'],
  },
  {
    name: 'recovery answers are bound to the start neither by its nonce nor by its name',
    changes: [
      { file: recovery, find: ' || parsed.nonce !== nonce', replace: '' },
      {
        file: recovery,
        find: 'if (answer.starts.at(-1) !== current && !deps.isRecovering(peer))',
        replace: 'if (false)',
      },
    ],
    troubles: ['old-answers'],
  },
  {
    // What waits for the set-aside entries of this start waits for the end of a recovery, too.
    name: 'home decisions while recovering',
    changes: [
      {
        file: federation,
        find: `            refuseRecovering();
            await setAside.caughtUp();
            refuseRecovering();
`,
        replace: '',
      },
    ],
    troubles: ['head-office-last'],
    work: ['block', 'rate-plan-change'],
  },
];
