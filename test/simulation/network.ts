import type { CertificateFacts } from '../../shared/federation/certificates.ts';
import type { createPeerClient } from '../../shared/federation/peer-client.ts';
import {
  bindingsOf,
  type createPeerServer,
  type PeerServerDeps,
} from '../../shared/federation/peer-server.ts';
import { problemText } from '../../shared/federation/peer-server-problem.ts';
import type { PeerRequest, PeerResponse } from '../../shared/federation/peers.ts';
import { refusalOf } from '../../shared/federation/revocation.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Chance } from './chance.ts';
import { quickRequest } from './quick-http.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

/** How bad the network is between two nodes now; shares of all messages, each way on its own. */
export interface Weather {
  readonly lost: number;
  readonly doubled: number;
  readonly cut: number;
  /** Answers to a recovery that are answered with an older answer to the same question. */
  readonly stale: number;
  readonly delayMaxMs: number;
  /** Now and then a message takes this long, and those after it overtake it. */
  readonly straggler: number;
  readonly stragglerMaxMs: number;
  /** Answers take up to so much longer, and at least half of it. */
  readonly answersLateMs: number;
}

export const calm: Weather = {
  ...{ lost: 0, doubled: 0, cut: 0, stale: 0, straggler: 0 },
  ...{ delayMaxMs: 20, stragglerMaxMs: 0, answersLateMs: 0 },
};

interface Member {
  /** The certificate that it shows. */
  certificate(): CertificateFacts;
  readonly isAlive: () => boolean;
  readonly server: PeerServerDeps;
}

/** How often a broken connection is noticed at once, and not by a time-out. */
const noticed = 0.97;

export type Network = ReturnType<typeof createNetwork>;

/**
 * Requests between nodes of one process, checked as mutual TLS checks them, over a network that loses, doubles, delays,
 * reorders and cuts.
 */
export function createNetwork(deps: { timeline: Timeline; chance: Chance; trace: Trace }) {
  const { timeline, chance, trace } = deps;
  const members = new Map<string, Member>();
  const walls = new Set<string>();
  const oldAnswers = new Map<string, PeerResponse>();
  /** Who waits for an answer of a node's process. */
  const waiting = new Map<string, Set<() => void>>();
  /** Who waits for nothing, until its time is out. */
  const hanging = new Set<() => void>();
  let weather: Weather = calm;
  let sent = 0;

  const isOpen = (from: string, to: string) =>
    !walls.has(`${from}>${to}`) && !walls.has(from) && !walls.has(to);

  function delayMs(): number {
    if (chance.happens(weather.straggler)) return chance.between(1, weather.stragglerMaxMs);
    return chance.between(1, weather.delayMaxMs);
  }

  function latenessMs(): number {
    const { answersLateMs: most } = weather;
    return chance.between(most / 2, most);
  }

  /** One message one way: after a while, never, or twice. */
  function carry(from: string, to: string, arrive: () => void, fail: () => void): void {
    const lost = !isOpen(from, to) || chance.happens(weather.lost);
    const times = chance.happens(weather.doubled) ? 2 : 1;
    for (let time = 0; time < times; time += 1) {
      const wait = delayMs();
      timeline.after(wait, () => {
        if (lost || !isOpen(from, to)) fail();
        else arrive();
      });
    }
  }

  async function serve(from: string, to: string, request: PeerRequest): Promise<PeerResponse> {
    const member = members.get(to);
    const caller = members.get(from);
    if (!member?.isAlive() || !caller) throw new Error('nobody listens');
    const { server } = member;
    const facts = caller.certificate();
    const reason = refusalOf(facts, server.directory.peer(facts.code), server.clock.nowMs());
    if (reason !== undefined) {
      server.onRefused({ reason, claimed: facts.code, address: from });
      const detail = `This server refuses the certificate: ${reason}.`;
      const { status, body } = problemText(new DomainError('peer-refused', detail));
      return { status, headers: {}, body };
    }
    const isCut = request.body !== undefined && chance.happens(weather.cut);
    const body = isCut ? request.body?.slice(0, request.body.length / 2) : request.body;
    const asked = quickRequest(`https://${to}.sbms.internal${request.path}`, {
      method: request.method,
      headers: { 'content-type': 'application/json', ...request.headers },
      body,
    });
    const env = { ...bindingsOf(facts), address: from };
    const response = await server.fetch(asked, env);
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    };
  }

  function staleOrNew(key: string, response: PeerResponse): PeerResponse {
    if (!key.endsWith('/recovery') || response.status !== 200) return response;
    const old = oldAnswers.get(key);
    oldAnswers.set(key, response);
    return old && chance.happens(weather.stale) ? old : response;
  }

  return {
    sent: () => sent,
    setWeather(next: Weather): void {
      weather = next;
    },
    /** A node that nobody reaches and that reaches nobody, or one direction between two: `MSK>SPB`. */
    wall: (what: string) => void walls.add(what),
    open: (what: string) => void walls.delete(what),
    calmDown(): void {
      weather = calm;
      walls.clear();
      for (const fail of hanging) fail();
      hanging.clear();
    },
    /** A process ended: its connections break. */
    ended(code: string): void {
      const broken = waiting.get(code) ?? [];
      waiting.delete(code);
      for (const tell of broken) timeline.after(delayMs(), tell);
    },

    join(code: string, certificate: () => CertificateFacts, isAlive: () => boolean) {
      const listen = (server: PeerServerDeps): ReturnType<typeof createPeerServer> => ({
        async listen() {
          if (isAlive()) members.set(code, { certificate, isAlive, server });
          return { port: 0 };
        },
        reload: () => {},
        recheck: () => {},
        close: async () => void members.delete(code),
      });
      const connect = ({
        directory,
        clock,
      }: Parameters<typeof createPeerClient>[0]): ReturnType<typeof createPeerClient> => ({
        request: (to, request) =>
          isAlive() ? ask({ from: code, to, request, directory, clock, isAlive }) : never(),
        reload: () => {},
        close: async () => {},
      });
      return { listen, connect };
    },
  };

  function ask(asked: {
    from: string;
    to: NodeCode;
    request: PeerRequest;
    directory: Parameters<typeof createPeerClient>[0]['directory'];
    clock: Parameters<typeof createPeerClient>[0]['clock'];
    isAlive: () => boolean;
  }): Promise<PeerResponse> {
    const { from, to, request, isAlive } = asked;
    return new Promise((resolve, reject) => {
      const fail = (why: string) =>
        reject(
          new DomainError('peer-unreachable', `${to} did not answer: ${why}`, {
            members: { peer: to },
          }),
        );
      const peer = asked.directory.peer(to);
      if (!peer?.active) return fail('not in the directory');
      const cancel = asked.clock.after(request.timeoutMs, () => fail('too late'));
      sent += 1;
      const tell = () => {
        cancel();
        if (isAlive()) fail('broken');
      };
      // A time-out of the system's tells it later.
      const broken = () => {
        if (chance.happens(noticed)) tell();
        else hanging.add(tell);
      };
      const deliver = () => {
        const server = members.get(to);
        const facts = server?.isAlive() ? server.certificate() : undefined;
        if (!facts || refusalOf(facts, peer, asked.clock.nowMs())) return broken();
        const ofServer = waiting.get(to) ?? new Set();
        waiting.set(to, ofServer.add(broken));
        serve(from, to, request).then(
          (response) => {
            ofServer.delete(broken);
            const { path } = request;
            trace.note(to, `answers ${from} ${path.split('?', 1)[0]} ${response.status}`);
            const answer = staleOrNew(`${from}>${to}${path}`, response);
            const arrive = () => {
              if (!isAlive()) return;
              cancel();
              resolve(answer);
            };
            if (chance.happens(weather.cut)) broken();
            else if (weather.answersLateMs === 0) carry(to, from, arrive, broken);
            else timeline.after(latenessMs(), () => carry(to, from, arrive, broken));
          },
          () => {
            ofServer.delete(broken);
            broken();
          },
        );
      };
      carry(from, to, deliver, broken);
    });
  }
}

const never = () => new Promise<never>(() => {});
