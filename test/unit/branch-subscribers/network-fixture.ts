import type { PeerBindings } from '../../../shared/federation/peer-server.ts';
import type { PeerClient } from '../../../shared/federation/peers.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { DomainError } from '../../../shared/problem/problem.ts';

type Fetch = (request: Request, env: PeerBindings) => Response | Promise<Response>;

/** Requests between nodes of one process; a node that is cut off answers nobody and asks nobody. */
export function createNetwork() {
  const nodes = new Map<NodeCode, Fetch>();
  const cut = new Set<NodeCode>();
  const asked: string[] = [];
  return {
    cut,
    asked,
    join: (code: NodeCode, fetch: Fetch) => void nodes.set(code, fetch),
    leave: (code: NodeCode) => void nodes.delete(code),
    clientOf(from: NodeCode): PeerClient {
      return {
        async request(to, { method, path, headers = {}, body }) {
          const fetch = nodes.get(to);
          if (!fetch || cut.has(to) || cut.has(from)) throw new DomainError('peer-unreachable');
          if (!path.endsWith('/hello')) asked.push(`${from} ${method} ${to}${path}`);
          const request = new Request(`https://${to}.test${path}`, {
            ...{ method, headers },
            ...(body === undefined ? {} : { body }),
          });
          const response = await fetch(request, { caller: from, address: 'test' });
          return {
            status: response.status,
            headers: Object.fromEntries(response.headers),
            body: await response.text(),
          };
        },
      };
    },
  };
}

export type Network = ReturnType<typeof createNetwork>;
