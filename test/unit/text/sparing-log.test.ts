import { expect } from 'chai';
import { createSparingLog } from '../../../shared/text/sparing-log.ts';

describe('a sparing log', () => {
  it('writes one line a pause of each name, and says how many it left out', () => {
    let nowMs = 0;
    const log = createSparingLog({
      clock: { nowMs: () => nowMs, after: () => () => {} },
      pauseMs: 1_000,
    });
    const written: string[] = [];
    const one = (name: string) => log(name, (leftOut) => written.push(`${name} ${leftOut}`));
    for (nowMs = 0; nowMs < 2_500; nowMs += 100) one('store');
    one('peer');
    expect(written).to.deep.equal(['store 0', 'store 9', 'store 9', 'peer 0']);
  });

  it('goes on after the clock was set back', () => {
    let nowMs = 10_000;
    const log = createSparingLog({
      clock: { nowMs: () => nowMs, after: () => () => {} },
      pauseMs: 1_000,
    });
    const written: number[] = [];
    log('store', (leftOut) => written.push(leftOut));
    nowMs = 5_000;
    log('store', (leftOut) => written.push(leftOut));
    expect(written).to.deep.equal([0, 0]);
  });
});
