import type { Ids } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Reader, Store, Transaction } from '../store/store.ts';
import type { Clock } from '../time/clock.ts';
import { sha256 } from '../wire/canonical.ts';
import type { Audit } from './audit.ts';
import type { Principal } from './operator.ts';
import {
  countRecoveryCodes,
  deleteSecondFactor,
  findSecondFactor,
  saveSecondFactor,
  takeRecoveryCode,
  updateLastStep,
} from './second-factor-store.ts';
import type { SignIn } from './sign-in.ts';
import { base32, fromBase32, matchingStep, otpauthAddress, totpDigits } from './totp.ts';

const secretBytes = 20;
const recoveryCodes = 8;
const recoveryCodeBytes = 16;
/** How long a secret waits for the code that proves that somebody has it, and how many wait. */
const offerMs = 10 * 60_000;
const maxOffers = 1_000;

/** Of an operator's own page or program. */
export interface OwnRequest {
  readonly principal: Principal;
  /** Of the session that asks: the only one that goes on. */
  readonly token: string;
  readonly source: string;
  readonly traceId?: string | undefined;
}

/** Who changes his second factor says once more who he is. */
export interface OwnChange extends OwnRequest {
  readonly current: string;
  readonly code?: string | undefined;
}

export interface SecondFactorOffer {
  /** Base32; shown now and never again. */
  readonly secret: string;
  readonly address: string;
}

export interface OwnSecondFactor {
  /** How many recovery codes are left; undefined without a second factor. */
  recoveryCodesLeft(tx: Reader, operatorId: string): Promise<number | undefined>;
  /** Counts for nothing until `confirmSecondFactor`. @throws DomainError as `signIn` does. */
  offerSecondFactor(change: OwnChange): Promise<SecondFactorOffer>;
  /**
   * Ends the operator's other sessions. @returns codes for when the authenticator is lost.
   * @throws DomainError `second-factor-wrong`.
   */
  confirmSecondFactor(request: OwnRequest & { code: string }): Promise<readonly string[]>;
  /** Ends the operator's other sessions. @throws DomainError as `signIn` does. */
  removeSecondFactor(change: OwnChange): Promise<void>;
}

interface OwnSecondFactorDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: Audit;
  readonly serverName: string;
  readonly signIn: SignIn;
  readonly endOthersOf: (tx: Transaction, operatorId: string, token: string) => Promise<void>;
}

/** What an operator does with his own second factor; secrets that nobody confirmed are in memory. */
export function createOwnSecondFactor(deps: OwnSecondFactorDeps): OwnSecondFactor {
  const { store, clock, ids, audit, serverName, signIn, endOthersOf } = deps;
  const offers = new Map<string, { secret: string; untilMs: number }>();

  async function changed(tx: Transaction, request: OwnRequest, action: string) {
    const { principal, token, traceId } = request;
    const { operatorId: id, name, login: subject } = principal;
    await endOthersOf(tx, id, token);
    const actor = { id, name, node: serverName };
    await audit.record(tx, { actor, action, subject, outcome: 'done', traceId });
  }

  function proveAgain<T>(change: OwnChange, action: string, open: (tx: Transaction) => Promise<T>) {
    const { principal, current: password, code, source, traceId } = change;
    return signIn({ login: principal.login, password, code, source, traceId, action }, open);
  }

  return {
    async recoveryCodesLeft(tx, operatorId) {
      if (!(await findSecondFactor(tx, operatorId))) return undefined;
      return countRecoveryCodes(tx, operatorId);
    },

    async offerSecondFactor(change) {
      const { login, operatorId } = change.principal;
      await proveAgain(change, 'second-factor.offer', async () => undefined);
      const secret = base32(Buffer.from(ids.secret(secretBytes), 'base64url'));
      offers.delete(operatorId);
      for (const oldest of offers.keys()) {
        if (offers.size < maxOffers) break;
        offers.delete(oldest);
      }
      offers.set(operatorId, { secret, untilMs: clock.nowMs() + offerMs });
      return { secret, address: otpauthAddress({ issuer: `SBMS ${serverName}`, login, secret }) };
    },

    async confirmSecondFactor({ code, ...request }) {
      const { operatorId } = request.principal;
      const nowMs = clock.nowMs();
      const offer = offers.get(operatorId);
      const secret = offer && offer.untilMs > nowMs ? offer.secret : undefined;
      const wish = { code: normalCode(code), nowMs, lastStep: -1 };
      const lastStep = secret === undefined ? undefined : matchingStep(fromBase32(secret), wish);
      if (secret === undefined || lastStep === undefined) {
        throw new DomainError('second-factor-wrong');
      }
      const codes = Array.from({ length: recoveryCodes }, () =>
        base32(Buffer.from(ids.secret(recoveryCodeBytes), 'base64url')),
      );
      const recoverySha256 = codes.map((each) => sha256(each));
      await store.write(async (tx) => {
        await saveSecondFactor(tx, { operatorId, secret, lastStep, recoverySha256 });
        await changed(tx, request, 'second-factor.set-up');
      });
      offers.delete(operatorId);
      return codes.map((each) => each.replaceAll(/(.{5})(?!$)/g, '$1-'));
    },

    async removeSecondFactor(change) {
      const action = 'second-factor.remove';
      await proveAgain(change, action, async (tx) => {
        await deleteSecondFactor(tx, change.principal.operatorId);
        await changed(tx, change, action);
      });
    },
  };
}

export type CodeCheck = 'none' | 'right' | 'recovery' | 'missing' | 'wrong';

/** Whether a code proves an operator's second factor; one that does is used up. */
export async function checkCode(
  tx: Transaction,
  wish: { operatorId: string; code: string | undefined; nowMs: number },
): Promise<CodeCheck> {
  const { operatorId, nowMs } = wish;
  const factor = await findSecondFactor(tx, operatorId);
  if (!factor) return 'none';
  const code = normalCode(wish.code ?? '');
  if (code === '') return 'missing';
  if (code.length !== totpDigits) {
    const isTaken = await takeRecoveryCode(tx, { operatorId, sha256: sha256(code) });
    return isTaken ? 'recovery' : 'wrong';
  }
  const { secret, lastStep } = factor;
  const step = matchingStep(fromBase32(secret), { code, nowMs, lastStep });
  if (step === undefined) return 'wrong';
  await updateLastStep(tx, operatorId, step);
  return 'right';
}

/** As people type it: in groups, in small letters. */
function normalCode(text: string): string {
  return text.replaceAll(/[\s-]/g, '').toUpperCase();
}
