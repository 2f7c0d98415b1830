import { z } from 'zod';
import type { Principal } from '../../shared/access/operator.ts';
import { isPermission, type Permission } from '../../shared/access/permissions.ts';
import { actorHeader, signActor } from '../../shared/federation/actor.ts';
import type { Federation } from '../../shared/federation/federation.ts';
import type { PeerClient, Signer } from '../../shared/federation/peers.ts';
import type { Ids, NodeCode } from '../../shared/ids/ids.ts';
import {
  DomainError,
  isDomainError,
  type ProblemCode,
  problems,
} from '../../shared/problem/problem.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { nodeCode, startedHeader } from '../../shared/wire/peer-messages.ts';

const questionMaxMs = 2_000;
const maxDetailLength = 300;
const maxFieldErrors = 20;

/**
 * What a home branch lets people of other branches do with its records; their own branch allows it
 * as well.
 */
export const peerPermissions: ReadonlySet<Permission> = new Set<Permission>([
  'subscriber.read',
  'subscriber.personal',
  'subscriber.register',
  'payment.take',
]);

/** Of refusals of the question itself: no peer ends a session here, or says that this node has failed. */
const questionRefusals: ReadonlySet<number> = new Set([400, 403, 404, 409, 422]);

/** What the home branch holds against this node, and not against the question: as if it were away. */
const nodeRefusals: ReadonlySet<ProblemCode> = new Set(['peer-refused', 'stale-start', 'set-back']);

export interface HomeQuestion {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
}

const refusal = z.object({
  code: z.string().refine((text): text is ProblemCode => Object.hasOwn(problems, text)),
  detail: z.string(),
  errors: z
    .array(z.object({ field: z.string().max(100), message: z.string().max(maxDetailLength) }))
    .max(maxFieldErrors)
    .catch([]),
  movedTo: nodeCode.optional(),
});

export type HomeQuestions = ReturnType<typeof createHomeQuestions>;

/** Live questions to another home branch, in the name of the person who asks. */
export function createHomeQuestions(deps: {
  client: PeerClient;
  signer: Signer;
  clock: Clock;
  ids: Ids;
  federation: Federation;
}) {
  const { client, federation } = deps;

  async function request(home: NodeCode, principal: Principal, question: HomeQuestion) {
    const { method, path } = question;
    const body = question.body && JSON.stringify(question.body);
    const actor = {
      operator: principal.operatorId,
      name: principal.name,
      permissions: [...principal.permissions].filter((each) => peerPermissions.has(each)),
    };
    const asked = { method, path, body };
    const assertion = await signActor(deps, { to: home, actor, request: asked });
    return client.request(home, {
      method,
      path,
      headers: {
        [actorHeader]: assertion,
        [startedHeader]: federation.log.epoch(),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
      timeoutMs: questionMaxMs,
    });
  }

  /**
   * The home branch's answer, unparsed.
   * @throws DomainError what the home branch refuses with; `home-unreachable` when it does not
   * answer within 2 s, is known to be away, or has a trouble of its own.
   */
  async function ask(
    home: NodeCode,
    principal: Principal,
    question: HomeQuestion,
  ): Promise<unknown> {
    if (federation.isCutOff(home)) throw cutOff(home);
    if (!federation.liveness.isReachable(home)) throw unreachable(home);
    try {
      const response = await request(home, principal, question);
      if (response.status >= 500) throw unreachable(home);
      const answer: unknown = JSON.parse(response.body);
      if (response.status >= 400) throw refusalIn(answer) ?? unreachable(home);
      return answer;
    } catch (error) {
      if (isDomainError(error) && error.code !== 'peer-unreachable') throw error;
      throw unreachable(home, error);
    }
  }

  return { ask };
}

function unreachable(home: NodeCode, cause?: unknown): DomainError {
  const detail = `The home branch ${home} cannot be reached now: nothing was done.`;
  return new DomainError('home-unreachable', detail, { cause, members: { homeBranch: home } });
}

function cutOff(home: NodeCode): DomainError {
  const members = { homeBranch: home, cutOff: true };
  return new DomainError('home-unreachable', `The home branch ${home} was cut off.`, { members });
}

function refusalIn(answer: unknown): DomainError | undefined {
  const parsed = refusal.safeParse(answer);
  if (!parsed.success) return undefined;
  const { code, detail, errors, movedTo } = parsed.data;
  if (nodeRefusals.has(code) || !questionRefusals.has(problems[code][0])) return undefined;
  const extras = { errors, ...(movedTo ? { members: { movedTo } } : {}) };
  return new DomainError(code, detail.slice(0, maxDetailLength), extras);
}

/** The permissions that another branch asserts, as far as they exist here and are let in. */
export function admittedPermissions(asserted: readonly string[]): ReadonlySet<Permission> {
  return new Set(asserted.filter(isPermission).filter((each) => peerPermissions.has(each)));
}
