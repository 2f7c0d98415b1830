import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Command } from 'commander';
import { readCentreConfig } from '../../../central-node/config.ts';
import type { Node } from '../../../shared/node/node.ts';
import { addNodeCommands } from '../../../shared/node/node-commands.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import { readCopy } from '../../../shared/store/stored-copy.ts';

describe('the command backup', () => {
  let folder: string;
  let frontUrl: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-backup-'));
    frontUrl = 'http://127.0.0.1:1';
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const at = (name: string) => join(folder, name);
  const url = () => `file:${at('store.db')}`;
  const newer = () => [{ room: 'room', directory: at('room') }];
  const config = () =>
    readCentreConfig({
      ...{ DATA_DIR: folder, FRONT_PORT: '1', FRONT_URL: frontUrl, STORE_MARK: '' },
      ...{ PEER_PORT: '2', PEER_URL: 'https://127.0.0.1:2' },
    });

  async function backup(...args: string[]): Promise<string> {
    const program = new Command().exitOverride();
    addNodeCommands(program, {
      config,
      migrations: async () => newer(),
      open: async () => {
        const { store } = await openStore({ url: url(), migrations: newer() });
        return { store, stop: store.close } as Partial<Node> as Node;
      },
    });
    const failure = await program
      .parseAsync(['backup', ...args], { from: 'user' })
      .catch((error: Error) => error);
    return failure instanceof Error ? failure.message : 'done';
  }

  const appliedIn = (path: string) =>
    readCopy(path, async (tx) => {
      const sql = 'SELECT name FROM migrations ORDER BY applied_order';
      return (await tx.all<{ name: string }>(sql)).map(({ name }) => name);
    });

  it('takes a stopped store as it is: the version that follows has not changed it', async () => {
    mkdirSync(at('room'));
    writeFileSync(at('room/0001-create-items.sql'), 'CREATE TABLE items (id INTEGER) STRICT;');
    const { store } = await openStore({ url: url(), migrations: newer() });
    await store.close();
    writeFileSync(at('room/0002-drop-items.sql'), 'DROP TABLE items;');
    expect(await backup(at('before.db'))).to.equal('done');
    expect(await appliedIn(at('before.db'))).to.deep.equal(['0001-create-items.sql']);
    expect(await appliedIn(at('store.db'))).to.deep.equal(['0001-create-items.sql']);
  });

  describe('of a running node', () => {
    const record = () => ({
      ...{ file: at('taken.db'), node: 'HQ', takenAt: '2026-11-30T12:00:00.000Z', bytes: 5 },
      ...{ sha256: 'a'.repeat(64), log: { epoch: 'e', seq: 1 } },
    });
    const server = createServer((request, response) => {
      const isBackup = request.url === '/api/v1/backups';
      response.end(JSON.stringify(isBackup ? record() : { token: 'a token' }));
    });
    before(async () => {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    });
    after(() => server.close());

    beforeEach(() => {
      frontUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      writeFileSync(at('password'), 'secret');
      writeFileSync(at('taken.db'), 'taken');
      writeFileSync(at('taken.db.json'), JSON.stringify(record()));
    });
    const run = (file: string) =>
      backup(at(file), '--login', 'admin', '--password-file', at('password'));

    it('gives it the name of no other file, as the store', async () => {
      writeFileSync(at('store.db'), 'the store');
      expect(await run('store.db')).to.include('store.db is there and is no backup');
      expect(readFileSync(at('store.db'), 'utf8')).to.equal('the store');
      for (const name of ['settings', 'store.db']) {
        writeFileSync(at(`${name}.json`), '{}');
        expect(await run(name)).to.include(' is there and is no backup');
        expect(readFileSync(at(`${name}.json`), 'utf8')).to.equal('{}');
      }
      expect(readFileSync(at('store.db'), 'utf8')).to.equal('the store');
    });

    it('takes the place of an earlier one under the same name', async () => {
      for (const end of ['', '.json']) copyFileSync(at('taken.db') + end, at('nightly.db') + end);
      writeFileSync(at('nightly.db'), 'older');
      expect(await run('nightly.db')).to.equal('done');
      expect(readFileSync(at('nightly.db'), 'utf8')).to.equal('taken');
      expect(readdirSync(folder).sort()).to.deep.equal([
        ...['nightly.db', 'nightly.db.json', 'password', 'taken.db', 'taken.db.json'],
      ]);
    });

    it('leaves an earlier one where it is when there is no room for this one', async () => {
      for (const end of ['', '.json']) copyFileSync(at('taken.db') + end, at('nightly.db') + end);
      writeFileSync(at('nightly.db'), 'older');
      rmSync(at('taken.db'));
      expect(await run('nightly.db')).to.include('ENOENT');
      expect(readFileSync(at('nightly.db'), 'utf8')).to.equal('older');
    });
  });
});
