import { maskDigits } from '../ids/ids.ts';

// Hex runs come first so that digits inside a UUID, a hash or a trace id are left alone.
const runsPattern = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,}|\d{10,}/g;
const digitsPattern = /^\d{10,31}$/;

/**
 * Masks every run of ten or more digits: MSISDNs, IMSIs, ICCIDs, card numbers. UUIDs and hashes
 * stay.
 */
export function maskText(text: string): string {
  return text.replace(runsPattern, (run) => (digitsPattern.test(run) ? maskDigits(run) : run));
}

const secretPattern =
  /^(?:.*[-_])?(?:password|passwd|secret|token|authorization|cookie|pin|puk|private-?key)$/i;
const camelSecretPattern = /(?:Password|Secret|Token|PrivateKey)$/;
const redacted = '[redacted]';
const maxDepth = 12;

/** True for names that hold what nobody may read later: passwords, tokens, keys. */
export function isSecretName(name: string): boolean {
  return secretPattern.test(name) || camelSecretPattern.test(name);
}

function walk(value: unknown, leaf: (value: unknown) => unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return leaf(value);
  if (depth >= maxDepth) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => walk(item, leaf, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      String(leaf(name)),
      isSecretName(name) ? redacted : walk(member, leaf, depth + 1),
    ]),
  );
}

/** A copy of a JSON value without secrets, by the names of its members. */
export function redactSecrets(value: object): object {
  return Object(walk(value, (leaf) => leaf, 0));
}

function maskLeaf(value: unknown): unknown {
  if (typeof value === 'string') return maskText(value);
  // A fraction is a measurement, never an identifier.
  if (typeof value !== 'number' || !Number.isInteger(value)) return value;
  const text = String(value);
  const masked = maskText(text);
  return masked === text ? value : masked;
}

/**
 * A copy of a JSON value without secrets and with identifiers masked, whether written as strings or
 * as numbers.
 */
export function maskJson(value: unknown): unknown {
  return walk(value, maskLeaf, 0);
}
