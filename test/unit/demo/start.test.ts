import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createFederation } from '../../../demo/federation.ts';
import { parseOptions } from '../../../demo/options.ts';

describe('a start in a folder whose federation runs', () => {
  it('touches neither its nodes nor its files, whatever its options say', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sbms-demo-'));
    const program = 'setInterval(() => {}, 1000); console.log("runs")';
    const node = spawn(process.execPath, ['-e', program, 'central-node/main.js']);
    const exit = once(node, 'exit');
    try {
      await once(node.stdout, 'data');
      await mkdir(join(folder, 'HQ'));
      await writeFile(join(folder, 'HQ', 'node.pid'), String(node.pid));
      for (const args of [[], ['--fresh']]) {
        const options = parseOptions(['--data', folder, '--port-base', '20000', ...args]);
        const refused = await createFederation(options, () => {})
          .start()
          .catch((error: Error) => error.message);
        expect(refused).to.include(`process ${node.pid} is that node`);
      }
      expect(node.exitCode ?? node.signalCode).to.equal(null);
    } finally {
      node.kill();
      await exit;
      await rm(folder, { recursive: true });
    }
  });
});
