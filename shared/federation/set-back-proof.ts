import type { NodeCode } from '../ids/ids.ts';
import { isDomainError } from '../problem/problem.ts';
import type { Store } from '../store/store.ts';
import { headType, streamHead } from '../wire/peer-messages.ts';
import { outboundStream } from './log-store.ts';
import type { Verifier } from './peers.ts';
import { knownStarts } from './recovery-store.ts';

/**
 * A peer's word that this node was set back counts only with a head that this node itself once signed, and that speaks
 * of a start or a position which it does not know any more. Otherwise any peer could stop any other by a claim.
 */
export function createSetBackProof(deps: { node: NodeCode; store: Store; verifier: Verifier }) {
  const { node, store, verifier } = deps;

  async function signedHead(peer: NodeCode, proof: string) {
    try {
      const payload = await verifier.verify(proof, { node, typ: headType });
      const head = streamHead.safeParse(payload).data;
      return head?.from === node && head.to === peer ? head : undefined;
    } catch (error) {
      if (isDomainError(error, 'peer-refused')) return undefined;
      throw error;
    }
  }

  return async function proves(peer: NodeCode, proof: unknown): Promise<boolean> {
    const head = typeof proof === 'string' ? await signedHead(peer, proof) : undefined;
    if (!head) return false;
    return store.read(async (tx) => {
      const isKnown = (await knownStarts(tx)).some(({ epoch }) => epoch === head.started);
      if (!isKnown) return true;
      const stream = await outboundStream(tx, peer, head.epoch);
      return head.position > Number(stream?.position ?? 0n);
    });
  };
}
