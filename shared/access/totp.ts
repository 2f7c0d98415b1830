import { createHmac, timingSafeEqual } from 'node:crypto';

/** Time-based one-time passwords (RFC 6238) with what every authenticator has: SHA-1, 30 s, 6 digits. */
export const totpDigits = 6;
const stepMs = 30_000;
/** Accepted before and after the present step: for clocks that differ, and for slow fingers. */
const stepsEitherWay = 1;

export function stepOf(ms: number): number {
  return Math.floor(ms / stepMs);
}

/** HOTP (RFC 4226, 5.3) of a step. */
export function totpCode(secret: Uint8Array, step: number, digits = totpDigits): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = mac.readUInt8(mac.length - 1) & 0xf;
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}

/** The step that a code is of, if that is near `nowMs` and later than the last one used. */
export function matchingStep(
  secret: Uint8Array,
  { code, nowMs, lastStep }: { code: string; nowMs: number; lastStep: number },
): number | undefined {
  const typed = Buffer.from(code);
  const present = stepOf(nowMs);
  const first = Math.max(present - stepsEitherWay, lastStep + 1, 0);
  for (let step = first; step <= present + stepsEitherWay; step += 1) {
    const right = Buffer.from(totpCode(secret, step));
    if (right.length === typed.length && timingSafeEqual(right, typed)) return step;
  }
  return undefined;
}

/** What authenticators read, from a picture or by hand. */
export function otpauthAddress(wish: { issuer: string; login: string; secret: string }): string {
  const { issuer, login, secret } = wish;
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(login)}`;
  const named = `secret=${secret}&issuer=${encodeURIComponent(issuer)}`;
  const form = `algorithm=SHA1&digits=${totpDigits}&period=${stepMs / 1000}`;
  return `otpauth://totp/${label}?${named}&${form}`;
}

const base32Letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648 without padding. */
export function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => base32Letters[parseInt(group.padEnd(5, '0'), 2)]).join('');
}

export function fromBase32(text: string): Uint8Array {
  const bits = [...text].map((letter) =>
    base32Letters.indexOf(letter).toString(2).padStart(5, '0'),
  );
  const bytes = bits.join('').match(/.{8}/g) ?? [];
  return Uint8Array.from(bytes, (byte) => parseInt(byte, 2));
}
