import type { SourcePatch } from '../support/patches.ts';
import type { CrashPoint, Place } from './crash-place.ts';
import { keyMoments } from './key-points.ts';

/**
 * The places of the code at which a process kills itself. One row is one place; a row of a kind of write is three: inside
 * its transaction, with it on the disk and not in the sentinel, and with it durable and nobody told.
 */

const rooms = {
  operations: 'branch-node/operations/operation-service.ts',
  payouts: 'branch-node/payments/payout-service.ts',
  branchSettlement: 'branch-node/settlement/settlement-service.ts',
  reconciliation: 'central-node/reconciliation/reconciliation-service.ts',
  cases: 'central-node/reconciliation/case-service.ts',
  obligations: 'central-node/settlement/obligation-service.ts',
  settlement: 'central-node/settlement/settlement-service.ts',
  federation: 'shared/federation/federation.ts',
  inbox: 'shared/federation/inbox.ts',
  lane: 'shared/federation/lane.ts',
  recovery: 'shared/federation/recovery.ts',
  reference: 'shared/reference/reference-service.ts',
  writeGroup: 'shared/store/write-group.ts',
  embedded: 'shared/store/embedded-store.ts',
} as const;

/** Each has its transaction at hand, as `tx`. */
const writes: readonly Place[] = [
  {
    name: 'accepted for another branch',
    file: rooms.operations,
    after: "await journal.record(tx, 'accepted', operation, { details });",
  },
  {
    name: 'decided at once',
    file: rooms.operations,
    after: 'const concludedAt = await concludeHere(tx, operation, { decision, details });',
  },
  {
    name: 'executed from the inbox',
    file: rooms.operations,
    after: 'await recordDecision(tx, told, { decision, details });',
  },
  {
    name: 'concluded',
    file: rooms.operations,
    after: "await journal.record(tx, 'concluded', operation, { decision });",
  },
  {
    name: 'payout recorded, not yet told',
    file: rooms.payouts,
    before: 'const { home } = made.trace.operation;',
  },
  {
    name: 'payout released, not yet posted',
    file: rooms.payouts,
    before: 'await post(tx, {\n            kind: `payout.',
  },
  {
    name: 'day closed, not yet told',
    file: 'branch-node/business-days/business-day-service.ts',
    after:
      'await keepClosed(tx, { date, closedAt, closedBy: by, totals: JSON.stringify(totals) });',
  },
  {
    name: 'settlement heard of',
    file: rooms.branchSettlement,
    after: 'await insertSettlement(tx, { id, currency, told, receivedAt: now(clock) });',
  },
  {
    name: 'settlement confirmed, not yet posted',
    file: rooms.branchSettlement,
    after: "await decideSettlement(tx, id, { state: 'confirmed', at, faults });",
  },
  {
    name: 'release stored',
    file: rooms.reference,
    after:
      'await insertRelease(tx, { jws: manifestJws, jwsSha256: manifestSha256, manifest, appliedAt });',
  },
  {
    name: 'work done, its key not yet kept',
    file: 'shared/web/idempotency.ts',
    after: 'const made = await fn(tx, { key: scope.key, sha256: keySha256 });',
    passings: 3,
  },
  {
    name: 'log entry written, in no stream yet',
    file: 'shared/federation/log.ts',
    before: 'for (const peer of to)\n            await appendToStream',
    passings: 2,
  },
  {
    name: 'acknowledgement recorded',
    file: rooms.lane,
    after: 'await setAcknowledged(tx, { peer, epoch, position });\n',
  },
  {
    name: 'new start of a peer admitted',
    file: rooms.inbox,
    after: 'await peerStarts.admit(tx, from, head);',
  },
  {
    name: 'received entry stored, not applied',
    file: rooms.inbox,
    after: 'await insertInboundEntry(tx, { peer: from, epoch, position, seq, kind, hash, text });',
    passings: 2,
  },
  {
    name: 'cursor moved, its head not stored',
    file: rooms.inbox,
    after: 'await saveInboundStream(tx, { peer: from, epoch, stream: moved });',
  },
  {
    name: "customer's data entered for another branch",
    file: 'branch-node/subscribers/peer-visits.ts',
    after: 'const made = await attempt(tx);',
  },
  {
    name: 'leg collected, not matched',
    file: rooms.reconciliation,
    before: 'await addToTotals(tx, leg);',
    node: 'centre',
    passings: 3,
  },
  {
    name: 'obligation recorded, not summed',
    file: rooms.obligations,
    before: 'await addToSums(tx, windowId, row);',
    node: 'centre',
  },
  {
    name: 'closing of a day taken, not compared',
    file: rooms.reconciliation,
    after: 'await saveDayClosing(tx, { branch, businessDate, totals, reaches, receivedAt });',
    node: 'centre',
  },
  {
    name: 'window closed, not recorded',
    file: rooms.obligations,
    before: 'await recordClosed(tx, window);',
    node: 'centre',
  },
  {
    name: 'settlement made',
    file: rooms.settlement,
    after: 'await insertSettlement(tx, { ...made, windowIds, positions });',
    node: 'centre',
  },
  {
    name: 'settlement approved, not posted',
    file: rooms.settlement,
    before: 'await discharge(tx, settlement);\n        const settled',
    node: 'centre',
  },
  {
    name: "branch's answer to a settlement saved",
    file: rooms.settlement,
    after: 'await saveAnswer(tx, settlementId, { branch, outcome, detail, at });',
    node: 'centre',
  },
  {
    name: 'release published, not told',
    file: 'central-node/reference/reference-draft-service.ts',
    before: 'await onPublished?.(tx, manifest);',
    node: 'centre',
  },
  {
    name: 'case opened, not told',
    file: rooms.cases,
    before: "await tell(tx, opened, 'case.opened', {",
    node: 'centre',
    errand: 'case',
  },
  {
    name: 'case resolved',
    file: rooms.cases,
    before: 'await ended(tx, closed);\n    }\n    async function ended',
    node: 'centre',
    errand: 'end of a case',
  },
  {
    name: 'case adjusted, not told',
    file: rooms.cases,
    before: "await tell(tx, adjusted, 'case.adjusted', {",
    node: 'centre',
    errand: 'adjustment',
  },
];

const moments: readonly Place[] = [
  {
    name: 'store: before a commit',
    file: rooms.writeGroup,
    before: 'await driver.commit();',
    passings: 9,
  },
  {
    name: 'store: between two writes of one commit',
    file: rooms.writeGroup,
    after: 'outcomes.push(await runOne(driver, work, alone));\n',
    passings: 7,
  },
  {
    name: 'store: callers told of the commit, not yet answered',
    file: rooms.writeGroup,
    before: 'for (const { work, answer } of outcomes) {\n        if (unrecorded)',
    passings: 9,
  },
  {
    name: 'sentinel: written, not forced to the disk',
    file: 'shared/store/sentinel.ts',
    before: 'await to.datasync();',
    passings: 9,
  },
  {
    name: 'front: done and durable, not answered',
    file: 'shared/web/endpoint.ts',
    before: 'return jsonAnswer(c, made, replayed',
    passings: 4,
  },
  {
    name: 'lane: batch read, not sent',
    file: rooms.lane,
    before: 'const response = await client.request(peer, {',
    passings: 3,
  },
  {
    name: 'lane: answered over TLS, not recorded',
    file: rooms.lane,
    before: 'await settle(batch, response);',
    passings: 3,
  },
  {
    name: 'inbox: in the middle of a batch',
    file: rooms.inbox,
    after: 'await apply(tx, entry, { position, oneByOne });',
    passings: 5,
  },
  {
    name: 'inbox: verified, not yet taken',
    file: rooms.inbox,
    before: 'const received = await takeBatch(',
    passings: 3,
  },
  {
    name: 'inbox: taken and durable, not answered',
    file: rooms.inbox,
    before: 'switch (received.outcome) {',
    passings: 3,
  },
  {
    name: 'inbox of head office: taken and durable, not answered',
    file: rooms.inbox,
    after: 'const texts = batch.entries.map(canonicalText);',
    node: 'centre',
    passings: 4,
  },
  {
    name: 'release: fetched, not stored',
    file: rooms.reference,
    before: 'const appliedAt = now(clock);',
  },
  {
    name: 'settlement: page fetched, not checked',
    file: rooms.branchSettlement,
    before: 'const outcome = await store.write(async (tx) =>',
  },
  {
    name: 'settlement: page asked of head office',
    file: 'central-node/settlement/settlement-peer-routes.ts',
    before: 'return c.json(pageOf(rows, limit, {',
    node: 'centre',
  },
  {
    name: 'start: store open, nothing begun',
    file: rooms.federation,
    before: 'await store.read(peerStarts.load);',
    errand: 'restart',
  },
  {
    name: 'start: epoch stored, node.started not told',
    file: 'shared/federation/log.ts',
    after: 'await insertStart(tx, { epoch, startedAt: now(clock), learned: false });',
    errand: 'restart',
  },
  {
    name: 'start: node.started durable, not sent',
    file: rooms.federation,
    before: 'await reportForks();',
    errand: 'restart',
  },
  {
    name: 'start: peers asked, lanes not open',
    file: rooms.federation,
    before: 'isOpen = true;',
    errand: 'restart',
  },
  {
    name: 'start: certain of its past, nobody in the node told',
    file: rooms.federation,
    before: 'for (const listener of onCertain)',
    errand: 'restart',
  },
  {
    name: 'start of head office: peers asked, lanes not open',
    file: rooms.federation,
    before: 'wakeAll();\n        liveness.start();',
    errand: 'restart',
    node: 'centre',
  },
  {
    name: 'recovery: known, nobody asked',
    file: rooms.recovery,
    before: 'nonce ||= deps.ids.secret(24);',
    errand: 'restore',
  },
  {
    name: 'recovery: answered by one peer, not kept',
    file: rooms.recovery,
    before: 'await store.write((tx) => keep(tx, { answer, entries, starts }));',
    errand: 'restore',
  },
  {
    name: 'recovery: kept from one peer',
    file: rooms.recovery,
    before: 'if (answer.next === null)\n                return;\n            after = answer.next;',
    errand: 'restore',
  },
  {
    name: 'recovery: gathered, nothing applied',
    file: rooms.recovery,
    before: 'while ((await store.write(applySome)) > 0)',
    errand: 'restore',
  },
  {
    name: 'recovery: between two entries that are applied',
    file: rooms.recovery,
    after: 'await markApplied(tx, row.epoch, row.seq);',
    errand: 'restore',
    passings: 5,
  },
  {
    name: 'recovery: all applied, not ended',
    file: rooms.recovery,
    before: 'const isOver = await store.write(',
    errand: 'restore',
  },
  {
    name: 'recovery: ended, nobody in the node told',
    file: rooms.recovery,
    before: 'recovering = false;\n        deps.recovered();',
    errand: 'restore',
  },
  {
    name: 'recovery: what waited is being decided',
    file: rooms.operations,
    after: 'await decideHere(tx, operationOf(record), record.details);',
    errand: 'restore',
  },
  ...keyMoments,
  {
    name: 'stop: doors closed, lanes open',
    file: 'shared/node/node.ts',
    before: 'const lanesStopped = federation.stop();',
    errand: 'stop',
  },
  {
    name: 'stop: WAL left, file not closed',
    file: rooms.embedded,
    after: 'leaveWal(db);',
    errand: 'stop',
  },
  {
    name: 'stop of head office: store about to close',
    file: 'shared/node/node.ts',
    before: 'await store.close();',
    errand: 'stop',
    node: 'centre',
  },
  {
    name: 'backup: held for its copy',
    file: 'shared/store/embedded-backup.ts',
    before: 'return await copyStoreFile({',
    errand: 'backup',
  },
  {
    name: 'backup: copied, not looked through',
    file: 'shared/node/backups.ts',
    before: 'const { faults, newest } = await check(file);',
    errand: 'backup',
  },
  {
    name: 'backup: copy made, not in the audit trail',
    file: 'shared/node/backup-routes.ts',
    before: 'await node.store.write((tx) => node.audit.record(tx, {',
    errand: 'backup',
  },
];

/** During an opening that migrates: of a store of its own, without a federation. */
const migrations: readonly Place[] = [
  {
    name: 'migration: run, not recorded',
    file: 'shared/store/migrations.ts',
    after: 'await driver.script(sql);',
    passings: 4,
  },
  {
    name: 'migration: between two files',
    file: 'shared/store/migrations.ts',
    before: 'await apply(driver, migration, applied.length + index + 1);',
    passings: 7,
  },
];

export const crashPoints: readonly CrashPoint[] = [
  ...writes.flatMap((place) =>
    ['inside', 'committed', 'unanswered'].map((when) => pointOf(place, `${place.name}: ${when}`)),
  ),
  ...moments.map((place) => pointOf(place, place.name)),
];

export const migrationPoints: readonly CrashPoint[] = migrations.map((place) =>
  pointOf(place, place.name),
);

export const crashPatches: readonly SourcePatch[] = [
  {
    name: 'a commit is on the disk',
    file: rooms.writeGroup,
    find: 'await driver.commit();',
    replace: 'await driver.commit(); globalThis.committed?.();',
  },
  ...writes.map((place) => patchOf(place, `'${place.name.replaceAll("'", "\\'")}', tx`)),
  ...[...moments, ...migrations].map((place) =>
    patchOf(place, `'${place.name.replaceAll("'", "\\'")}'`),
  ),
];

function pointOf(place: Place, name: string): CrashPoint {
  const { node = 'branch', errand = 'nothing', passings = 1 } = place;
  return { name, node, errand, passings };
}

function patchOf({ name, file, after, before }: Place, argumentList: string): SourcePatch {
  const call = `globalThis.passing?.(${argumentList});`;
  const find = after ?? before ?? '';
  return { name, file, find, replace: after === undefined ? `${call} ${find}` : `${find} ${call}` };
}
