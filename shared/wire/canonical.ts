import { hash } from 'node:crypto';
import serialize from 'canonicalize';

/**
 * Canonical JSON (RFC 8785): the one text of a value that hashes and signatures are made of. What is plain JSON is put into
 * its order and written by the engine at once; the library, several times as slow, has the last word on everything else.
 */
export function canonicalJson(value: object): string {
  const ordered = inOrder(value);
  const text = ordered === unusual ? serialize(value) : JSON.stringify(ordered);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}

const unusual = Symbol('unusual');
const digits = /^\d+$/;

/** The engine puts numbers before all other names, wherever they belong. */
const isUnusual = (name: string): boolean =>
  (name < ':' && digits.test(name)) || name === '__proto__' || !name.isWellFormed();

/** The value with the names of its objects in order: itself if they are, `unusual` for what is not plain JSON. */
function inOrder(value: unknown): unknown {
  if (typeof value === 'string') return value.isWellFormed() ? value : unusual;
  if (typeof value === 'number') return Number.isFinite(value) ? value : unusual;
  if (typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'object') return unusual;
  return Array.isArray(value) ? listInOrder(value) : membersInOrder(value);
}

function listInOrder(list: readonly unknown[]): unknown {
  if ('toJSON' in list) return unusual;
  const ordered: unknown[] = [];
  let isSame = true;
  for (const item of list) {
    const own = inOrder(item);
    if (own === unusual) return unusual;
    isSame &&= own === item;
    ordered.push(own);
  }
  return isSame ? list : ordered;
}

function membersInOrder(object: object): unknown {
  const kind: unknown = Object.getPrototypeOf(object);
  if ((kind !== Object.prototype && kind !== null) || 'toJSON' in object) return unusual;
  const members = object as Readonly<Record<string, unknown>>;
  const names = Object.keys(members);
  let isSame = true;
  for (let at = 1; at < names.length && isSame; at += 1) {
    isSame = (names[at - 1] ?? '') < (names[at] ?? '');
  }
  if (!isSame) names.sort();
  const ordered: Record<string, unknown> = {};
  for (const name of names) {
    const value = members[name];
    if (value === undefined) continue;
    const own = inOrder(value);
    if (own === unusual || isUnusual(name)) return unusual;
    isSame &&= own === value;
    ordered[name] = own;
  }
  return isSame ? object : ordered;
}

/** SHA-256 as lower-case hex. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data);
}
