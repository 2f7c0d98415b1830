import { DomainError } from '../problem/problem.ts';
import type { FrameContext } from './exchange.ts';
import { memberFault } from './json-members.ts';

export const defaultMaxBodyBytes = 256 * 1024;

const jsonType = /^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i;
/** What decoding leaves where bytes were not UTF-8. */
const replacement = '\uFFFD';

/**
 * The parsed JSON of a request; undefined if there is no body and none is needed.
 * @throws DomainError `unsupported-media-type`, `body-too-large`, `invalid-input` naming `body`, or the member that
 * another reader might understand differently.
 */
export async function readJson(
  c: FrameContext,
  { maxBytes, isRequired }: { maxBytes: number; isRequired: boolean },
): Promise<unknown> {
  const isJson = jsonType.test(c.req.header('content-type') ?? '');
  if (isRequired && !isJson) throw notJson();
  const text = await readText(c, maxBytes);
  if (text === '' && !isRequired) return undefined;
  if (!isJson) throw notJson();
  // A text that truly has the sign was damaged before it came here: it is no better.
  if (text.includes(replacement)) throw notReadable();
  const fault = memberFault(text);
  if (fault) {
    const detail = `${fault.field} ${fault.message}.`;
    throw new DomainError('invalid-input', detail, { errors: [fault] });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw notReadable();
  }
}

const formType = /^application\/x-www-form-urlencoded\s*(?:;\s*charset="?utf-8"?\s*)?$/i;

/**
 * The fields of a form of a page; of a field that comes twice, the last.
 * @throws DomainError `unsupported-media-type`, `body-too-large`.
 */
export async function readForm(c: FrameContext, maxBytes: number): Promise<Record<string, string>> {
  if (!formType.test(c.req.header('content-type') ?? '')) {
    throw new DomainError('unsupported-media-type', 'Send a form.');
  }
  return Object.fromEntries(new URLSearchParams(await readText(c, maxBytes)));
}

function notReadable(): DomainError {
  return new DomainError('invalid-input', 'The body is not JSON in UTF-8.', {
    errors: [{ field: 'body', message: 'is not JSON in UTF-8' }],
  });
}

function notJson(): DomainError {
  return new DomainError('unsupported-media-type', 'Send application/json in UTF-8.');
}

async function readText(c: FrameContext, maxBytes: number): Promise<string> {
  // Nothing is unpacked here, so that no small body becomes a big one.
  if (!/^(?:identity)?$/i.test(c.req.header('content-encoding') ?? '')) {
    throw new DomainError('unsupported-media-type', 'Send the body as it is, not packed.');
  }
  const declared = c.req.header('content-length');
  if (declared === undefined) return readStream(c.req.raw.body, maxBytes);
  // HTTP/1.1 framing holds the body to its declared length, so it can be read at once.
  if (Number(declared) > maxBytes) throw tooLarge(maxBytes);
  const text = await c.req.text().catch(cutOff);
  if (text.length > maxBytes) throw tooLarge(maxBytes);
  return text;
}

async function readStream(stream: ReadableStream<Uint8Array> | null, maxBytes: number) {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of stream ?? []) {
      length += chunk.byteLength;
      // Leaving the loop cancels the stream: nothing more is read.
      if (length > maxBytes) break;
      chunks.push(chunk);
    }
  } catch (error) {
    cutOff(error);
  }
  if (length > maxBytes) throw tooLarge(maxBytes);
  return Buffer.concat(chunks, length).toString();
}

/** Nothing fails in reading but the connection: whoever sent it is gone, and that is no error of this node's. */
function cutOff(cause: unknown): never {
  throw new DomainError('invalid-input', 'The body ends before its end.', { cause });
}

function tooLarge(maxBytes: number): DomainError {
  return new DomainError('body-too-large', `The limit is ${maxBytes / 1024} KiB.`);
}
