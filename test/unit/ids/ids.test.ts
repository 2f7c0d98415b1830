import { expect } from 'chai';
import { systemIds, uuidPattern } from '../../../shared/ids/ids.ts';

describe('the names that a node gives', () => {
  it('are UUIDs of version 7, each after the one before, and of this moment', () => {
    const beforeMs = Date.now();
    const made = Array.from({ length: 10_000 }, () => systemIds.uuid());
    const afterMs = Date.now();
    for (const uuid of made) expect(uuid).to.match(uuidPattern);
    expect(made).to.deep.equal([...new Set(made)].sort());
    const momentOf = (uuid: string) => Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16);
    for (const uuid of made) expect(momentOf(uuid)).to.be.within(beforeMs, afterMs);
  });

  it('share no random bits, whatever their moment', () => {
    const tails = Array.from({ length: 10_000 }, () => systemIds.uuid().slice(-12));
    expect(new Set(tails).size).to.equal(tails.length);
  });
});
