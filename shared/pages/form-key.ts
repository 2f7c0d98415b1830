import type { Ids } from '../ids/ids.ts';
import { type DomainError, isDomainError } from '../problem/problem.ts';
import type { View } from './view.ts';

/**
 * Under which key a form is sent that is shown again: under its own, so that one wish is done once; under a new one if
 * that has done something else already, or nothing more could be sent.
 */
export function keyAgain(view: View, ids: Ids, error: DomainError | undefined): string {
  if (isDomainError(error, 'idempotency-key-reused')) return ids.uuid();
  return view.form.key ?? ids.uuid();
}
