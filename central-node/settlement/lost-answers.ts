import { answerIn, passOverSilence } from '../../shared/federation/peer-answer.ts';
import type { PeerClient } from '../../shared/federation/peers.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
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
/** All that a position is made of, in minor units: kept sums hold no more than some times that. */
const maxTotal = 10n ** 18n;

/** What branches answer when they are asked with which operations a lost settlement was. */
export function createLostAnswers(deps: { client: PeerClient; epoch: () => string }) {
  const { client, epoch } = deps;

  /**
   * All that a branch has found in a position.
   * @returns `unchecked` if it has not checked the settlement, and takes nothing more of what it had been sent; `wrong` if
   * what it says cannot have been settled; `silent` if it refuses to say, or talks nonsense.
   * @throws DomainError `peer-unreachable` if it does not answer.
   */
  async function namedBy(
    told: NodeCode,
    { id, position }: { id: string; position: PairPosition },
  ): Promise<WireObligation[] | 'unchecked' | 'wrong' | 'silent'> {
    const items = new Map<string, WireObligation>();
    let total = 0n;
    let after = '';
    const peer = told === position.branch ? position.peer : position.branch;
    for (let page = 0; page < maxPages; page += 1) {
      const found = await pageOf(told, { id, peer, after });
      if (!found) return 'silent';
      if (found.unchecked) return 'unchecked';
      for (const item of found.items) {
        if (!isSound(item, told)) return 'wrong';
        if (!isSamePair({ branch: told, peer: item.peer }, position)) continue;
        items.set(`${item.operationId}/${item.attempt}`, item);
        total += item.gross + item.fee;
      }
      if (items.size > position.count || total > maxTotal) return 'wrong';
      if (found.next === null) return [...items.values()];
      if (found.items.length === 0) return 'wrong';
      after = found.next;
    }
    return 'wrong';
  }

  async function pageOf(branch: NodeCode, of: { id: string; peer: NodeCode; after: string }) {
    const { id, peer, after } = of;
    const query = new URLSearchParams({ limit: String(maxObligationsPerPage), peer });
    if (after !== '') query.set('after', after);
    const response = await client.request(branch, {
      method: 'GET',
      path: `/peer/v1/settlements/${encodeURIComponent(id)}/obligations?${query}`,
      headers: { [startedHeader]: epoch() },
      timeoutMs: requestTimeoutMs,
    });
    try {
      return answerIn(obligationPage, response, branch);
    } catch (error) {
      passOverSilence(error);
      return undefined;
    }
  }

  return { namedBy };
}
