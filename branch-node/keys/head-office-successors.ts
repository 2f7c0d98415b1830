import type { JWK } from 'jose';
import {
  successorStatement,
  successorsAnswer,
  successorType,
} from '../../shared/federation/enrolment-messages.ts';
import { answerIn } from '../../shared/federation/peer-answer.ts';
import type { PeerClient } from '../../shared/federation/peers.ts';
import { verifyByKey } from '../../shared/federation/signing.ts';
import { headOffice } from '../../shared/ids/ids.ts';
import { DomainError, isDomainError } from '../../shared/problem/problem.ts';

const requestMaxMs = 5_000;

/**
 * From the pinned key, by what each key signed of its successor, to the one of today.
 * @throws DomainError `peer-refused` when head office does not hear this node; `peer-unreachable`.
 */
export async function followSuccessors(deps: {
  client: PeerClient;
  headOfficeKey: JWK;
}): Promise<JWK> {
  const path = '/peer/v1/head-office-keys';
  const request = { method: 'GET', path, timeoutMs: requestMaxMs } as const;
  const response = await deps.client.request(headOffice, request);
  if (response.status === 403) throw new DomainError('peer-refused');
  if (response.status !== 200) return deps.headOfficeKey;
  const { items } = answerIn(successorsAnswer, response, headOffice);
  let key = deps.headOfficeKey;
  for (const statement of items) key = (await successorOf(key, statement)) ?? key;
  return key;
}

/** Undefined for a statement of another key: of one before the pinned one, or of a forger. */
async function successorOf(key: JWK, statement: string): Promise<JWK | undefined> {
  try {
    const payload = await verifyByKey(statement, { key, typ: successorType });
    return successorStatement.safeParse(payload).data?.signingKey;
  } catch (error) {
    if (isDomainError(error, 'peer-refused')) return undefined;
    throw error;
  }
}
