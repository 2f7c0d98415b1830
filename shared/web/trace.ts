import type { Ids } from '../ids/ids.ts';

/** A W3C trace context: https://www.w3.org/TR/trace-context/ */
export interface Trace {
  /** 32 hex digits, the same on every node that works for one request. */
  readonly traceId: string;
  /** The header for calls made on behalf of this request, and for its answer. */
  readonly traceparent: string;
}

const traceparentPattern = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;
const traceIdBytes = 16;
const spanIdBytes = 8;

const freshHexLength = 2 * (traceIdBytes + spanIdBytes);
/** Randomness is asked for in bulk: asking costs more than the bytes. */
const tracesPerRefill = 64;

/** Goes on with the caller's trace, or starts one if its header is absent or malformed. */
export function createTracer(ids: Ids): (header: string | undefined) => Trace {
  let pool = '';
  let at = 0;
  function fresh(): string {
    if (at + freshHexLength > pool.length) {
      pool = ids.hex(tracesPerRefill * (traceIdBytes + spanIdBytes));
      at = 0;
    }
    at += freshHexLength;
    return pool.slice(at - freshHexLength, at);
  }
  return (header) => {
    const [, caller, flags] = (header && traceparentPattern.exec(header)) || [];
    const made = fresh();
    const spanId = made.slice(2 * traceIdBytes);
    const traceId = caller ?? made.slice(0, 2 * traceIdBytes);
    return { traceId, traceparent: `00-${traceId}-${spanId}-${flags ?? '01'}` };
  };
}
