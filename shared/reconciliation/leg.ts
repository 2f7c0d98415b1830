import { z } from 'zod';
import { type NodeCode, uuidPattern } from '../ids/ids.ts';
import { type Money, parseMoney } from '../money/money.ts';
import { isDomainError } from '../problem/problem.ts';
import { canonicalJson, sha256 } from '../wire/canonical.ts';
import { type OperationPoint, operationEntryKinds } from '../wire/operation-kinds.ts';
import { type LogEntry, wireDecision, wireOperation } from '../wire/peer-messages.ts';

/** One branch's record of one point of an operation, as its log tells it. */
export interface Leg {
  readonly branch: NodeCode;
  readonly operationId: string;
  readonly attempt: number;
  readonly point: OperationPoint;
  readonly kind: string;
  readonly serving: NodeCode;
  readonly home: NodeCode;
  readonly msisdn: string;
  /** The branch's own business date of this leg; an operation's is that of its acceptance. */
  readonly businessDate: string;
  readonly operationDate: string;
  /** Absent for an operation without money. */
  readonly money?: Money;
}

const legBody = z.object({ operation: wireOperation, decision: wireDecision.optional() });
type LegBody = Pick<z.infer<typeof legBody>, 'operation'> & {
  readonly decision?: z.infer<typeof wireDecision> | undefined;
};
type LegEntry = Pick<LogEntry, 'node' | 'kind' | 'businessDate'>;
const moneyRequest = z.object({ money: z.object({ amount: z.string(), currency: z.string() }) });

/** The leg that a log entry is, or nothing for an entry that is none. Same at the branch and at HQ. */
export function legOf(entry: LegEntry & Pick<LogEntry, 'body'>): Leg | undefined {
  return operationEntryKinds.has(entry.kind) ? legIn(entry, legBody.parse(entry.body)) : undefined;
}

/** The same of an entry whose body has been read. */
export function legIn(entry: LegEntry, { operation, decision }: LegBody): Leg | undefined {
  const facts = operationEntryKinds.get(entry.kind);
  if (!facts) return undefined;
  const money = moneyIn(operation.request) ?? moneyIn(resultOf(decision));
  return {
    branch: entry.node,
    operationId: operation.id,
    attempt: operation.attempt,
    point: facts.point,
    kind: operation.kind,
    serving: operation.serving,
    home: operation.home,
    msisdn: operation.msisdn,
    businessDate: entry.businessDate,
    operationDate: operation.businessDate,
    ...(money ? { money } : {}),
  };
}

function resultOf(decision: LegBody['decision']): unknown {
  return decision?.outcome === 'executed' ? decision.result : undefined;
}

/** What is refused may hold anything, so what is no money counts as none. */
function moneyIn(value: unknown): Money | undefined {
  const parsed = moneyRequest.safeParse(value);
  if (!parsed.success) return undefined;
  try {
    return parseMoney(parsed.data.money);
  } catch (error) {
    if (isDomainError(error, 'invalid-money')) return undefined;
    throw error;
  }
}

/** The other branch of a leg; the branch itself for an operation of its own. */
export function peerOf({ branch, serving, home }: Leg): NodeCode {
  return branch === serving ? home : serving;
}

/** Which side of the operation the leg's branch stands on. */
export function directionOf(leg: Leg): 'served' | 'executed' {
  return leg.point === 'accepted' || leg.point === 'concluded' ? 'served' : 'executed';
}

export type Limbs = readonly [number, number, number, number];

/**
 * Four 32-bit numbers of the leg's SHA-256. Added up modulo 2^32 each, they give a set of legs a fingerprint that does
 * not depend on their order.
 */
export function legFingerprint(leg: Leg): Limbs {
  const { attempt, branch, businessDate, home, kind, money } = leg;
  const { msisdn, operationDate, operationId, point, serving } = leg;
  const [amount, currency] = [money?.amount.toString(), money?.currency];
  // Named one by one: whoever counts may know more of a leg than the leg is.
  const told = { amount, attempt, branch, businessDate, currency, home, kind, msisdn };
  const text = sha256(canonicalJson({ ...told, operationDate, operationId, point, serving }));
  const limb = (index: number) => Number.parseInt(text.slice(index * 8, index * 8 + 8), 16);
  return [limb(0), limb(1), limb(2), limb(3)];
}

/** 32 hexadecimal digits. */
export function fingerprintText(limbs: readonly (number | bigint)[]): string {
  return limbs.map((limb) => limb.toString(16).padStart(8, '0')).join('');
}

const minuteMs = 60_000;

/** In which minute since 1970 an operation's id was made (UUIDv7, RFC 9562, 5.7); 0 for what is none. */
export function minuteOf(operationId: string): number {
  if (!uuidPattern.test(operationId)) return 0;
  const madeMs = Number.parseInt(operationId.slice(0, 8) + operationId.slice(9, 13), 16);
  return Math.floor(madeMs / minuteMs);
}
