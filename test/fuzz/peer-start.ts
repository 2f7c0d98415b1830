import { randomBytes } from 'node:crypto';
import type { NodeIdentity } from '../../shared/federation/identity.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import { headOffice, systemIds } from '../../shared/ids/ids.ts';
import { instantOf, systemClock } from '../../shared/time/clock.ts';
import { canonicalJson, sha256 } from '../../shared/wire/canonical.ts';
import { emptyChain, nextChain } from '../../shared/wire/chain.ts';
import { headType } from '../../shared/wire/peer-messages.ts';

// biome-ignore lint/suspicious/noExplicitAny: a fuzzer puts anything anywhere
type Anything = any;

export type PeerStart = ReturnType<typeof createPeerStart>;

/** A start of a node whose keys are held, towards one receiver: well signed, in order, whatever it says. */
export function createPeerStart(options: {
  readonly identity: NodeIdentity;
  readonly to: string;
  readonly previous: readonly string[];
}) {
  const { identity, to, previous } = options;
  const { code } = identity;
  const signer = createSigner(identity);
  const started = randomBytes(16).toString('hex');
  let chain = emptyChain;
  let position = 0;

  function entry(kind: string, body: unknown, index: number): Anything {
    const at = instantOf(systemClock.nowMs());
    return {
      ...{ node: code, epoch: started, seq: position + index + 1, id: systemIds.uuid(), kind },
      ...{ to: [...new Set([to, headOffice])], occurredAt: at, recordedAt: at },
      ...{ businessDate: at.slice(0, 10), body },
    };
  }

  const chainOf = (entries: readonly Anything[]): string =>
    entries.map((each) => sha256(canonicalJson(each))).reduce(nextChain, chain);

  return {
    code,
    started,
    signer,
    entry,
    async batch(entries: readonly Anything[], changes: object = {}): Promise<Anything> {
      const first = position + 1;
      const said = { from: code, to, started, epoch: started, first };
      const head = {
        ...{ ...said, previous: [...previous], base: chain },
        ...{ position: position + entries.length, chain: chainOf(entries) },
        at: instantOf(systemClock.nowMs()),
        ...changes,
      };
      return { ...said, entries, head: await signer.sign(headType, head) };
    },
    /** The receiver has these. */
    took(entries: readonly Anything[]): void {
      chain = chainOf(entries);
      position += entries.length;
    },
    position: () => position,
  };
}
