import type { z } from 'zod';
import type { NodeCode } from '../ids/ids.ts';
import { DomainError, isDomainError } from '../problem/problem.ts';
import { stateSentences } from '../text/state-sentences.ts';
import type { PeerResponse } from './peers.ts';

/**
 * The answer to a question, as it has to be. What is no such answer counts as none: a peer that talks nonsense holds
 * up what is asked of it, and nothing else.
 * @throws DomainError `peer-unreachable`
 */
export function answerIn<Schema extends z.ZodType>(
  schema: Schema,
  response: PeerResponse,
  peer: NodeCode,
): z.output<Schema> {
  if (response.status !== 200 && response.status !== 201) {
    throw new DomainError(
      'peer-unreachable',
      stateSentences.say('answeredStatus', { peer, status: String(response.status) }),
    );
  }
  const parsed = schema.safeParse(jsonIn(response.body));
  if (parsed.success) return parsed.data;
  throw new DomainError('peer-unreachable', stateSentences.say('answeredOther', { peer }));
}

/** For what is asked again later: a peer that is silent, or talks nonsense, is no fault of this node. */
export function passOverSilence(error: unknown): void {
  if (!isDomainError(error, 'peer-unreachable')) throw error;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
