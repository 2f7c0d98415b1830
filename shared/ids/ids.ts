import { randomBytes, randomFillSync, randomInt } from 'node:crypto';
import { v7 } from 'uuid';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** 2–8 capitals; the centre is `HQ`. */
export type NodeCode = Branded<'NodeCode'>;
/** E.164 digits without `+`. */
export type Msisdn = Branded<'Msisdn'>;
/** 14–15 digits. */
export type Imsi = Branded<'Imsi'>;
/** 19–20 digits, the last one a Luhn check digit. */
export type Iccid = Branded<'Iccid'>;
/** UUIDv7. */
export type OperationId = Branded<'OperationId'>;

export const headOffice = 'HQ' as NodeCode;

export const nodeCodePattern = /^[A-Z]{2,8}$/;
export const msisdnPattern = /^[1-9]\d{9,14}$/;
export const imsiPattern = /^\d{14,15}$/;
export const iccidPattern = /^\d{19,20}$/;
export const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Luhn's check (ISO/IEC 7812-1, annex B; ITU-T E.118 for ICCIDs). */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 48;
    const doubled = digit * 2;
    sum += index % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** The digit that makes `digits` + it pass Luhn's check. */
export function luhnDigit(digits: string): string {
  for (let digit = 0; digit < 10; digit += 1) {
    if (passesLuhn(digits + digit)) return String(digit);
  }
  return '0';
}

export function isIccid(text: string): text is Iccid {
  return iccidPattern.test(text) && passesLuhn(text);
}

/** Where new names come from; the simulation seeds its own. */
export interface Ids {
  /** A UUIDv7. */
  uuid(): string;
  /** `byteLength` random bytes as base64url: tokens, nonces. */
  secret(byteLength: number): string;
  /** `byteLength` random bytes as hex: epochs. */
  hex(byteLength: number): string;
  /** From 0 up to, not including, 1: jitter. */
  fraction(): number;
}

const pool = new Uint8Array(4_096);
const uuidBytes = 16;
const seqMax = 0xffff_ffff;
let drawn = pool.length;
let lastMs = 0;
let lastSeq = 0;

/** Random bytes for one UUID, none of them twice: one draw of many costs hardly more than a draw of few. */
function drawUuidBytes(): Uint8Array {
  if (drawn === pool.length) {
    randomFillSync(pool);
    drawn = 0;
  }
  drawn += uuidBytes;
  return pool.subarray(drawn - uuidBytes, drawn);
}

/** Within this process each sorts after the one before, whatever the clock does (RFC 9562, 6.2, method 1). */
function uuidV7(): string {
  const random = drawUuidBytes();
  const ms = Date.now();
  if (ms > lastMs) {
    lastMs = ms;
    // Half of the counter is left to count in.
    lastSeq = new DataView(random.buffer, random.byteOffset).getUint32(0) >>> 1;
  } else if (lastSeq === seqMax) {
    lastMs += 1;
    lastSeq = 0;
  } else {
    lastSeq += 1;
  }
  return v7({ random, msecs: lastMs, seq: lastSeq });
}

export const systemIds: Ids = {
  uuid: uuidV7,
  secret: (byteLength) => randomBytes(byteLength).toString('base64url'),
  hex: (byteLength) => randomBytes(byteLength).toString('hex'),
  fraction: () => randomInt(0x1_0000_0000) / 0x1_0000_0000,
};

/** `79161234567` → `7916•••4567`: what logs and problem documents may show. */
export function maskDigits(digits: string): string {
  if (digits.length < 9) return '•'.repeat(digits.length);
  return digits.slice(0, 4) + '•'.repeat(digits.length - 8) + digits.slice(-4);
}
