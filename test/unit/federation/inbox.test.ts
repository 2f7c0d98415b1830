import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createInbox } from '../../../shared/federation/inbox.ts';
import { createPeerStarts } from '../../../shared/federation/peer-starts.ts';
import { createSigner, createVerifier } from '../../../shared/federation/signing.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import { canonicalJson, sha256 } from '../../../shared/wire/canonical.ts';
import { emptyChain, nextChain } from '../../../shared/wire/chain.ts';
import { headType } from '../../../shared/wire/peer-messages.ts';
import { changeableDirectory, federationKeys, refusalBy } from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;
const spb = 'SPB' as NodeCode;
const epoch = 'e'.repeat(32);
const at = '2025-06-30T09:00:00.000Z';

describe('an inbox', () => {
  let store: Store;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sbms-inbox-'));
    ({ store } = await openStore({
      url: `file:${join(folder, 'store.db')}`,
      migrations: [{ room: 'federation', directory: 'shared/federation/migrations' }],
    }));
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const entry = (seq: number) => ({
    ...{ node: spb, epoch, seq, id: systemIds.uuid(), kind: 'something.new', to: [msk] },
    ...{ occurredAt: at, recordedAt: at, businessDate: '2025-06-30', body: {} },
  });

  it('takes no batch whose beginning is not what its sender signed before', async () => {
    const keys = await federationKeys([spb]);
    const signer = createSigner(keys.identity(spb));
    const { headOfficeKey } = keys.identity(spb);
    const directory = changeableDirectory([keys.peer(spb)]);
    const inbox = createInbox({
      ...{ node: msk, store, peerStarts: createPeerStarts(), handlers: new Map() },
      verifier: createVerifier({ directory, headOfficeKey }),
      codeVersion: 'test',
      prepare: async () => {},
      events: { forked: () => {}, setAside: () => {} },
    });
    async function batchOf(entries: ReturnType<typeof entry>[], base: string) {
      const said = { from: spb, to: msk, started: epoch, epoch, first: entries[0]?.seq ?? 0 };
      const chain = entries.map((each) => sha256(canonicalJson(each))).reduce(nextChain, base);
      const position = said.first + entries.length - 1;
      const head = { ...said, previous: [], base, position, chain, at };
      return { ...said, entries, head: await signer.sign(headType, head) };
    }
    const [first, second, third] = [entry(1), entry(2), entry(3)];
    await inbox.receive(spb, await batchOf([first], emptyChain));
    const goesOn = await inbox.receive(spb, await batchOf([first, second], emptyChain));
    expect(goesOn).to.deep.equal({ epoch, position: 2 });
    // What is known of it is the same; only the chain that it claims to continue is another.
    const lie = await batchOf([first, second, third], 'f'.repeat(64));
    expect((await refusalBy(inbox.receive(spb, lie))).code).to.equal('forked');
  });
});
