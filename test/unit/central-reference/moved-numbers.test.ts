import { expect } from 'chai';
import { homeAfter, withMovedNumbers } from '../../../central-node/reference/moved-numbers.ts';
import type { NodeCode } from '../../../shared/ids/ids.ts';

const [msk, spb, nsk, ekb] = ['MSK', 'SPB', 'NSK', 'EKB'] as NodeCode[] as [
  NodeCode,
  NodeCode,
  NodeCode,
  NodeCode,
];

function orders<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) =>
    orders(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  );
}

describe('homeAfter', () => {
  const journeys: [NodeCode[], string][] = [
    [[msk], 'without moves'],
    [[msk, nsk], 'once'],
    [[msk, nsk, spb], 'further'],
    [[msk, nsk, msk], 'and back'],
    [[msk, nsk, msk, ekb], 'and back and away'],
    [[msk, nsk, spb, nsk, msk, nsk], 'to and fro'],
  ];
  for (const [journey, how] of journeys) {
    it(`ends where the number went ${how}, in whatever order the moves are collected`, () => {
      const moves = journey.slice(1).map((to, index) => ({ from: journey[index] ?? msk, to }));
      for (const collected of orders(moves)) {
        expect(homeAfter(msk, collected)).to.equal(journey.at(-1));
      }
    });
  }

  it('does not follow a move from where the number never was, nor a second one from there', () => {
    expect(homeAfter(msk, [{ from: nsk, to: spb }])).to.equal(msk);
    const twice = [
      { from: msk, to: nsk },
      { from: msk, to: spb },
    ];
    expect(homeAfter(msk, twice)).to.equal(nsk);
  });
});

describe('withMovedNumbers', () => {
  const plan = [
    { from: '79250000000', to: '79250999999', branch: 'MSK' },
    { from: '79211000000', to: '79211999999', branch: 'SPB' },
  ];
  const ported = [
    { msisdn: '79161234567', branch: 'MSK' },
    { msisdn: '79250000001', branch: 'SPB' },
  ];

  const branches = [msk, spb, nsk];

  it('leaves the data set as it is where nothing moved', () => {
    expect(withMovedNumbers(ported, { moved: [], plan, branches })).to.deep.equal(ported);
  });

  it('leaves out who moved to a branch that is none, or it could never be taken away', () => {
    const moved = [{ msisdn: '79250000001', branch: 'EKB' }];
    expect(withMovedNumbers(ported, { moved, plan, branches })).to.deep.equal(ported);
  });

  it('finds the range of a number among more than 65,536', () => {
    const many = Array.from({ length: 70_000 }, (_, place) => {
      const from = String(79_260_000_000 + place * 10);
      return { from, to: from, branch: 'SPB' };
    });
    const wide = [...many, ...plan];
    const moved = [{ msisdn: '79250000005', branch: 'SPB' }];
    const released = withMovedNumbers([], { moved, plan: wide, branches });
    expect(released).to.deep.equal(moved);
  });

  it('puts a move before the row of the data set', () => {
    const moved = [
      { msisdn: '79161234567', branch: 'NSK' },
      { msisdn: '79211000005', branch: 'NSK' },
    ];
    expect(withMovedNumbers(ported, { moved, plan, branches })).to.have.deep.members([
      ...moved,
      { msisdn: '79250000001', branch: 'SPB' },
    ]);
  });

  it('has no row for a number that is back in its range', () => {
    const moved = [{ msisdn: '79250000001', branch: 'MSK' }];
    expect(withMovedNumbers(ported, { moved, plan, branches })).to.deep.equal([
      { msisdn: '79161234567', branch: 'MSK' },
    ]);
  });
});
