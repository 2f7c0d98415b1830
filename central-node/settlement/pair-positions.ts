import { type PairPosition, pairPositions } from '../../shared/settlement/netting.ts';
import type { Reader } from '../../shared/store/store.ts';
import { sumsOf } from './obligation-store.ts';

/** What windows hold between each two branches. */
export async function positionsIn(
  tx: Reader,
  windowIds: readonly string[],
): Promise<PairPosition[]> {
  return pairPositions((await sumsOf(tx, windowIds)).filter(({ count }) => count > 0));
}

export function mirrored(position: PairPosition): PairPosition {
  const { branch, peer } = position;
  return { ...negated(position), branch: peer, peer: branch };
}

export function negated({ gross, commission, fees, net, ...pair }: PairPosition): PairPosition {
  return { ...pair, gross: -gross, commission: -commission, fees: -fees, net: -net };
}

export type Pair = Pick<PairPosition, 'branch' | 'peer'>;

export function isSamePair(one: Pair, other: Pair): boolean {
  const isMirror = one.branch === other.peer && one.peer === other.branch;
  return isMirror || (one.branch === other.branch && one.peer === other.peer);
}

export function isSame(one: readonly PairPosition[], other: readonly PairPosition[]): boolean {
  const text = (positions: readonly PairPosition[]) =>
    positions
      .map(({ branch, peer, count, gross, commission, fees, net }) =>
        [branch, peer, count, gross, commission, fees, net].join(' '),
      )
      .sort()
      .join('\n');
  return text(one) === text(other);
}
