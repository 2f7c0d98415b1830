import { getCookie } from 'hono/cookie';
import type { Access } from '../access/access-service.ts';
import type { Audit } from '../access/audit.ts';
import { createDenialBound } from '../access/denial-bound.ts';
import type { Principal } from '../access/operator.ts';
import type { Permission } from '../access/permissions.ts';
import { DomainError, type ProblemCode } from '../problem/problem.ts';
import type { Store } from '../store/store.ts';
import type { Logger } from '../text/logger.ts';
import type { Clock } from '../time/clock.ts';
import type { FrameContext } from './exchange.ts';

/** The prefix makes browsers refuse it from anywhere but this host, and over plain HTTP. */
export const sessionCookie = '__Host-sbms_session';

/**
 * Attributes of the session cookie. SameSite=Strict is the first line against forged requests,
 * `Origin` the second.
 */
export const sessionCookieOptions = {
  path: '/',
  httpOnly: true,
  secure: true,
  sameSite: 'Strict',
} as const;

/**
 * What anybody who is signed in may do: `own-password` with a temporary password too, `own-account` before a second
 * factor is set up that he has to have, `signed-in` when neither is owed.
 */
export type SignedInEntry = 'own-password' | 'own-account' | 'signed-in';

/** Who may call: one permission, anybody who is signed in, or everybody. */
export type Entry = Permission | SignedInEntry | 'public';

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const bearerPattern = /^Bearer +([\w-]+)$/i;

/** A wrong proof of who somebody is: audited where it was looked at. */
const selfAudited: ReadonlySet<ProblemCode> = new Set([
  'wrong-credentials',
  'second-factor-required',
  'second-factor-wrong',
]);

/** Of each operator, and of all who are not signed in together; what is over it is logged. */
const maxAuditedDenialsPerMinute = 300;

/** The token of a request and how it came; the header wins over the cookie. */
export function presentedToken(
  c: FrameContext,
): { token: string; by: 'header' | 'cookie' } | undefined {
  const header = c.req.header('authorization');
  if (header !== undefined) {
    const token = bearerPattern.exec(header)?.[1];
    return token === undefined ? undefined : { token, by: 'header' };
  }
  if (c.req.header('cookie') === undefined) return undefined;
  const token = getCookie(c, sessionCookie);
  return token === undefined ? undefined : { token, by: 'cookie' };
}

/**
 * For what a browser sends by itself: the page that asks must be ours.
 * @throws DomainError `not-permitted`.
 */
export function requireSameOrigin(c: FrameContext): void {
  const site = c.req.header('sec-fetch-site');
  if (site !== undefined ? site === 'same-origin' : isOwnOrigin(c)) return;
  throw new DomainError('not-permitted', 'The request comes from another site.');
}

function isOwnOrigin(c: FrameContext): boolean {
  const origin = c.req.header('origin');
  const host = c.req.header('host') ?? new URL(c.req.url).host;
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}

interface GuardDeps {
  readonly store: Store;
  readonly access: Access;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly serverName: string;
}

export function createGuard({ store, access, audit, clock, logger, serverName }: GuardDeps) {
  const denials = createDenialBound({ clock, maxPerMinute: maxAuditedDenialsPerMinute });

  /**
   * Who is asking; nobody without a good token. @throws DomainError `not-permitted` for a forged
   * request.
   */
  async function principalOf(c: FrameContext): Promise<Principal | undefined> {
    const exchange = c.get('exchange');
    const presented = presentedToken(c);
    if (!presented) return undefined;
    const isUse = !exchange.isUnattended;
    exchange.principal ??= await access.authenticate(presented.token, { isUse });
    if (presented.by === 'cookie' && !safeMethods.has(c.req.method)) requireSameOrigin(c);
    return exchange.principal;
  }

  /** Lets in or throws. @throws DomainError `not-signed-in`, `not-permitted`. */
  async function enter(c: FrameContext, entry: Permission | SignedInEntry): Promise<Principal> {
    const principal = await principalOf(c);
    if (!principal) throw new DomainError('not-signed-in');
    if (entry === 'own-password') return principal;
    if (principal.mustChangePassword) throw new DomainError('password-temporary');
    if (entry === 'own-account') return principal;
    if (principal.mustSetUpSecondFactor) throw new DomainError('second-factor-missing');
    if (entry === 'signed-in' || principal.permissions.has(entry)) return principal;
    throw new DomainError('not-permitted', `This needs the permission ${entry}.`);
  }

  /**
   * Audits a refusal if it is a denial: 403, or 401 but of a wrong proof. An audit that fails does
   * not change the answer.
   */
  async function recordDenial(c: FrameContext, error: DomainError, status: number) {
    const { principal, route, trace, source } = c.get('exchange');
    if ((status !== 403 && status !== 401) || selfAudited.has(error.code)) return;
    const unwritten = denials.admit(principal?.operatorId ?? '-');
    if (!unwritten) {
      logger.warn({ code: error.code, route, traceId: trace.traceId }, 'a denial is only logged');
      return;
    }
    const actor = {
      id: principal?.operatorId ?? '-',
      name: principal?.name ?? 'unknown',
      node: serverName,
    };
    const subject = `${c.req.method} ${route ?? 'page'}`;
    const detail = { reason: error.code, source, ...unwritten };
    const { traceId } = trace;
    try {
      await store.write((tx) =>
        audit.record(tx, {
          ...{ actor, action: 'access.deny', subject, outcome: 'denied', detail, traceId },
        }),
      );
    } catch (err) {
      logger.error({ err, traceId }, 'a denial could not be audited');
    }
  }

  return { principalOf, enter, recordDenial };
}

export type Guard = ReturnType<typeof createGuard>;
