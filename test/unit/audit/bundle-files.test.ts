import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { writeBundle } from '../../../central-node/audit/bundle-file.ts';
import { verifyBundleFile } from '../../../shared/audit/verify-command.ts';
import { signingKeyId } from '../../../shared/federation/identity.ts';
import { headOffice } from '../../../shared/ids/ids.ts';
import { bundle, msk, party, releaseLines, streamLines } from './bundle-fixture.ts';

describe('the file of an audit bundle', () => {
  let folder: string;
  let trust: string;
  let lines: string[];
  before(async () => {
    const [centre, branch] = [await party(headOffice), await party(msk)];
    trust = await signingKeyId(centre.signingKey);
    const note = 'a line\u2028that a text broke\u2029';
    const content = [
      ...(await releaseLines(centre, { version: 1, branch })),
      ...(await streamLines(branch, [{ id: 'operation', body: { note } }])),
    ];
    lines = await bundle(centre, { scope: { operation: 'operation' }, content });
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sbms-bundles-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const file = () => join(folder, 'bundle.jsonl');
  async function verdictOn(text: string | Uint8Array) {
    writeFileSync(file(), text);
    return verifyBundleFile(file(), trust);
  }

  it('has one line where a text has a line end of Unicode', async () => {
    const verdict = await verdictOn(`${lines.join('\n')}\n`);
    expect(verdict.proven, JSON.stringify(verdict)).to.equal(true);
    expect((await verdictOn(lines.join('\r\n'))).proven, 'as another system saves it').to.equal(
      true,
    );
  });

  it('is refuted at a line that is no text', async () => {
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    const place = bytes.indexOf('a line');
    bytes[place] = 0xff;
    const at = lines.findIndex((line) => line.includes('a line')) + 1;
    expect(await verdictOn(bytes)).to.deep.include({ proven: false, line: at });
  });

  it('is not refuted by a disk that does not read it', async () => {
    const failure = await verifyBundleFile(folder, trust).catch((error: Error) => error);
    expect(failure).to.have.property('code', 'EISDIR');
  });

  it('is not left there half written, and an older one is', async () => {
    const broken = async function* () {
      while (!existsSync(file())) {
        yield 'half\n';
        await new Promise(setImmediate);
      }
      throw new Error('no release');
    };
    const failure = await writeBundle(file(), broken()).catch((error: Error) => error.message);
    expect(failure).to.equal('no release');
    expect(existsSync(file())).to.equal(false);
    writeFileSync(file(), 'of before');
    const again = await writeBundle(file(), broken()).catch((error: Error) => error);
    expect(again).to.have.property('code', 'EEXIST');
    expect(readFileSync(file(), 'utf8')).to.equal('of before');
  });
});
