import { z } from 'zod';
import { problems } from '../../shared/problem/problem.ts';
import type { Schema } from './valid-values.ts';

/** Personal data that is typed in; no refusal may say it back. */
export const canaries = ['Канарейка Пётр', '4509 654321', 'Канареечная, 7', 'canary@example.com'];
const canary = /Канаре|654321|canary@/;
/** Digits by chance, whatever was typed. */
const traceId = /urn:sbms:trace:[0-9a-f]{32}/;

/** What only the code of a node knows. */
export const ours =
  /SQLITE|SqliteError|\bSELECT\b|INSERT INTO|node_modules|\.[jt]s:\d+|\bat \w+ \(|\/tmp\//;

/** Refusals that say that this node, or another, cannot do it now; anything else of 5xx is a fault. */
const passing: ReadonlySet<string> = new Set([
  ...['overloaded', 'recovering', 'store-unavailable', 'home-unreachable', 'peer-unreachable'],
  ...['past-uncertain', 'release-too-old', 'clock-held'],
]);

/** What a refusal may write: who was refused, and tries that are counted. */
const traces: ReadonlySet<string> = new Set([
  'audit_entries',
  'sign_in_tries',
  'sign_in_counts',
  'sessions',
]);
/** An assertion is used up by the request it came with, also by a refused one. */
const peerTraces: ReadonlySet<string> = new Set([...traces, 'used_assertions']);

/** What a refusal writes by what it says: two histories are remembered. */
const recorded: Readonly<Record<string, readonly string[]>> = { forked: ['inbound_streams'] };

/** How a node asked for its health sees that its store still takes writes: by one that changes nothing. */
const touched = 'node_state';

const maxShownLength = 500;

export interface Exchange {
  readonly method: string;
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  readonly wrote: readonly string[];
}

const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  errors: z.array(z.strictObject({ field: z.string(), message: z.string() })).optional(),
});

export interface Judge {
  /** The documented success, and what its body must be. */
  readonly success: ReadonlyMap<number, z.ZodType | undefined>;
  readonly isPeer?: boolean;
}

/** What is wrong with an answer; nothing if all is well. */
export function faultOf(exchange: Exchange, judge: Judge): string | undefined {
  const { status } = exchange;
  if (status >= 400) return refusalFault(exchange, judge);
  const { success } = judge;
  if (!success.has(status)) return `answers an undocumented ${status}`;
  return answerFault(exchange, success.get(status)) ?? safetyFault(exchange, judge);
}

function refusalFault({ status, contentType, text, wrote }: Exchange, { isPeer }: Judge) {
  if (contentType !== 'application/problem+json') return `${status} as ${contentType}`;
  const parsed = problem.safeParse(parse(text));
  if (!parsed.success) return `a refusal that is no problem document: ${text}`;
  const { code } = parsed.data;
  if (!isCode(code)) return `an unknown code: ${code}`;
  if (problems[code][0] !== status || parsed.data.status !== status) return `${code} as ${status}`;
  if (status >= 500 && !passing.has(code)) return `an error: ${text}`;
  if (canary.test(text.replace(traceId, ''))) return `personal data in a refusal: ${text}`;
  if (ours.test(text)) return `says how it is made: ${text}`;
  const allowed = isPeer ? peerTraces : traces;
  const effect = wrote.find((table) => !allowed.has(table) && !recorded[code]?.includes(table));
  return effect === undefined ? undefined : `a ${status} ${code} wrote to ${effect}`;
}

function answerFault({ contentType, text }: Exchange, schema: z.ZodType | undefined) {
  if (!schema || !contentType.startsWith('application/json')) return undefined;
  const parsed = schema.safeParse(parse(text));
  if (parsed.success) return undefined;
  const [issue] = parsed.error.issues;
  const where = `${issue?.path.join('.')}: ${issue?.message}`;
  return `the answer is not as documented at ${where}: ${text.slice(0, maxShownLength)}`;
}

function safetyFault({ method, wrote }: Exchange, { isPeer }: Judge): string | undefined {
  if (method !== 'GET') return undefined;
  const allowed = isPeer ? peerTraces : traces;
  const effect = wrote.find((table) => table !== touched && !allowed.has(table));
  return effect === undefined ? undefined : `a GET wrote to ${effect}`;
}

function isCode(code: string): code is keyof typeof problems {
  return Object.hasOwn(problems, code);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A check of what the document says of a schema. */
export function documented(schema: Schema, document: Schema): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return z.fromJSONSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')));
}
