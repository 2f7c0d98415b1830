import { until } from '../support/federation.ts';
import type { Clerk } from './clerk.ts';

/** A change of keys that people ask for, and that goes on by itself. */
export interface KeyChange {
  /** What is there now, to be told from what there will be. */
  begun(): Promise<string>;
  ask(): Promise<unknown>;
  /** Nothing, as long as it is under way; then what is there. */
  ended(): Promise<string | undefined>;
}

const changedMaxMs = 240_000;
const lookPauseMs = 500;
const keysPath = '/api/v1/keys';
const authorityPath = '/api/v1/authority';

/** Asks for it until it has been done. */
export async function untilChanged(change: KeyChange): Promise<void> {
  const before = await change.begun();
  const look = async () => {
    const now = await change.ended();
    if (now === before) await change.ask();
    return now !== undefined && now !== before;
  };
  await until('the keys are changed', look, changedMaxMs, lookPauseMs);
}

/** New keys of a branch. */
export function rotationAt(clerk: Clerk): KeyChange {
  const keys = async () => (await clerk.get(keysPath)).body;
  return {
    begun: async () => (await keys()).signingKey,
    ask: () => clerk.ask({ path: `${keysPath}/rotation`, body: {} }),
    async ended() {
      const { rotation, signingKey } = await keys();
      return rotation === 'none' ? signingKey : undefined;
    },
  };
}

const authorityAt = (clerk: Clerk) => async () => (await clerk.get(authorityPath)).body;

/** A new signing key of head office. */
export function successionAt(clerk: Clerk): KeyChange {
  const look = authorityAt(clerk);
  return {
    begun: async () => (await look()).signingKey,
    ask: () => clerk.ask({ path: '/api/v1/head-office-key/rotation', body: {} }),
    async ended() {
      const { rotation, signingKey } = await look();
      return rotation === 'none' ? signingKey : undefined;
    },
  };
}

const issuingOf = ({ authorities }: { authorities: { sha256: string; state: string }[] }) =>
  authorities.find(({ state }) => state === 'issuing')?.sha256 ?? '';

/** A new authority, and everybody has a certificate of it. Only one before it may be believed. */
export function newAuthorityAt(clerk: Clerk): KeyChange {
  const look = authorityAt(clerk);
  return {
    begun: async () => issuingOf(await look()),
    ask: () => clerk.ask({ path: `${authorityPath}/roll`, body: {} }),
    async ended() {
      const found = await look();
      return found.waitingFor.length === 0 ? issuingOf(found) : undefined;
    },
  };
}

/** The authority before it is believed no more. */
export function endOfAuthorityAt(clerk: Clerk): KeyChange {
  const look = authorityAt(clerk);
  return {
    begun: async () => 'two',
    ask: () => clerk.ask({ path: `${authorityPath}/retirement`, body: {} }),
    ended: async () => ((await look()).authorities.length > 1 ? 'two' : 'one'),
  };
}
