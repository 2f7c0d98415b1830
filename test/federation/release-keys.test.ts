import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import type { JWK } from 'jose';
import { verifyBundle } from '../../shared/audit/verify-bundle.ts';
import { createKeys, publicKeyOf } from '../../shared/federation/identity.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import { datasetContent } from '../../shared/reference/dataset-content.ts';
import { type ReleaseManifest, signManifest } from '../../shared/reference/release.ts';
import { approvableRelease } from '../../shared/reference/release-approval.ts';
import {
  approvableKeySet,
  approvalType,
  approve,
  type KeySet,
  keySetType,
  parseKeySet,
} from '../../shared/reference/release-keys.ts';
import { instantOf, systemClock } from '../../shared/time/clock.ts';
import { startFederation, type TestFederation, until } from '../support/federation.ts';
import { type Anything, askPeerPort, stolenIdentity } from '../support/rogue.ts';

const codes = ['MSK', 'SPB'];

/** One of the offline machine's commands: it has no node, no environment and no network to use. */
function offline(...args: string[]): string {
  const script = resolve('central-node/sbms-centre.mjs');
  return execFileSync(process.execPath, [script, 'release-keys', ...args], {
    encoding: 'utf8',
    env: {},
  });
}

describe('releases that need two of three keys held offline', () => {
  let federation: TestFederation;
  let keys: JWK[];

  before(async function () {
    this.timeout(180_000);
    federation = await startFederation(codes);
    const at = (name: string) => join(federation.folder, name);
    offline('create', at('key-0'));
    const others = await Promise.all(['A1', 'A2'].map((code) => createKeys(code as NodeCode)));
    keys = [JSON.parse(readFileSync(at('key-0'), 'utf8')), ...others.map((key) => key.signingKey)];
    for (const [index, key] of keys.entries()) {
      writeFileSync(at(`key-${index}.pub`), JSON.stringify(publicKeyOf(key)));
    }
    const file = at('release-keys.json');
    const publics = keys.map((_, index) => at(`key-${index}.pub`));
    offline('combine', file, ...publics, '--threshold', '2');
    // A federation that is at work already begins to ask for them.
    for (const code of ['HQ', ...codes]) {
      Object.assign(federation.branch(code).environment, { RELEASE_KEYS_FILE: file });
      await federation.stopNode(code);
      await federation.startNode(code);
    }
  });
  after(() => federation.stop());

  const hq = () => federation.hq.manager;
  const versionAt = (code: string) => federation.running(code).references.current()?.version;
  const reaches = (version: number) =>
    until(`all have release ${version}`, () => codes.every((code) => versionAt(code) === version));

  /** Something to publish: another name for the first tender. */
  async function edit(name: string): Promise<void> {
    const path = '/api/v1/reference-draft/datasets/reasons';
    const { rows } = (await hq().get(path)).body;
    const changed = rows.map((row: Anything, index: number) =>
      index === 0 ? { ...row, name } : row,
    );
    expect((await hq().put(path, { rows: changed })).status).to.equal(200);
  }

  async function prepare(body: object = {}): Promise<{ manifest: ReleaseManifest }> {
    const made = await hq().post('/api/v1/prepared-releases', body);
    expect(made.status, JSON.stringify(made.body)).to.equal(201);
    return made.body;
  }
  const sign = (key: JWK | undefined, manifest: ReleaseManifest) =>
    approve(key ?? {}, approvalType, approvableRelease(manifest));
  const handIn = async (approval: string) =>
    hq().post('/api/v1/prepared-releases/current/approvals', { approval });
  const publish = () => hq().post('/api/v1/reference-releases', {});

  /** A release as a head office in wrong hands would sign it. */
  async function forge(change: (manifest: ReleaseManifest) => ReleaseManifest) {
    const { references } = federation.centre();
    const held = await references.highest();
    if (!held) throw new Error('no release');
    const { approvals: _, ...last } = held.manifest;
    const createdAt = instantOf(systemClock.nowMs());
    const next = { ...last, version: last.version + 1, previous: last.version, createdAt };
    const identity = await stolenIdentity(federation.hq);
    const manifest = change({ ...next, effectiveFrom: createdAt });
    return signManifest(createSigner({ ...identity, code: headOffice }), manifest);
  }
  /** What a branch says to it; `contents` are what the forger serves. */
  async function offered(jws: string, contents: Record<string, string> = {}): Promise<string> {
    const { references } = federation.centre();
    const fetchDataset = async (sha256: string) =>
      contents[sha256] ?? references.datasetContent(sha256);
    return federation
      .running('MSK')
      .references.apply({ manifestJws: jws, fetchDataset })
      .then(
        ({ applied }) => (applied ? 'applied' : 'known'),
        (error) => error.code,
      );
  }

  it('are not published by head office alone', async () => {
    await edit('one');
    expect((await publish()).body.code).to.equal('release-not-approved');
    const { manifest } = await prepare();
    expect((await publish()).body.code).to.equal('release-not-approved');
    const one = await handIn(await sign(keys[0], manifest));
    expect(one.body).to.deep.equal({ signed: 1, needed: 2 });
    expect((await publish()).body.code, 'one of three').to.equal('release-not-approved');
  });

  it('count a key once, a signature for this release only, and no other key', async () => {
    const { manifest } = await prepare();
    await handIn(await sign(keys[0], manifest));
    const { signingKey } = await stolenIdentity(federation.hq);
    const wrong = [
      await sign(keys[0], manifest),
      await sign(keys[1], { ...manifest, version: manifest.version + 1 }),
      await approve(keys[1] ?? {}, keySetType, approvableRelease(manifest)),
      await sign(signingKey, manifest),
      'nothing',
    ];
    for (const approval of wrong) {
      expect((await handIn(approval)).body.code).to.equal('release-not-approved');
    }
    expect((await publish()).body.code).to.equal('release-not-approved');
  });

  it('are published with two, signed by a command on another machine', async () => {
    const prepared = await prepare();
    const at = (name: string) => join(federation.folder, name);
    writeFileSync(at('release.json'), JSON.stringify(prepared));
    const told = offline('sign', at('release.json'), at('signature'), '--key', at('key-0'));
    expect(told).to.include(`Release ${prepared.manifest.version}`);
    await handIn(readFileSync(at('signature'), 'utf8'));
    const two = await handIn(await sign(keys[2], prepared.manifest));
    expect(two.body).to.deep.equal({ signed: 2, needed: 2 });
    const published = await publish();
    expect(published.status, JSON.stringify(published.body)).to.equal(201);
    await reaches(prepared.manifest.version);
  });

  it("are not made by head office's key in wrong hands: not with a branch of his own", async () => {
    const intruder = await createKeys('SPB' as NodeCode);
    const { references } = federation.centre();
    const held = (await references.highest())?.manifest;
    const rows = JSON.parse(await references.datasetContent(held?.datasets.branches?.sha256 ?? ''));
    const branches = rows.map((row: Anything) =>
      row.code === 'SPB' ? { ...row, signingKey: publicKeyOf(intruder.signingKey) } : row,
    );
    const content = datasetContent('branches', branches);
    const { sha256, rows: count, text } = content;
    const withBranches = (manifest: ReleaseManifest) => ({
      ...manifest,
      datasets: { ...manifest.datasets, branches: { sha256, rows: count } },
    });
    const jws = await forge(withBranches);
    expect(await offered(jws, { [sha256]: text })).to.equal('release-not-approved');
    const reused = await forge((manifest) => ({
      ...withBranches(manifest),
      approvals: held?.approvals,
    }));
    expect(await offered(reused, { [sha256]: text })).to.equal('release-not-approved');
    const same = await forge((manifest) => manifest);
    expect(await offered(same), 'a new number for nothing').to.equal('release-not-approved');
  });

  it('let head office alone cut a member off at once', async () => {
    await federation.stopNode('SPB');
    const identity = await stolenIdentity(federation.branch('SPB'));
    const { peerUrl } = federation.branch('MSK');
    const ask = () => askPeerPort(peerUrl, `/peer/v1/releases/1`, { identity });
    expect((await ask()).status).to.equal(200);
    const revoked = await hq().post('/api/v1/nodes/SPB/revocation', {});
    expect(revoked.status, JSON.stringify(revoked.body)).to.be.lessThan(300);
    await until('MSK refuses it', async () => {
      // A connection that is cut off in the middle is asked again.
      const { status } = await ask().catch(() => ({ status: 0 }));
      return status === 403;
    });
  });

  it('prove the releases in a bundle, and name the first that they do not', async () => {
    const lines: string[] = [];
    const scope = { from: '2000-01-01', to: '2099-12-31' };
    for await (const line of federation.centre().bundles.lines(scope)) lines.push(line.trimEnd());
    async function* bundle() {
      yield* lines;
    }
    const { signingKey } = await stolenIdentity(federation.hq);
    const trust = publicKeyOf(signingKey);
    const pinned = parseKeySet(readFileSync(join(federation.folder, 'release-keys.json'), 'utf8'));
    const says = async (keys: KeySet, from: number) => {
      const verdict = await verifyBundle(bundle(), trust, { pinned: keys, from });
      return verdict.proven ? 'proven' : verdict.why;
    };
    const highest = (await federation.centre().references.highest())?.manifest.version ?? 0;
    // The last release cuts SPB off by head office's word alone, the one before needed two keys.
    const first = highest - 1;
    expect(await says(pinned, first)).to.equal('proven');
    expect(await says(pinned, 1)).to.match(/^Release 1 is signed by 0 release keys; 2 are needed/);
    const all = { ...pinned, threshold: pinned.keys.length };
    const short = new RegExp(`^Release ${first} is signed by 2 release keys; 3 are needed`);
    expect(await says(all, first)).to.match(short);
    const strangers = await Promise.all(['C1', 'C2'].map((code) => createKeys(code as NodeCode)));
    const others = strangers.map((each) => ({ ...publicKeyOf(each.signingKey) }));
    const wrong = { ...pinned, keys: others as KeySet['keys'] };
    expect(await says(wrong, first)).to.match(new RegExp(`^Release ${first} is signed by 0`));
    // What is no cut-off from the one before needs them, whoever made it.
    expect(await says(pinned, highest)).to.equal('proven');
    expect((await verifyBundle(bundle(), trust)).proven).to.equal(true);
  });

  it('pass to new keys when the old ones sign them, and never back', async () => {
    const fresh = await Promise.all(['B1', 'B2'].map((code) => createKeys(code as NodeCode)));
    const own = fresh.map(({ signingKey }) => signingKey);
    const next: KeySet = { version: 2, threshold: 2, keys: [] };
    const keySet = { ...next, keys: own.map((key) => ({ ...publicKeyOf(key) })) as KeySet['keys'] };
    const subject = approvableKeySet(keySet);
    const by = (signers: readonly JWK[]) =>
      Promise.all(signers.map((key) => approve(key, keySetType, subject)));
    const one = await hq().post('/api/v1/prepared-releases', {
      nextKeys: { keySet, approvals: await by(keys.slice(0, 1)) },
    });
    expect(one.body.code).to.equal('release-not-approved');
    const { manifest } = await prepare({
      nextKeys: { keySet, approvals: await by(keys.slice(0, 2)) },
    });
    expect((await handIn(await sign(keys[0], manifest))).body.code, 'the old ones').to.equal(
      'release-not-approved',
    );
    for (const key of own) await handIn(await sign(key, manifest));
    expect((await publish()).status).to.equal(201);
    await until('MSK has it', () => versionAt('MSK') === manifest.version);
    const back = await forge(({ keySets: _, ...rest }) => rest);
    expect(await offered(back)).to.equal('release-not-approved');
  });
});
