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
  isTokenPresented: boolean;
  /** True once the response carries the frame's headers. */
  isFramed: boolean;
}

export interface FrameEnv {
  Bindings: Partial<HttpBindings>;
  Variables: { exchange: Exchange };
}

export type FrameContext = Context<FrameEnv>;

/**
 * The address that the request came from; behind a proxy, the proxy's: forwarding headers can be
 * forged.
 */
export function sourceOf(c: FrameContext): string {
  return c.env?.incoming?.socket.remoteAddress ?? 'unknown';
}
