import { z } from 'zod';
import type { Ids, NodeCode } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Clock } from '../time/clock.ts';
import { sha256 } from '../wire/canonical.ts';
import type { Signer, Verifier } from './peers.ts';

export const actorHeader = 'Sbms-Actor';

const actorType = 'sbms-actor+jws';
const lifeSeconds = 60;
/** How far two nodes' clocks may differ before an assertion is refused. */
const skewSeconds = 30;
const maxPermissions = 200;

/** The person at another branch on whose behalf a request is made. */
export interface Actor {
  readonly branch: NodeCode;
  /** The operator's id at that branch. */
  readonly operator: string;
  readonly name: string;
  /** What that branch says the operator may do; the home branch applies its own policy on top. */
  readonly permissions: readonly string[];
}

/** The request that an assertion is good for; `path` with its query, `body` as text before gzip. */
export interface ActorRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: string | undefined;
}

const assertion = z.strictObject({
  iss: z.string(),
  aud: z.string(),
  sub: z.string().min(1).max(200),
  name: z.string().max(200),
  permissions: z.array(z.string().max(100)).max(maxPermissions),
  jti: z.string().min(1).max(100),
  iat: z.int().positive(),
  exp: z.int().positive(),
  request: z.string(),
});

/** The value of `Sbms-Actor` for one request to `to`; good for a minute, once. */
export function signActor(
  deps: { signer: Signer; clock: Clock; ids: Ids },
  options: { to: NodeCode; actor: Omit<Actor, 'branch'>; request: ActorRequest },
): Promise<string> {
  const iat = Math.floor(deps.clock.nowMs() / 1000);
  const { operator, name, permissions } = options.actor;
  return deps.signer.sign(actorType, {
    iss: deps.signer.node,
    aud: options.to,
    sub: operator,
    name,
    permissions: [...permissions],
    jti: deps.ids.uuid(),
    iat,
    exp: iat + lifeSeconds,
    request: requestHash(options.request),
  } satisfies z.infer<typeof assertion>);
}

export interface ActorVerifierDeps {
  readonly verifier: Verifier;
  readonly clock: Clock;
  readonly self: NodeCode;
  /**
   * Remembers `jti` (unique per caller) until `expiresAtMs`.
   * @returns false when it was seen before.
   */
  readonly rememberJti: (jti: string, expiresAtMs: number) => boolean | Promise<boolean>;
}

/**
 * Who asks. `caller` is the node that TLS proved; the assertion must be its own, for this node,
 * for exactly this request, fresh, and new.
 * @throws DomainError `peer-refused`; `clock-held` when the two clocks are too far apart; `replayed` when it was used
 * before.
 */
export async function verifyActor(
  deps: ActorVerifierDeps,
  jws: string,
  expected: { caller: NodeCode; request: ActorRequest },
): Promise<Actor> {
  const { caller } = expected;
  const payload = await deps.verifier.verify(jws, { node: caller, typ: actorType });
  const parsed = assertion.safeParse(payload);
  if (!parsed.success) throw refused('is not well formed');
  const claims = parsed.data;
  if (claims.iss !== caller) throw refused('was issued by another node');
  if (claims.aud !== deps.self) throw refused('is meant for another node');
  if (claims.request !== requestHash(expected.request)) throw refused('is for another request');
  const nowSeconds = deps.clock.nowMs() / 1000;
  if (claims.exp - claims.iat > lifeSeconds) throw refused('lives too long');
  if (claims.iat - skewSeconds > nowSeconds) throw untimely('comes from the future');
  if (claims.exp + skewSeconds < nowSeconds) throw untimely('has expired');
  // Kept past the last moment at which it would still be believed.
  const forgetAtMs = (claims.exp + skewSeconds + 1) * 1000;
  if (!(await deps.rememberJti(`${caller}/${claims.jti}`, forgetAtMs))) {
    throw new DomainError('replayed', 'The actor assertion was used before.');
  }
  const { sub: operator, name, permissions } = claims;
  return { branch: caller, operator, name, permissions };
}

function refused(what: string): DomainError {
  return new DomainError('peer-refused', `The actor assertion ${what}.`);
}

/** It is the peer, with a clock that one of the two has wrong: the asker goes on as if nobody had answered. */
function untimely(what: string): DomainError {
  return new DomainError('clock-held', `The actor assertion ${what}: the two clocks differ.`);
}

// Neither a method nor a path can hold a line feed, so no two requests share a text.
function requestHash({ method, path, body }: ActorRequest): string {
  return sha256(`${method}\n${path}\n${body ?? ''}`);
}
