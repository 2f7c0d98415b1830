import type { NodeCode } from '../ids/ids.ts';
import { isDomainError } from '../problem/problem.ts';
import type { Store } from '../store/store.ts';
import { headType, streamHead } from '../wire/peer-messages.ts';
import { chainAt, outboundStream } from './log-store.ts';
import type { Verifier } from './peers.ts';
import { knownStarts } from './recovery-store.ts';

/**
 * A peer's word that something is wrong with this node's own past counts only with a head that this node itself once
 * signed. Otherwise any peer could stop any other by a claim.
 */
export function createOwnProof(deps: { node: NodeCode; store: Store; verifier: Verifier }) {
  const { node, store, verifier } = deps;

  async function signedHead(peer: NodeCode, proof: unknown) {
    if (typeof proof !== 'string') return undefined;
    try {
      const payload = await verifier.verify(proof, { node, typ: headType });
      const head = streamHead.safeParse(payload).data;
      return head?.from === node && head.to === peer ? head : undefined;
    } catch (error) {
      if (isDomainError(error, 'peer-refused')) return undefined;
      throw error;
    }
  }

  return {
    /** The head speaks of a start or a position that this node does not know any more. */
    async ofSetBack(peer: NodeCode, proof: unknown): Promise<boolean> {
      const head = await signedHead(peer, proof);
      if (!head) return false;
      return store.read(async (tx) => {
        const isKnown = (await knownStarts(tx)).some(({ epoch }) => epoch === head.started);
        if (!isKnown) return true;
        const stream = await outboundStream(tx, peer, head.epoch);
        return head.position > Number(stream?.position ?? 0n);
      });
    },
    /** The head ends a chain that is not this node's own: it signed two histories. */
    async ofFork(peer: NodeCode, proof: unknown): Promise<boolean> {
      const head = await signedHead(peer, proof);
      if (!head) return false;
      const { epoch, position, chain } = head;
      const own = await store.read((tx) => chainAt(tx, { peer, epoch, position }));
      return own !== undefined && own !== chain;
    },
  };
}
