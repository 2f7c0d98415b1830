import {
  type Authorities,
  certificateFingerprint,
  parseCertificate,
} from '../../shared/federation/certificates.ts';
import type { Liveness } from '../../shared/federation/liveness.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { RowOf } from '../../shared/reference/datasets.ts';
import type { Store, Transaction } from '../../shared/store/store.ts';
import { type Instant, instantOf } from '../../shared/time/clock.ts';
import { createTurns } from '../../shared/time/turns.ts';
import { type AuthorityFiles, retireAuthorities, rollAuthority } from './authority.ts';
import type { Also, Enrolment } from './enrolment-service.ts';

export interface AuthorityView {
  readonly sha256: string;
  readonly state: 'issuing' | 'trusted';
  readonly notAfter: Instant;
}

export type AuthorityService = ReturnType<typeof createAuthorityService>;

/**
 * The federation's authority and its succession. While two are believed, every certificate is
 * renewed under the new one; then the old one ends.
 */
export function createAuthorityService(deps: {
  files: AuthorityFiles;
  held: Authorities;
  store: Store;
  enrolment: () => Pick<Enrolment, 'branches' | 'certificates'>;
  liveness: Pick<Liveness, 'statuses'>;
  /** The version of the release in force; 0 for none. */
  release: () => number;
  followed(held: Authorities): void;
  /** Head office's own certificate follows the authorities. */
  renewIdentity(): Promise<void>;
  /** Puts these rows into the next release, and asks for it. */
  onChanged(tx: Transaction, rows: RowOf<'authorities'>[]): Promise<void>;
}) {
  const { files, store } = deps;
  let held = deps.held;

  /** None before the first succession: enrolment says whom to believe. */
  function rows(): RowOf<'authorities'>[] {
    const { certPem, formerPems } = held;
    if (formerPems === undefined) return [];
    const row = (pem: string, state: 'issuing' | 'trusted') => ({
      ...{ sha256: certificateFingerprint(pem), certPem: pem, state },
    });
    return [row(certPem, 'issuing'), ...formerPems.map((pem) => row(pem, 'trusted'))];
  }

  /** The files come first: what a crash cuts off is told at the next start. */
  async function take(next: Authorities, also?: Also): Promise<void> {
    held = next;
    deps.followed(next);
    await deps.renewIdentity();
    await store.write(async (tx) => {
      await deps.onChanged(tx, rows());
      await also?.(tx);
    });
  }

  /** Active branches that have no certificate of the issuing authority, or not the newest release. */
  async function waitingFor(): Promise<NodeCode[]> {
    const issuing = certificateFingerprint(held.certPem);
    const statuses = new Map(deps.liveness.statuses().map((each) => [each.peer, each]));
    const waiting: NodeCode[] = [];
    for (const { code, active } of await deps.enrolment().branches()) {
      if (!active) continue;
      const certificates = await deps.enrolment().certificates(code);
      const newest = certificates.find(({ revokedAt }) => revokedAt === null);
      const isBehind = (statuses.get(code)?.release ?? 0) < deps.release();
      if (newest?.authoritySha256 !== issuing || isBehind) waiting.push(code);
    }
    return waiting;
  }

  const steps = {
    held: () => held,
    /** What a crash left untold. */
    async settle(tx: Transaction): Promise<void> {
      await deps.onChanged(tx, rows());
    },
    async status(): Promise<{ authorities: AuthorityView[]; waitingFor: NodeCode[] }> {
      const view = (pem: string, state: AuthorityView['state']) => ({
        sha256: certificateFingerprint(pem),
        state,
        notAfter: instantOf(Date.parse(parseCertificate(pem).validTo)),
      });
      const formers = (held.formerPems ?? []).map((pem) => view(pem, 'trusted'));
      const isUnderWay = formers.length > 0;
      return {
        authorities: [view(held.certPem, 'issuing'), ...formers],
        waitingFor: isUnderWay ? await waitingFor() : [],
      };
    },
    /**
     * A new authority issues all certificates from now on; the old one stays believed, and vouches
     * for it to whoever was away. Of a stolen one neither holds: every branch enrols again.
     * @throws DomainError `operation-conflict` while an earlier one is still believed.
     */
    async roll({ stolen }: { stolen: boolean }, also?: Also): Promise<void> {
      if (!stolen && (held.formerPems ?? []).length > 0) {
        throw new DomainError(
          'operation-conflict',
          'The authority before this one is not retired.',
        );
      }
      await take(await rollAuthority(files, held, { stolen }), also);
    },
    /** @throws DomainError `operation-conflict` naming the branches that are not ready, unless forced. */
    async retire({ force }: { force: boolean }, also?: Also): Promise<void> {
      if ((held.formerPems ?? []).length === 0) {
        throw new DomainError('operation-conflict', 'There is only one authority.');
      }
      const waiting = await waitingFor();
      if (waiting.length > 0 && !force) {
        const detail = `Without the new certificate or release: ${waiting.join(', ')}.`;
        throw new DomainError('operation-conflict', detail, { members: { waitingFor: waiting } });
      }
      await take(await retireAuthorities(files), also);
    },
  };
  // Two at once would take each other's files away.
  const inTurn = createTurns();
  return {
    ...steps,
    roll: (how: { stolen: boolean }, also?: Also) => inTurn(() => steps.roll(how, also)),
    retire: (how: { force: boolean }, also?: Also) => inTurn(() => steps.retire(how, also)),
  } satisfies typeof steps;
}
