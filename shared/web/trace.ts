import type { Ids } from '../ids/ids.ts';

/** A W3C trace context: https://www.w3.org/TR/trace-context/ */
export interface Trace {
  /** 32 hex digits, the same on every node that works for one request. */
  readonly traceId: string;
  /** The header for calls made on behalf of this request, and for its answer. */
  readonly traceparent: string;
}

const traceparentPattern =
  /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;
const traceIdBytes = 16;
const spanIdBytes = 8;

/** Goes on with the caller's trace, or starts one if its header is absent or malformed. */
export function traceOf(header: string | undefined, ids: Ids): Trace {
  const [, caller, flags] = (header && traceparentPattern.exec(header)) || [];
  if (caller && flags) {
    const traceparent = `00-${caller}-${ids.hex(spanIdBytes)}-${flags}`;
    return { traceId: caller, traceparent };
  }
  const fresh = ids.hex(traceIdBytes + spanIdBytes);
  const traceId = fresh.slice(0, 2 * traceIdBytes);
  return { traceId, traceparent: `00-${traceId}-${fresh.slice(2 * traceIdBytes)}-01` };
}
