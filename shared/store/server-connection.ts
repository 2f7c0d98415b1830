import { openWs } from '@libsql/hrana-client';
import type { Clock } from '../time/clock.ts';
import { storeUnavailable } from './driver.ts';

const requestTimeMaxMs = 5_000;
const protocolVersion = 3;
/** SQLite's `PRAGMA synchronous`: from this level on a commit is answered from the disk. */
const synchronousFull = 2n;

export interface StoreServer {
  readonly url: string;
  readonly authToken: string | undefined;
  /** The server's own administration, where it can be told to answer from its disk. */
  readonly adminUrl: string | undefined;
  readonly clock: Clock;
}

export type ServerConnection = Awaited<ReturnType<typeof dialServer>>;

/**
 * A connection to the server. Servers start with commits that a power cut undoes, and forget at
 * each start what they were told about it: it is asked at every connection.
 * @throws Error for a server that is not there, or does not answer from its disk.
 */
export async function connectToServer(server: StoreServer): Promise<ServerConnection> {
  const connection = await dialServer(server);
  if (await answersFromDisk(connection, server.clock)) return connection;
  connection.client.close();
  const { adminUrl } = server;
  if (adminUrl !== undefined) {
    await tellToAnswerFromDisk(adminUrl);
    const again = await dialServer(server);
    if (await answersFromDisk(again, server.clock)) return again;
    again.client.close();
  }
  throw storeUnavailable(
    'The store server answers before its disk has what was written: its durability_mode must be strong (STORE_ADMIN_URL lets the node say so).',
  );
}

/** A request over HTTP costs many times as much as the statement in it. */
export const webSocketOf = (url: string): string => url.replace(/^http/, 'ws');

/**
 * What is sent over it is carried out in its order, whether or not the answers are waited for.
 * `@libsql/client` is made of the same streams and hides them: it waits for the answer to each
 * transaction's beginning and end, and tells no condition of one statement to the next.
 */
export async function dialServer({
  url,
  authToken,
  clock,
}: Pick<StoreServer, 'url' | 'authToken' | 'clock'>) {
  const client = openWs(webSocketOf(url), authToken, protocolVersion);
  client.intMode = 'bigint';
  try {
    await inTime(clock, client.getVersion());
  } catch (error) {
    client.close();
    throw error;
  }
  return { client, stream: client.openStream() };
}

async function answersFromDisk({ client, stream }: ServerConnection, clock: Clock) {
  try {
    const { value } = await inTime(clock, stream.queryValue('PRAGMA synchronous'));
    return typeof value === 'bigint' && value >= synchronousFull;
  } catch (error) {
    client.close();
    throw error;
  }
}

async function tellToAnswerFromDisk(adminUrl: string): Promise<void> {
  const config = `${adminUrl.replace(/\/+$/, '')}/v1/namespaces/default/config`;
  const signal = AbortSignal.timeout(requestTimeMaxMs);
  const present: unknown = await (await fetch(config, { signal })).json();
  // What is left out of it would be set back.
  const body = JSON.stringify(Object.assign({}, present, { durability_mode: 'strong' }));
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(config, { method: 'POST', headers, body, signal });
  if (!answer.ok) throw new Error(`the store server's administration answered ${answer.status}`);
}

/** @throws Error when the server has not answered in time. */
export async function inTime<T>(
  clock: Clock,
  work: Promise<T>,
  maxMs = requestTimeMaxMs,
): Promise<T> {
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(maxMs, () => reject(new Error('no answer in time')));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}
