/** Failed sign-ins are counted for 15 minutes from the first. */
export const lockoutMs = 15 * 60_000;

/** What one count is of; an empty text stands for every login, or every place. */
export interface Gate {
  readonly name: 'place' | 'login' | 'source' | 'all';
  readonly loginSha256: string;
  readonly place: string;
  readonly max: number;
}

/**
 * Who has signed in from a place before has a count of his own there, so nobody can lock him out
 * from elsewhere. Strangers, whoever they are, share what is let through of one login, from one
 * place, and in all: guessing over many logins from many addresses ends there too, and so does the
 * work of hashing for it.
 */
export function gatesOf(
  { loginSha256, place }: { loginSha256: string; place: string },
  isKnownPlace: boolean,
): readonly Gate[] {
  if (isKnownPlace) return [{ name: 'place', loginSha256, place, max: 5 }];
  return [
    { name: 'login', loginSha256, place: '', max: 5 },
    { name: 'source', loginSha256: '', place, max: 50 },
    { name: 'all', loginSha256: '', place: '', max: 500 },
  ];
}

export interface Tries {
  readonly count: number;
  readonly sinceMs: number;
}

export type NextTry = { readonly lockedForMs: number } | { readonly tries: Tries };

/**
 * A try is counted before its password is looked at, so that a burst of guesses cannot all pass the
 * same count; a try while the gate is shut does not prolong that.
 */
export function nextTry(before: Tries | undefined, max: number, nowMs: number): NextTry {
  // A clock that was set back must not keep a gate shut for longer than its time.
  const isOpen = before && nowMs >= before.sinceMs && nowMs < before.sinceMs + lockoutMs;
  if (!isOpen) return { tries: { count: 1, sinceMs: nowMs } };
  const { count, sinceMs } = before;
  if (count >= max) return { lockedForMs: sinceMs + lockoutMs - nowMs };
  return { tries: { count: count + 1, sinceMs } };
}

const networkGroups = 4;
const mappedPattern = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

/** An address as far as it tells one caller from another: of IPv6 the network, its first 64 bits. */
export function placeOf(address: string): string {
  const mapped = mappedPattern.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.toLowerCase().split('%', 1)[0]?.split('::') ?? [];
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return `${[...before, ...zeros, ...after].slice(0, networkGroups).join(':')}::`;
}
