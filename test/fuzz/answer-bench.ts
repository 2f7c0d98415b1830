import { certificateFacts } from '../../shared/federation/certificates.ts';
import { createPeerClient } from '../../shared/federation/peer-client.ts';
import type { PeerClient, PeerRequest, PeerResponse } from '../../shared/federation/peers.ts';
import type { NodePorts } from '../../shared/node/node-ports.ts';
import { DomainError } from '../../shared/problem/problem.ts';

/** Which question is answered by somebody else than the peer, and how. */
export interface Forgery {
  readonly asking: string;
  readonly peer: string;
  readonly path: string;
  answer(request: PeerRequest): PeerResponse | Promise<PeerResponse>;
}

export type AnswerBench = ReturnType<typeof createAnswerBench>;

/** Stands between nodes and those whom they ask, and puts other answers into their mouths. */
export function createAnswerBench() {
  let forgery: Forgery | undefined;
  let told = 0;

  async function request(
    asking: string,
    client: PeerClient,
    [to, asked]: Parameters<PeerClient['request']>,
  ): Promise<PeerResponse> {
    const isMeant = forgery?.asking === asking && asked.path.startsWith(forgery.path);
    if (!forgery || !isMeant) return client.request(to, asked);
    if (to !== forgery.peer) throw new DomainError('peer-unreachable');
    told += 1;
    return forgery.answer(asked);
  }

  return {
    ports: {
      createPeerClient(deps) {
        const client = createPeerClient(deps);
        const { code } = certificateFacts(deps.identity().certPem);
        return { ...client, request: (...asked) => request(code, client, asked) };
      },
    } satisfies Partial<NodePorts>,

    /** How many forged answers `work` got. */
    async forging(made: Forgery, work: () => Promise<unknown>): Promise<number> {
      const before = told;
      forgery = made;
      try {
        await work();
      } finally {
        forgery = undefined;
      }
      return told - before;
    },
    told: () => told,
  };
}
