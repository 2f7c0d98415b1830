import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLog } from '../../../shared/federation/log.ts';
import { chainAt } from '../../../shared/federation/log-store.ts';
import { createOwnProof } from '../../../shared/federation/own-proof.ts';
import { createSigner, createVerifier } from '../../../shared/federation/signing.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import { systemClock } from '../../../shared/time/clock.ts';
import { emptyChain } from '../../../shared/wire/chain.ts';
import { headType } from '../../../shared/wire/peer-messages.ts';
import { changeableDirectory, federationKeys } from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;
const spb = 'SPB' as NodeCode;
const nsk = 'NSK' as NodeCode;

describe("a proof that a node's own past is not what it knows", () => {
  it('is a head that it signed itself, to this peer, and that ends another chain', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sbms-proof-'));
    const { store } = await openStore({
      url: `file:${join(folder, 'store.db')}`,
      migrations: [{ room: 'federation', directory: 'shared/federation/migrations' }],
    });
    try {
      const keys = await federationKeys([msk, spb]);
      const { headOfficeKey, signingKey } = keys.identity(msk);
      const self = { node: msk, keys: () => [signingKey] };
      const directory = changeableDirectory([keys.peer(spb)]);
      const verifier = createVerifier({ directory, headOfficeKey, self });
      const { ofFork } = createOwnProof({ node: msk, store, verifier });
      const log = createLog({ node: msk, clock: systemClock, ids: systemIds });
      const opening = { to: [spb], businessDate: '2025-06-30', codeVersion: 'test' } as const;
      await store.write((tx) => log.start(tx, opening));
      const epoch = log.epoch();
      const chain = await store.read((tx) => chainAt(tx, { peer: spb, epoch, position: 1 }));
      const said = {
        ...{ from: msk, to: spb, started: epoch, previous: [], epoch, first: 1, position: 1 },
        ...{ base: emptyChain, at: '2025-06-30T09:00:00.000Z' },
      };
      const head = (by: NodeCode, changes: object) =>
        createSigner(keys.identity(by)).sign(headType, { ...said, chain, ...changes });
      const another = 'f'.repeat(64);
      expect(await ofFork(spb, await head(msk, { chain: another }))).to.equal(true);
      for (const claim of [
        await head(msk, {}),
        await head(spb, { chain: another }),
        await head(msk, { chain: another, to: nsk }),
        await head(msk, { chain: another, position: 2 }),
        'forked',
        undefined,
      ]) {
        expect(await ofFork(spb, claim), String(claim)).to.equal(false);
      }
    } finally {
      await store.close();
      await rm(folder, { recursive: true });
    }
  });
});
