import { Hono } from 'hono';
import { DomainError, isDomainError, problemOf } from '../problem/problem.ts';
import { startedHeader } from '../wire/peer-messages.ts';
import type { Federation } from './federation.ts';
import { callerOf, type PeerBindings } from './peer-server.ts';

export interface PeerEnv {
  Bindings: PeerBindings;
}

/** A refusal of a peer that the audit trail must show. */
export type RefusalReport = (refusal: {
  caller: string;
  path: string;
  code: string;
  detail: string;
}) => void;

const reported = new Set([
  'invalid-input',
  'peer-refused',
  'enrolment-refused',
  'locked-out',
  'clock-held',
  'unexpected-position',
  'broken-chain',
  'forked',
  'replayed',
  'stale-start',
  'set-back',
]);

/** The routes that every node has for its peers: the stream, liveness, recovery. */
export function createPeerApp(deps: { federation: Federation; refused: RefusalReport }) {
  const { federation } = deps;
  const app = new Hono<PeerEnv>();

  app.use('/peer/*', async (context, next) => {
    federation.admit(callerOf(context.env), context.req.header(startedHeader));
    await next();
  });
  app.post('/peer/v1/stream', async (context) =>
    context.json(await federation.receiveStream(callerOf(context.env), await bodyOf(context.req))),
  );
  app.post('/peer/v1/hello', async (context) =>
    context.json(await federation.receiveHello(callerOf(context.env), await bodyOf(context.req))),
  );
  app.post('/peer/v1/recovery', async (context) =>
    context.json(await federation.answerRecovery(callerOf(context.env), await bodyOf(context.req))),
  );
  app.notFound((context) => problemResponse(new DomainError('not-found'), context.req.path));
  app.onError((error, context) => {
    const { path } = context.req;
    if (!isDomainError(error)) {
      federation.alarms.raise('peer-request-failed', `${path}: ${error.message}`);
      return problemResponse(new DomainError('internal'), path);
    }
    if (reported.has(error.code)) {
      const { caller, address } = context.env;
      const from = caller === undefined ? ` From ${address}.` : '';
      const detail = `${error.message}${from}`;
      deps.refused({ caller: caller ?? 'unknown', path, code: error.code, detail });
    }
    return problemResponse(error, path);
  });
  return app;
}

async function bodyOf(request: { json(): Promise<unknown> }): Promise<unknown> {
  try {
    return await request.json();
  } catch (cause) {
    throw new DomainError('invalid-input', 'The body is not JSON.', { cause });
  }
}

function problemResponse(error: DomainError, path: string): Response {
  const problem = problemOf(error, path);
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json' },
  });
}
