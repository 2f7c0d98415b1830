import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { DomainError, isDomainError } from '../problem/problem.ts';

export const maxBodyBytes = 8 * 1024 * 1024;
export const maxInflatedBytes = 32 * 1024 * 1024;
/** Who has shown no certificate sends an enrolment request and nothing bigger. */
export const maxAnonymousBodyBytes = 64 * 1024;

const inflate = promisify(gunzip);

/**
 * The whole body, inflated. What it may weigh is bounded on the wire and after inflation; how
 * long it may take is bounded by the server's `requestTimeout`.
 * @throws DomainError `body-too-large`, `unsupported-media-type`, `invalid-input`.
 */
export async function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const encoding = incoming.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'gzip' && encoding !== 'identity') {
    throw new DomainError('unsupported-media-type', 'A body is plain or gzip.');
  }
  const wire = await collect(incoming, maxBytes);
  return encoding === 'gzip' ? inflateBounded(wire) : wire;
}

// By events, not by iteration: breaking off an iterator would destroy the socket under the answer.
function collect(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        chunks.length = 0;
        reject(tooLarge(maxBytes));
      } else chunks.push(chunk);
    });
    incoming.on('end', () => resolve(Buffer.concat(chunks)));
    incoming.on('error', reject);
    incoming.on('close', () => reject(new DomainError('invalid-input', 'The body broke off.')));
  });
}

async function inflateBounded(wire: Buffer): Promise<Buffer> {
  try {
    return await inflate(wire, { maxOutputLength: maxInflatedBytes });
  } catch (cause) {
    if (isDomainError(cause)) throw cause;
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxInflatedBytes);
    throw new DomainError('invalid-input', 'The gzip body is broken.', { cause });
  }
}

function tooLarge(maxBytes: number): DomainError {
  return new DomainError('body-too-large', `A request has at most ${maxBytes} bytes here.`);
}
