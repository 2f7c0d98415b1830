/**
 * Requests and responses without streams: what the routes of the product use of them, and nothing else. A simulated
 * message is a text that is there.
 */

interface QuickInit {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export function quickRequest(url: string, { method, headers, body = '' }: QuickInit): Request {
  const made: Pick<Request, 'url' | 'method' | 'headers' | 'text' | 'json'> = {
    url,
    method,
    // With a declared length no route reads the body as a stream.
    headers: new Headers({ ...headers, 'content-length': String(Buffer.byteLength(body)) }),
    text: async () => body,
    json: async () => JSON.parse(body),
  };
  return made as Request;
}

/** Answers of the routes are texts too. */
class QuickResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly #text: string;

  constructor(
    body?: string | null,
    init: { status?: number; headers?: Record<string, string> } = {},
  ) {
    this.#text = body ?? '';
    this.status = init.status ?? 200;
    this.headers = new Headers(init.headers);
  }

  get ok(): boolean {
    return this.status < 300;
  }

  get body(): string {
    return this.#text;
  }

  async text(): Promise<string> {
    return this.#text;
  }

  async json(): Promise<unknown> {
    return JSON.parse(this.#text);
  }
}

export function installQuickHttp(): void {
  Object.assign(globalThis, { Response: QuickResponse });
}
