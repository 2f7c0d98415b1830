import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createInbox } from '../../../shared/federation/inbox.ts';
import { createPeerStarts } from '../../../shared/federation/peer-starts.ts';
import { createRecoveryAnswers } from '../../../shared/federation/recovery-answers.ts';
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
/** Half of what is taken as an answer, and more than that in all. */
const answerBytesMax = 16 * 1024 * 1024;
/** Of two bytes each. */
const entryLetters = 512 * 1024;
const entriesLost = 18;
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

  const entry = (seq: number, body = {}, kind = 'something.new') => ({
    ...{ node: spb, epoch, seq, id: systemIds.uuid(), kind, to: [msk] },
    ...{ occurredAt: at, recordedAt: at, businessDate: '2025-06-30', body },
  });

  /** MSK's inbox, and what SPB signs for it. */
  async function openInbox(hasTold: () => boolean = () => true) {
    const keys = await federationKeys([msk, spb]);
    const signer = createSigner(keys.identity(spb));
    const { headOfficeKey } = keys.identity(spb);
    const directory = changeableDirectory([keys.peer(spb)]);
    const inbox = createInbox({
      ...{ node: msk, store, peerStarts: createPeerStarts(), handlers: new Map() },
      verifier: createVerifier({ directory, headOfficeKey }),
      codeVersion: 'test',
      ...{ prepare: async () => {}, hasTold },
      events: { forked: () => {}, early: () => {}, setAside: () => {} },
    });
    async function batchOf(entries: ReturnType<typeof entry>[], base: string) {
      const said = { from: spb, to: msk, started: epoch, epoch, first: entries[0]?.seq ?? 0 };
      const chain = entries.map((each) => sha256(canonicalJson(each))).reduce(nextChain, base);
      const position = said.first + entries.length - 1;
      const head = { ...said, previous: [], base, position, chain, at };
      return { ...said, chain, entries, head: await signer.sign(headType, head) };
    }
    return { inbox, batchOf, own: createSigner(keys.identity(msk)) };
  }

  it('takes no batch whose beginning is not what its sender signed before', async () => {
    const { inbox, batchOf } = await openInbox();
    const [first, second, third] = [entry(1), entry(2), entry(3)];
    const send = async (entries: ReturnType<typeof entry>[], base: string) => {
      const { chain: _, ...batch } = await batchOf(entries, base);
      return inbox.receive(spb, batch);
    };
    await send([first], emptyChain);
    const goesOn = await send([first, second], emptyChain);
    expect(goesOn).to.deep.equal({ epoch, position: 2 });
    // What is known of it is the same; only the chain that it claims to continue is another.
    const lie = send([first, second, third], 'f'.repeat(64));
    expect((await refusalBy(lie)).code).to.equal('forked');
  });

  it('takes of a peer that has yet to tell what it holds of this node nothing but its start', async () => {
    let hasTold = false;
    const { inbox, batchOf } = await openInbox(() => hasTold);
    const [opening, fact] = [entry(1, {}, 'node.started'), entry(2)];
    const { chain: __, ...both } = await batchOf([opening, fact], emptyChain);
    expect(await inbox.receive(spb, both)).to.deep.equal({ epoch, position: 0 });
    const { chain, ...start } = await batchOf([opening], emptyChain);
    expect(await inbox.receive(spb, start)).to.deep.equal({ epoch, position: 1 });
    const { chain: _, ...rest } = await batchOf([fact], chain);
    expect(await inbox.receive(spb, rest)).to.deep.equal({ epoch, position: 1 });
    hasTold = true;
    expect(await inbox.receive(spb, rest)).to.deep.equal({ epoch, position: 2 });
  });

  it('gives back what it holds in pages that the other can take', async () => {
    const { inbox, batchOf, own } = await openInbox();
    let base = emptyChain;
    for (let seq = 1; seq <= entriesLost; seq += 1) {
      const { chain, ...batch } = await batchOf(
        [entry(seq, { text: 'я'.repeat(entryLetters) })],
        base,
      );
      await inbox.receive(spb, batch);
      base = chain;
    }
    const { answer } = createRecoveryAnswers({ store, signer: own });
    const question = { node: spb, nonce: 'n'.repeat(32), started: epoch, known: [], received: [] };
    let after: object | undefined;
    let given = 0;
    do {
      const page = await answer(spb, { ...question, ...(after ? { after } : {}) });
      expect(Buffer.byteLength(JSON.stringify(page))).to.be.lessThan(answerBytesMax);
      const { batches, next } = JSON.parse(page.answer);
      given += batches.length;
      after = next ?? undefined;
    } while (after);
    expect(given).to.equal(entriesLost);
  });
});
