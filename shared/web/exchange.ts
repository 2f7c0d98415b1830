import { isIP } from 'node:net';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Principal } from '../access/operator.ts';
import type { Trace } from './trace.ts';

/** What the frame knows of one request while it lasts. */
export interface Exchange {
  readonly trace: Trace;
  /**
   * The pattern of the path, e.g. `/api/v1/operators/{login}`: the only form that metrics and the
   * audit trail hold.
   */
  route: string | undefined;
  principal: Principal | undefined;
  /** The address that the request came from. */
  readonly source: string;
  /** A part of a page that renews itself asks: nobody need sit before it, so it keeps no session alive. */
  isUnattended: boolean;
  /** True once the response carries the frame's headers. */
  isFramed: boolean;
}

export interface FrameEnv {
  Bindings: Partial<HttpBindings>;
  Variables: { exchange: Exchange };
}

export type FrameContext = Context<FrameEnv>;

const forwardedHeader = 'x-forwarded-for';
const mappedPrefix = '::ffff:';

/**
 * The address that a request came from. Forwarding headers can be forged: only what a proxy of our
 * own has added, the last address, is believed.
 */
export function sourceOf(c: FrameContext, proxies: ReadonlySet<string>): string {
  const nearest = nearestOf(c);
  if (nearest === undefined || !proxies.has(nearest)) return nearest ?? 'unknown';
  const forwarded = c.req.header(forwardedHeader)?.split(',').at(-1)?.trim();
  return forwarded !== undefined && isIP(forwarded) > 0 ? forwarded : nearest;
}

/** True for a request of this machine itself, which nobody forwarded. */
export function isFromHere(c: FrameContext): boolean {
  const nearest = nearestOf(c) ?? '';
  const isLoopback = nearest === '::1' || nearest.startsWith('127.');
  return isLoopback && c.req.header(forwardedHeader) === undefined;
}

function nearestOf(c: FrameContext): string | undefined {
  const address = c.env?.incoming?.socket.remoteAddress;
  return address?.startsWith(mappedPrefix) ? address.slice(mappedPrefix.length) : address;
}
