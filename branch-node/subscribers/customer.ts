import type { NodeCode } from '../../shared/ids/ids.ts';

/** Personal data: shown with the permission `subscriber.personal` only. */
export interface CustomerData {
  readonly name: string;
  readonly document: { readonly type: string; readonly number: string };
  readonly birthDate?: string | undefined;
  readonly address?: string | undefined;
  readonly contact?: string | undefined;
}

export interface Customer {
  readonly id: string;
  readonly number: bigint;
  /** Absent when a set-back lost it: a person has to enter it again. */
  readonly data?: CustomerData;
}

export const incompleteName = '(to be entered again)';

/** How a name is searched: in lower case, ё as е, one space between words, no quotation marks. */
export function nameKey(name: string): string {
  return name
    .normalize('NFC')
    .toLowerCase()
    .replaceAll('ё', 'е')
    .replaceAll(/["'«»„“”]/g, '')
    .trim()
    .replaceAll(/\s+/g, ' ');
}

/** How a document's number is searched: in capitals, without what only separates. */
export function documentKey(number: string): string {
  return number.toUpperCase().replaceAll(/[\s№-]/g, '');
}

/**
 * `Иванов Иван Петрович` → `И•••• И.`: enough to recognise, not enough to learn; no length is told.
 */
export function maskName(name: string): string {
  const [first = '', second = ''] = name
    .trim()
    .split(/\s+/)
    .map((word) => [...word.replaceAll(/["'«»„“”]/g, '')][0]?.toUpperCase() ?? '');
  return second === '' ? `${first}••••` : `${first}•••• ${second}.`;
}

/** `MSK-104`: what a person reads out. */
export function customerNumber(node: NodeCode, number: bigint): string {
  return `${node}-${number}`;
}
