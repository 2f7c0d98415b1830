import { hash } from 'node:crypto';
import serialize from 'canonicalize';

/** Canonical JSON (RFC 8785): the one text of a value that hashes and signatures are made of. */
export function canonicalJson(value: object): string {
  const text = serialize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}

/** SHA-256 as lower-case hex. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data);
}
