import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Command } from 'commander';
import { readCentreConfig } from '../../../central-node/config.ts';
import { addNodeCommands } from '../../../shared/node/node-commands.ts';

describe("a node's commands", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sbms-commands-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function failureOf(...args: string[]): Promise<string> {
    const program = new Command().exitOverride();
    const environment = {
      DATA_DIR: join(folder, 'mistyped'),
      FRONT_PORT: '1',
      FRONT_URL: 'http://127.0.0.1:1',
      PEER_PORT: '2',
      PEER_URL: 'https://127.0.0.1:2',
    };
    addNodeCommands(program, {
      config: () => readCentreConfig(environment),
      open: () => Promise.reject(new Error('it was opened')),
    });
    try {
      await program.parseAsync(args, { from: 'user' });
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    return 'nothing';
  }

  for (const args of [['verify'], ['backup', 'copy.db']]) {
    it(`${args[0]} finds no node where none is, and makes none`, async () => {
      expect(await failureOf(...args)).to.include(join('mistyped', 'store.db is not there'));
      expect(existsSync(join(folder, 'mistyped'))).to.equal(false);
    });
  }

  it('verify refutes no bundle that is not there', async () => {
    const missing = join(folder, 'bundle.jsonl');
    expect(await failureOf('verify', missing, '--trust', 'a'.repeat(64))).to.include('ENOENT');
  });

  it('name what is not set in the environment', () => {
    expect(() => readCentreConfig({})).to.throw(/DATA_DIR: is not set\n/);
  });
});
