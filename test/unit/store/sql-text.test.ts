import { expect } from 'chai';
import { boundedCache } from '../../../shared/store/bounded-cache.ts';
import { statementShape } from '../../../shared/store/sql-text.ts';

describe('statement shape', () => {
  const counted: [string, number][] = [
    ['SELECT 1', 0],
    ['SELECT ?, ? + ?', 3],
    ['SELECT \'?\' || ? -- ? \n, "a?", [b?], `c?` /* ? \n ? */ FROM t', 1],
    ["SELECT 'it''s ?', ?", 1],
  ];
  for (const [sql, placeholders] of counted) {
    it(`counts ${placeholders} in ${sql.replaceAll('\n', ' ')}`, () => {
      expect(statementShape(sql).placeholders).to.equal(placeholders);
    });
  }

  it('knows what only reads', () => {
    for (const sql of ['SELECT 1', ' with a AS (SELECT 1) SELECT * FROM a', 'VALUES (1)']) {
      expect(statementShape(sql).readsOnly, sql).to.equal(true);
    }
    const writing = 'WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a RETURNING id';
    for (const sql of ['DELETE FROM t', 'PRAGMA user_version = 2', writing]) {
      expect(statementShape(sql).readsOnly, sql).to.equal(false);
    }
  });

  it('refuses numbered and named placeholders, and transaction control', () => {
    for (const sql of ['SELECT ?1', 'SELECT :a', 'SELECT @a', 'SELECT $a', 'END', 'attach x']) {
      expect(() => statementShape(sql), sql).to.throw(/broken invariant/);
    }
    expect(statementShape("SELECT strftime('%H:%M', ?)").placeholders).to.equal(1);
  });
});

describe('bounded cache', () => {
  it('makes a value once, keeps no more than its limit, and drops the oldest', () => {
    const made: string[] = [];
    const cache = boundedCache(2, (text) => {
      made.push(text);
      return text.toUpperCase();
    });
    expect(['a', 'a', 'b', 'c', 'b', 'a'].map(cache)).to.deep.equal(['A', 'A', 'B', 'C', 'B', 'A']);
    expect(made).to.deep.equal(['a', 'b', 'c', 'a']);
  });
});
