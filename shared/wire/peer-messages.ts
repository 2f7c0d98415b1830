import { z } from 'zod';
import { msisdnPattern, type NodeCode, nodeCodePattern, type OperationId } from '../ids/ids.ts';
import { isBusinessDate, msOf } from '../time/clock.ts';

/** Every message between nodes. These schemas are the single source of the messages' types. */

export const maxBatchEntries = 128;
export const maxBatchBytes = 4 * 1024 * 1024;
const maxRecipients = 512;
const maxPreviousStarts = 32;

export const nodeCode = z
  .string()
  .regex(nodeCodePattern)
  .transform((text) => text as NodeCode);
const epoch = z.string().regex(/^[0-9a-f]{32}$/);
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const instant = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/)
  .refine((text) => !Number.isNaN(msOf(text)));
const position = z.int().min(0);
const jws = z.string().max(16_384);

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

/** One fact of a node's log; `hash` = SHA-256 of its canonical JSON. */
export const logEntry = z.strictObject({
  node: nodeCode,
  epoch,
  seq: z.int().min(1),
  id: z.string().max(64),
  kind: z.string().regex(/^[a-z][a-z0-9.-]{2,63}$/),
  to: z.array(nodeCode).max(maxRecipients),
  operationId: z.string().max(64).optional(),
  occurredAt: instant,
  recordedAt: instant,
  businessDate: z.string().refine(isBusinessDate),
  body: jsonObject,
});
export type LogEntry = z.infer<typeof logEntry>;

/** What the sender signs once per batch: it proves every entry up to `position`. */
export const streamHead = z.strictObject({
  from: nodeCode,
  to: nodeCode,
  started: epoch,
  previous: z.array(epoch).max(maxPreviousStarts),
  epoch,
  first: z.int().min(1),
  base: hash,
  position: z.int().min(1),
  chain: hash,
  at: instant,
});
export type StreamHead = z.infer<typeof streamHead>;
export const headType = 'sbms-head+jws';
/** The kind of the entry by which a start opens its stream to each node. */
export const startKind = 'node.started';

export const streamBatch = z.strictObject({
  from: nodeCode,
  to: nodeCode,
  started: epoch,
  epoch,
  first: z.int().min(1),
  entries: z.array(logEntry).min(1).max(maxBatchEntries),
  head: jws,
});
export type StreamBatch = z.infer<typeof streamBatch>;

export const streamAnswer = z.object({ epoch, position });

const streamStatus = z.strictObject({ epoch, position });

/** Liveness: who I am, what I run, how far I have heard you. */
export const hello = z.strictObject({
  node: nodeCode,
  codeVersion: z.string().max(40),
  release: z.int().min(0),
  started: epoch,
  previous: z.array(epoch).max(maxPreviousStarts),
  head: z.strictObject({ epoch, seq: position }),
  at: instant,
  recovering: z.boolean(),
  /** What the sender holds of the receiver's newest start that it knows, with the receiver's own head for it. */
  holds: streamStatus.extend({ head: jws.optional() }).optional(),
  /** How far behind the sender's outbound streams are: entries not acknowledged, by peer. */
  behind: z.record(z.string().regex(nodeCodePattern), position),
});
export type Hello = z.infer<typeof hello>;

/** A node that was set back asks what the receiver holds of it. */
export const recoveryRequest = z.strictObject({
  node: nodeCode,
  nonce: z.string().min(16).max(64),
  started: epoch,
  known: z.array(z.strictObject({ epoch, seq: position })).max(10_000),
  /** How far it still holds the receiver's own streams: from there on they are told again. */
  received: z.array(streamStatus).max(10_000),
  /** Continue after this entry: answers come in pages. */
  after: streamStatus.optional(),
});
export type RecoveryRequest = z.infer<typeof recoveryRequest>;

/** Bound to the asking start by its nonce; the answering peer signs its hash as `recoveryType`. */
export const recoveryAnswer = z.strictObject({
  node: nodeCode,
  for: nodeCode,
  nonce: z.string(),
  /** The asking node's starts that the peer has heard of, oldest first. */
  starts: z.array(epoch).max(10_000),
  /** How far the peer holds each of them. */
  held: z.array(streamStatus).max(10_000),
  /** The asking node's own batches, each proven by its own signed head. */
  batches: z.array(z.strictObject({ head: jws, entries: z.array(logEntry) })),
  next: streamStatus.nullable(),
});
export type RecoveryAnswer = z.infer<typeof recoveryAnswer>;

/** An answer as it travels: its text, and the signature over the text's SHA-256. */
export const signedRecoveryAnswer = z.object({ answer: z.string(), signature: jws });
export const recoverySignature = z.strictObject({ sha256: hash });
export const recoveryType = 'sbms-recovery+jws';

/** The sender's current start, on every request; an older one is refused. */
export const startedHeader = 'sbms-started';
export const actorHeader = 'sbms-actor';

/** A person at a branch, as an operation carries him. */
export const operationActor = z.strictObject({
  id: z.string().max(64),
  name: z.string().max(120),
});

/** An operation as its log entries carry it: everything a node needs to do its part again. */
export const wireOperation = z.strictObject({
  id: z
    .string()
    .max(64)
    .transform((text) => text as OperationId),
  kind: z.string().max(40),
  serving: nodeCode,
  home: nodeCode,
  attempt: z.int().min(1).max(9),
  msisdn: z.string().regex(msisdnPattern),
  businessDate: z.string().refine(isBusinessDate),
  occurredAt: instant,
  actor: operationActor,
  release: z.int().min(0),
  request: jsonObject,
});

export const wireDecision = z.discriminatedUnion('outcome', [
  z.strictObject({ outcome: z.literal('executed'), result: jsonObject }),
  z.strictObject({
    outcome: z.literal('refused'),
    reason: z.string().max(60),
    movedTo: nodeCode.optional(),
  }),
]);
export type WireDecision = z.infer<typeof wireDecision>;

/** Body of `<kind>.accepted`. */
export const acceptedBody = z.strictObject({ operation: wireOperation, details: jsonObject });
/** Body of `<kind>.executed` (a payment: `payment.credited`) and `<kind>.refused`. */
export const decidedBody = z.strictObject({
  operation: wireOperation,
  decision: wireDecision,
  details: jsonObject,
});
/** Body of `<kind>.concluded`. */
export const concludedBody = z.strictObject({
  operation: wireOperation,
  decision: wireDecision,
});
