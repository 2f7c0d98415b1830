import { until } from '../support/federation.ts';
import type { Clerk } from './clerk.ts';
import type { Town } from './town.ts';

const quietMaxMs = 180_000;

/**
 * Nothing is left to be told, nobody recovers, every operation is concluded, every settlement is checked, and everybody
 * has the newest release.
 */
export async function untilQuiet(town: Town): Promise<void> {
  let still = 'nothing was looked at';
  try {
    await until(
      'everything is quiet',
      async () => {
        const loud = await firstLoud(town);
        still = loud ?? still;
        return loud === undefined;
      },
      quietMaxMs,
    );
  } catch (cause) {
    throw new Error(`not quiet after ${quietMaxMs / 1_000} s: ${still}`, { cause });
  }
}

async function firstLoud({ shops, maker }: Town): Promise<string | undefined> {
  const desks = [maker, ...shops.map(({ clerk }) => clerk)];
  for (const desk of desks) {
    const { items } = await read(desk, '/api/v1/streams');
    const behind = items.find((stream: { behind: number }) => stream.behind > 0);
    if (behind) return `${desk.node.code} is ${behind.behind} behind to ${behind.peer}`;
    if ((await read(desk, '/api/v1/recovery')).recovering) return `${desk.node.code} recovers`;
  }
  const { items: releases } = await read(maker, '/api/v1/reference-releases');
  for (const { code, clerk } of shops) {
    const { items } = await read(clerk, '/api/v1/operations?state=accepted&limit=3');
    if (items.length > 0) return `${code} waits for ${items[0].kind} ${items[0].operationId}`;
    const settlements = (await read(clerk, '/api/v1/settlements?limit=200')).items;
    const open = settlements.find(({ state }: { state: string }) => state === 'received');
    if (open) return `${code} has not checked settlement ${open.id}`;
    const { version } = await read(clerk, '/api/v1/reference');
    if (version !== releases[0].version) return `${code} has release ${version}`;
  }
  return undefined;
}

async function read(desk: Clerk, path: string) {
  const { status, body } = await desk.get(path);
  if (status !== 200) throw new Error(`${desk.node.code}: GET ${path}: ${JSON.stringify(body)}`);
  return body;
}
