import { answerIn } from '../../shared/federation/peer-answer.ts';
import type { PeerClient } from '../../shared/federation/peers.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { PairPosition } from '../../shared/settlement/netting.ts';
import { startedHeader } from '../../shared/wire/peer-messages.ts';
import {
  maxObligationsPerPage,
  obligationPage,
  type WireObligation,
} from '../../shared/wire/settlement-messages.ts';
import { isSound } from './lost-terms.ts';
import { isSamePair } from './pair-positions.ts';

const requestTimeoutMs = 30_000;
const maxPages = 100_000;

/** What a branch last answered to this start of head office: that it has the operations, or that it has nothing. */
export type Said = 'found' | 'unchecked';

/** What branches answer when they are asked with which operations a lost settlement was. */
export function createLostAnswers(deps: { client: PeerClient; epoch: () => string }) {
  const { client, epoch } = deps;
  const heard = new Map<string, Map<NodeCode, Said>>();

  /** All that a branch has found in its positions; undefined if it has not checked the settlement. */
  async function namedBy(
    told: NodeCode,
    { id, positions }: { id: string; positions: readonly PairPosition[] },
  ): Promise<WireObligation[] | undefined> {
    const count = positions.reduce((sum, position) => sum + position.count, 0);
    const items = new Map<string, WireObligation>();
    const isChecked = await askFor({ id, branch: told }, (page) => {
      for (const item of page) {
        const pair = { branch: told, peer: item.peer };
        if (!positions.some((position) => isSamePair(pair, position))) continue;
        items.set(`${item.operationId}/${item.attempt}`, item);
      }
      if (items.size > count) throw tooMuch(told);
    });
    return isChecked ? [...items.values()] : undefined;
  }

  /** @returns false if it has not checked the settlement, and takes nothing more of what it had been sent. */
  async function askFor(
    { id, branch }: { id: string; branch: NodeCode },
    take: (items: readonly WireObligation[]) => void,
  ): Promise<boolean> {
    let after = '';
    for (let page = 0; page < maxPages; page += 1) {
      const query = new URLSearchParams({ limit: String(maxObligationsPerPage) });
      if (after !== '') query.set('after', after);
      const response = await client.request(branch, {
        method: 'GET',
        path: `/peer/v1/settlements/${encodeURIComponent(id)}/obligations?${query}`,
        headers: { [startedHeader]: epoch() },
        timeoutMs: requestTimeoutMs,
      });
      const { items, next, unchecked } = answerIn(obligationPage, response, branch);
      const said = heard.get(id) ?? new Map<NodeCode, Said>();
      heard.set(id, said.set(branch, unchecked ? 'unchecked' : 'found'));
      if (unchecked) return false;
      if (!items.every((item) => isSound(item, branch))) {
        throw new DomainError(
          'peer-unreachable',
          `${branch} answers with sums that do not add up.`,
        );
      }
      take(items);
      if (next === null) return true;
      after = next;
    }
    throw tooMuch(branch);
  }

  return {
    namedBy,
    saidOf: (id: string): ReadonlyMap<NodeCode, Said> => heard.get(id) ?? new Map(),
    forget: (id: string) => void heard.delete(id),
  };
}

const tooMuch = (branch: NodeCode) =>
  new DomainError('peer-unreachable', `${branch} answers with more than was settled.`);
