import { successorType } from '../../shared/federation/enrolment-messages.ts';
import {
  adoptNextIdentity,
  loadNextKeys,
  type NodeIdentity,
  publicKeyOf,
} from '../../shared/federation/identity.ts';
import type { Liveness } from '../../shared/federation/liveness.ts';
import type { Signer } from '../../shared/federation/peers.ts';
import { headOffice } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import { dropNextFiles, nextFolderOf } from '../../shared/store/adopted-files.ts';
import type { Store, Transaction } from '../../shared/store/store.ts';
import { type Clock, now } from '../../shared/time/clock.ts';
import { createTurns } from '../../shared/time/turns.ts';
import type { Also } from './enrolment-service.ts';
import {
  acceptKey,
  endKeys,
  forgetSuccessors,
  keyState,
  keysOfNode,
  revokeKeys,
  saveSuccessor,
  successors,
} from './node-key-store.ts';

export type HeadOfficeKeys = ReturnType<typeof createHeadOfficeKeys>;

/**
 * The succession of head office's own signing key. A release names the next one; when every branch
 * that can be reached has it, head office signs with that, and the old one ends. Who was away
 * follows the chain of statements, each signed with the key before.
 */
export function createHeadOfficeKeys(deps: {
  dir: string;
  store: Store;
  clock: Clock;
  signer: Signer;
  liveness: Pick<Liveness, 'statuses'>;
  reference: () => Reference | undefined;
  identity: () => NodeIdentity;
  /** Keys and certificate in a folder: made, renewed when due, and by the authority of today. */
  open(dir: string): Promise<NodeIdentity>;
  adopted(identity: NodeIdentity): void;
  /** Puts the keys into the next release, and asks for it. */
  onChanged(tx: Transaction): Promise<void>;
}) {
  const { dir, store, clock } = deps;
  const makeNext = () => deps.open(nextFolderOf(dir));
  const xOf = (identity: { signingKey: NodeIdentity['signingKey'] }) =>
    publicKeyOf(identity.signingKey).x;

  async function accept(tx: Transaction, key: string): Promise<void> {
    await acceptKey(tx, { node: headOffice, use: 'signing', key, at: now(clock) });
  }

  function isKnown(x: string): boolean {
    const reference = deps.reference();
    const isReleased = reference?.rows('node-keys').some(({ key }) => key === x) ?? false;
    const version = reference?.version ?? 0;
    const statuses = deps.liveness.statuses();
    return (
      isReleased && statuses.every(({ reachable, release = 0 }) => !reachable || release >= version)
    );
  }

  /** Makes the next keys, or goes on with those that are there, and lets the next release name them. */
  async function announce(also?: Also): Promise<void> {
    const next = await makeNext();
    await store.write(async (tx) => {
      await accept(tx, xOf(deps.identity()));
      await accept(tx, xOf(next));
      await deps.onChanged(tx);
      await also?.(tx);
    });
  }

  async function isAnnounced(x: string): Promise<boolean> {
    const keys = await store.read((tx) => keysOfNode(tx, headOffice));
    return keys.some(({ key }) => key === x);
  }

  async function use(x: string): Promise<void> {
    // They may have waited long: their certificate is of the authority of that day.
    await makeNext();
    const said = await store.read(successors);
    const sequence = said.length + 1;
    const signingKey = { kty: 'OKP', crv: 'Ed25519', x };
    const payload = { node: headOffice, sequence, signingKey };
    const statement = await deps.signer.sign(successorType, payload);
    await store.write((tx) => saveSuccessor(tx, { sequence, key: x, statement }));
    deps.adopted(await adoptNextIdentity(dir));
    await endOthers();
  }

  /** Nothing is signed any more with the keys before the present one. */
  async function endOthers(): Promise<void> {
    const x = xOf(deps.identity());
    await store.write(async (tx) => {
      await endKeys(tx, { node: headOffice, state: 'retired', at: now(clock), keep: [x] });
      await deps.onChanged(tx);
    });
  }

  /** It was stolen: nothing more is to be signed with it, not even what would name the next. */
  async function isRevoked(): Promise<boolean> {
    const key = xOf(deps.identity());
    return (await store.read((tx) => keyState(tx, { use: 'signing', key }))) === 'revoked';
  }

  /** The release that says so is asked for afterwards: who enrolled again believes none by a stolen key. */
  async function useInstead(): Promise<void> {
    // After a crash it may have waited long.
    await makeNext();
    deps.adopted(await adoptNextIdentity(dir));
    await store.write(deps.onChanged);
  }

  async function isLeftOver(): Promise<boolean> {
    const keys = await store.read((tx) => keysOfNode(tx, headOffice));
    const accepted = keys.filter(({ state }) => state === 'accepted').map(({ key }) => key);
    return accepted.length > 1 && accepted.includes(xOf(deps.identity()));
  }

  const steps = {
    /** @throws DomainError `operation-conflict` while a succession is under way. */
    async begin(also?: Also): Promise<void> {
      if (loadNextKeys(dir, headOffice)) {
        throw new DomainError('operation-conflict', 'A rotation of this key is under way.');
      }
      await announce(also);
    },

    /** The key is in wrong hands: nothing follows from it, every branch has to enrol again. */
    async replaceStolen(also?: Also): Promise<void> {
      dropNextFiles(dir);
      const instead = await makeNext();
      await store.write(async (tx) => {
        await accept(tx, xOf(deps.identity()));
        await revokeKeys(tx, headOffice, now(clock));
        await forgetSuccessors(tx);
        await accept(tx, xOf(instead));
        await also?.(tx);
      });
      // After a crash `settle` finds the present key revoked.
      await useInstead();
    },

    /** What a crash left untold, before anything else is published: by no stolen key. */
    async settle(): Promise<void> {
      if (loadNextKeys(dir, headOffice) && (await isRevoked())) await useInstead();
      else await store.write(deps.onChanged);
    },

    /** The certificate of the present keys, when it is due or the authorities have changed. */
    async renewCertificate(): Promise<void> {
      const { certPem, caPem } = deps.identity();
      const renewed = await deps.open(dir);
      if (renewed.certPem !== certPem || renewed.caPem !== caPem) deps.adopted(renewed);
    },

    /** One step, if its time has come; `force` waits for nobody. */
    async advance({ force }: { force: boolean } = { force: false }): Promise<void> {
      const next = loadNextKeys(dir, headOffice);
      if (next && (await isRevoked())) await useInstead();
      else if (next) {
        const { x } = publicKeyOf(next.keys.signingKey);
        // Made, and then a crash came, or a backup of the store of before.
        if (!(await isAnnounced(x))) await announce();
        if (force || isKnown(x)) await use(x);
      } else if (await isLeftOver()) await endOthers();
    },

    async state(): Promise<'none' | 'announced'> {
      return loadNextKeys(dir, headOffice) ? 'announced' : 'none';
    },

    /** For branches whose pinned key is not the present one. */
    successors: (): Promise<string[]> => store.read(successors),
  };
  // Two at once would take each other's files away, or put one pair's certificate beside another pair's keys.
  const inTurn = createTurns();
  return {
    ...steps,
    begin: (also?: Also) => inTurn(() => steps.begin(also)),
    replaceStolen: (also?: Also) => inTurn(() => steps.replaceStolen(also)),
    settle: () => inTurn(() => steps.settle()),
    renewCertificate: () => inTurn(() => steps.renewCertificate()),
    advance: (how?: { force: boolean }) => inTurn(() => steps.advance(how)),
  } satisfies typeof steps;
}
