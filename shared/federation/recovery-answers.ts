import { decodeJwt } from 'jose';
import type { NodeCode } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import type { Reader, Store } from '../store/store.ts';
import { sha256 } from '../wire/canonical.ts';
import {
  logEntry,
  type RecoveryAnswer,
  type RecoveryRequest,
  recoveryRequest,
  recoveryType,
  streamHead,
} from '../wire/peer-messages.ts';
import { peerStarts } from './inbox-store.ts';
import type { Signer } from './peers.ts';
import {
  firstPositionBeyond,
  headsFrom,
  heldEntries,
  heldStreams,
  rewindStreams,
} from './recovery-store.ts';

const maxBatchesPerPage = 64;
const maxEntriesPerPage = 4_000;
/** With one batch more, and as a text in a text, still far below what a peer takes as an answer. */
const maxBytesPerPage = 8 * 1024 * 1024;

/**
 * Answers a peer that was set back: everything that this node holds of it beyond what it still knows, each batch with
 * the head by which the peer itself once signed it. The answer is signed and bound to the asking start's nonce.
 */
export function createRecoveryAnswers(deps: { store: Store; signer: Signer }) {
  const { store, signer } = deps;

  async function answer(caller: NodeCode, message: unknown) {
    const parsed = recoveryRequest.safeParse(message);
    if (!parsed.success || parsed.data.node !== caller) {
      throw new DomainError('peer-refused', 'The recovery request is not well formed.');
    }
    const request = parsed.data;
    if (request.after === undefined) await tellAgain(request);
    const page = await store.read((tx) => collect(tx, request));
    const text = JSON.stringify(page);
    return { answer: text, signature: await signer.sign(recoveryType, { sha256: sha256(text) }) };
  }

  /** Both ways: what the peer forgot of this node's streams is sent again when it is ready to take it. */
  async function tellAgain({ node, received }: RecoveryRequest): Promise<void> {
    const positions = new Map(received.map(({ epoch, position }) => [epoch, position]));
    await store.write((tx) => rewindStreams(tx, node, positions));
  }

  async function collect(tx: Reader, request: RecoveryRequest): Promise<RecoveryAnswer> {
    const peer = request.node;
    const held = await heldStreams(tx, peer);
    const known = new Map(request.known.map(({ epoch, seq }) => [epoch, seq]));
    const batches: RecoveryAnswer['batches'] = [];
    let next: RecoveryAnswer['next'] = null;
    let entries = 0;
    let bytes = 0;
    for (const { epoch, seq, position: end } of held) {
      const knownSeq = known.get(epoch) ?? 0;
      if (epoch < (request.after?.epoch ?? '') || Number(seq) <= knownSeq) continue;
      const place = { peer, epoch, seq: knownSeq, last: Number(end) };
      const after = request.after?.epoch === epoch ? request.after.position : 0;
      const position = Math.max(await firstPositionBeyond(tx, place), after + 1);
      const limit = maxBatchesPerPage - batches.length + 1;
      for (const { position: last, head } of await headsFrom(tx, {
        peer,
        epoch,
        position,
        limit,
      })) {
        if (next) break;
        const first = streamHead.parse(decodeJwt(head)).first;
        const texts = await heldEntries(tx, { peer, epoch, first, last });
        batches.push({ head, entries: texts.map((text) => logEntry.parse(JSON.parse(text))) });
        entries += texts.length;
        bytes += texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
        const isFull =
          batches.length >= maxBatchesPerPage ||
          entries >= maxEntriesPerPage ||
          bytes >= maxBytesPerPage;
        if (isFull) next = { epoch, position: last };
      }
      if (next) break;
    }
    return {
      node: signer.node,
      for: peer,
      nonce: request.nonce,
      starts: await peerStarts(tx, peer),
      held: held.map(({ epoch, position }) => ({ epoch, position: Number(position) })),
      batches,
      next,
    };
  }

  return { answer };
}
