import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openAuthority } from '../../../central-node/directory/authority.ts';
import { createBranchKeys } from '../../../central-node/directory/branch-keys.ts';
import { type EnrolledBranch, invitationId } from '../../../central-node/directory/enrolment.ts';
import { createEnrolment } from '../../../central-node/directory/enrolment-service.ts';
import { openHeadOfficeIdentity } from '../../../central-node/directory/head-office-identity.ts';
import { certificateFacts, createRequest } from '../../../shared/federation/certificates.ts';
import { enrolWithCentre } from '../../../shared/federation/enrolment.ts';
import type { EnrolmentRequest } from '../../../shared/federation/enrolment-messages.ts';
import { renewIfDue } from '../../../shared/federation/enrolment-renewal.ts';
import { loadIdentity, publicKeyOf } from '../../../shared/federation/identity.ts';
import { createPeerClient } from '../../../shared/federation/peer-client.ts';
import { createPeerServer } from '../../../shared/federation/peer-server.ts';
import type { Peer } from '../../../shared/federation/peers.ts';
import { createSigner, createVerifier } from '../../../shared/federation/signing.ts';
import { headOffice, type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import type { Store } from '../../../shared/store/store.ts';
import {
  certificateFor,
  changeableDirectory,
  federationKeys,
  refusalBy,
  shiftableClock,
} from '../../support/federation-keys.ts';
import { routesOf } from '../central-directory/enrolment-fixture.ts';

const [msk, spb, nsk] = ['MSK', 'SPB', 'NSK'] as [NodeCode, NodeCode, NodeCode];
const hourMs = 3_600_000;
const urls = { peerUrl: 'https://127.0.0.1:9001', frontUrl: 'https://msk.example:9000' };

describe('enrolment', () => {
  const undo: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  async function temporary(): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'sbms-enrolment-'));
    undo.push(() => rm(dir, { recursive: true }));
    return dir;
  }

  /** HQ's enrolment on a real store; `changes` is what it told its caller. */
  async function centre(wrap: (store: Store) => Store = (store) => store) {
    const dir = await temporary();
    const keys = await federationKeys([msk, spb, nsk]);
    const clock = shiftableClock();
    const { store } = await openStore({
      url: `file:${join(dir, 'hq.db')}`,
      migrations: [{ room: 'directory', directory: 'central-node/directory/migrations' }],
    });
    undo.push(() => store.close());
    const changes: EnrolledBranch[] = [];
    let failing = false;
    const enrolment = createEnrolment({
      store: wrap(store),
      authorities: () => keys.authority,
      headOfficeKey: () => publicKeyOf(keys.identity(headOffice).signingKey),
      note: async () => {},
      clock,
      ids: systemIds,
      async onChanged(_tx, branch) {
        if (failing) throw new Error('the draft cannot be changed');
        changes.push(branch);
      },
    });
    const failDraft = (now: boolean) => {
      failing = now;
    };
    const directory = {
      peer: (code: NodeCode) => changes.findLast((each) => each.code === code),
      peers: () => changes,
    };
    const { headOfficeKey } = keys.identity(headOffice);
    const verifier = createVerifier({ directory, headOfficeKey });
    const branchKeys = createBranchKeys({ enrolment, verifier, clock });
    return { keys, clock, enrolment, branchKeys, changes, failDraft };
  }

  function requestOf(
    keys: Awaited<ReturnType<typeof federationKeys>>,
    token: string,
    changes: Partial<EnrolmentRequest> = {},
  ): EnrolmentRequest {
    const { tlsKeyPem, signingKey } = keys.identity(changes.code ?? msk);
    return {
      code: msk,
      token,
      csrPem: createRequest({ code: changes.code ?? msk, keyPem: tlsKeyPem }),
      signingJwk: publicKeyOf(signingKey),
      ...urls,
      ...changes,
    };
  }

  describe('at the centre', () => {
    it('makes a branch a member, and tells the reference data in the same transaction', async () => {
      const { keys, enrolment, changes } = await centre();
      const token = await enrolment.createToken({ code: msk, actor: 'root' });
      const answer = await enrolment.enrol(requestOf(keys, token), '10.0.0.1');
      const facts = certificateFacts(answer.certPem);
      expect(answer).to.include({ caPem: keys.authority.certPem });
      expect(answer.hqSigningKey).to.deep.equal(keys.identity(msk).headOfficeKey);
      expect(changes).to.have.length(1);
      expect(changes[0]).to.deep.include({
        code: 'MSK',
        ...urls,
        signingKey: publicKeyOf(keys.identity(msk).signingKey),
        tlsKeySha256: facts.spkiSha256,
        revokedSerials: [],
        active: true,
      });
      expect(await enrolment.branches()).to.deep.equal(changes);
      const [certificate] = await enrolment.certificates(msk);
      expect(certificate).to.include({ serial: facts.serial, revokedAt: null });
    });

    it('takes a token once', async () => {
      const { keys, enrolment } = await centre();
      const token = await enrolment.createToken({ code: msk, actor: 'root' });
      await enrolment.enrol(requestOf(keys, token), 'a');
      const again = await refusalBy(enrolment.enrol(requestOf(keys, token), 'a'));
      expect(again).to.include({ code: 'enrolment-refused' });
    });

    it('takes it once also from two requests at a time', async () => {
      // Both have read the token as good before either writes.
      let reads = 0;
      let release = () => {};
      const bothRead = new Promise<void>((resolve) => {
        release = resolve;
      });
      const { keys, enrolment } = await centre((store) => ({
        ...store,
        async read(fn) {
          const value = await store.read(fn);
          reads += 1;
          if (reads === 2) release();
          await bothRead;
          return value;
        },
      }));
      const token = await enrolment.createToken({ code: msk, actor: 'root' });
      const outcomes = await Promise.allSettled([
        enrolment.enrol(requestOf(keys, token), 'a'),
        enrolment.enrol(requestOf(keys, token), 'b'),
      ]);
      const statuses = outcomes.map((outcome) => outcome.status);
      expect(statuses).to.have.members(['fulfilled', 'rejected']);
      expect(await enrolment.certificates(msk)).to.have.length(1);
    });

    it('takes no token of who may not alone before another person admits just that one', async () => {
      const { keys, enrolment } = await centre();
      await enrolment.createToken({ code: msk, actor: 'anna', isHeld: true });
      const [replaced] = await enrolment.openTokens();
      const token = await enrolment.createToken({ code: msk, actor: 'root', isHeld: true });
      const [seen] = await enrolment.openTokens();
      const enter = () => enrolment.enrol(requestOf(keys, token), 'a');
      const admit = (actor: string, of = seen) => {
        const invitation = of ? invitationId(of) : '';
        return enrolment.admit({ code: msk, invitation, actor, also: async () => undefined });
      };
      const refusal = async (work: Promise<unknown>) => (await refusalBy(work))?.code;
      expect(await refusal(enter())).to.equal('enrolment-refused');
      expect(await refusal(admit('root'))).to.equal('same-person');
      expect(await refusal(admit('other', replaced))).to.equal('operation-conflict');
      await admit('other').then(enter);
      expect(await refusal(admit('other'))).to.equal('not-found');
    });

    it('takes no expired, replaced, foreign or invented token', async () => {
      const { keys, enrolment, clock } = await centre();
      const replaced = await enrolment.createToken({ code: msk, actor: 'root' });
      const expired = await enrolment.createToken({ code: msk, actor: 'root' });
      const others = await enrolment.createToken({ code: spb, actor: 'root' });
      const otherAuthority = `${others.split('.')[0]}.${'0'.repeat(64)}`;
      const invented = `${systemIds.secret(32)}.${expired.split('.')[1]}`;
      for (const token of [replaced, others, invented, 'rubbish']) {
        const refusal = await refusalBy(enrolment.enrol(requestOf(keys, token), token));
        expect(refusal, token).to.include({ code: 'enrolment-refused' });
      }
      const forged = requestOf(keys, otherAuthority, { code: spb });
      expect(await refusalBy(enrolment.enrol(forged, 'x'))).to.include({
        code: 'enrolment-refused',
      });
      clock.shift(24 * hourMs + 1);
      const late = await refusalBy(enrolment.enrol(requestOf(keys, expired), 'late'));
      expect(late).to.include({ code: 'enrolment-refused' });
      expect(await enrolment.branches()).to.deep.equal([]);
    });

    it('leaves the token good when anything else fails', async () => {
      const { keys, enrolment, failDraft } = await centre();
      const token = await enrolment.createToken({ code: msk, actor: 'root' });
      const bad = requestOf(keys, token, { csrPem: 'rubbish' });
      expect(await refusalBy(enrolment.enrol(bad, 'a'))).to.include({ code: 'enrolment-refused' });
      failDraft(true);
      const failed = await enrolment.enrol(requestOf(keys, token), 'a').catch((error) => error);
      expect(String(failed)).to.include('draft');
      expect(await enrolment.branches()).to.deep.equal([]);
      failDraft(false);
      await enrolment.enrol(requestOf(keys, token), 'a');
    });

    it("refuses another branch's keys, and HQ's", async () => {
      const { keys, enrolment } = await centre();
      const first = await enrolment.createToken({ code: msk, actor: 'root' });
      await enrolment.enrol(requestOf(keys, first), 'a');
      const token = await enrolment.createToken({ code: spb, actor: 'root' });
      const { tlsKeyPem, signingKey } = keys.identity(msk);
      for (const stolen of [
        { signingJwk: publicKeyOf(signingKey) },
        { csrPem: createRequest({ code: spb, keyPem: tlsKeyPem }) },
        { signingJwk: publicKeyOf(keys.identity(headOffice).signingKey) },
      ]) {
        const request = requestOf(keys, token, { code: spb, ...stolen });
        expect(await refusalBy(enrolment.enrol(request, 'a'))).to.include({
          message: 'These keys belong to another node.',
        });
      }
    });

    it('locks a source out for a minute after five failures, and no other source', async () => {
      const { keys, enrolment, clock } = await centre();
      const token = await enrolment.createToken({ code: msk, actor: 'root' });
      const guess = `${systemIds.secret(32)}.${token.split('.')[1]}`;
      for (let tries = 0; tries < 5; tries += 1) {
        const refusal = await refusalBy(enrolment.enrol(requestOf(keys, guess), 'a'));
        expect(refusal).to.include({ code: 'enrolment-refused' });
      }
      const locked = await refusalBy(enrolment.enrol(requestOf(keys, token), 'a'));
      expect(locked).to.include({ code: 'locked-out' });
      const elsewhere = await refusalBy(enrolment.enrol(requestOf(keys, guess), 'b'));
      expect(elsewhere).to.include({ code: 'enrolment-refused' });
      clock.shift(61_000);
      await enrolment.enrol(requestOf(keys, token), 'a');
    });

    it('gives no token for HQ or for what is no code', async () => {
      const { enrolment } = await centre();
      for (const code of ['HQ', 'msk', '../X'] as NodeCode[]) {
        const refusal = await refusalBy(enrolment.createToken({ code, actor: 'root' }));
        expect(refusal).to.include({ code: 'invalid-input' });
      }
    });

    it('renews for the same key only, and not for who was revoked', async () => {
      const { keys, enrolment } = await centre();
      const token = await enrolment.createToken({ code: msk, actor: 'root' });
      const { certPem } = await enrolment.enrol(requestOf(keys, token), 'a');
      const { csrPem } = requestOf(keys, token);
      const renewed = await enrolment.renew({ caller: msk, csrPem });
      const [before, after] = [certificateFacts(certPem), certificateFacts(renewed.certPem)];
      expect(after.spkiSha256).to.equal(before.spkiSha256);
      expect(after.serial).to.not.equal(before.serial);

      const otherKey = createRequest({ code: msk, keyPem: keys.identity(spb).tlsKeyPem });
      const stranger = requestOf(keys, token, { code: spb });
      for (const request of [
        { caller: msk, csrPem: otherKey },
        { caller: spb, csrPem: stranger.csrPem },
        { caller: spb, csrPem },
      ]) {
        const refusal = await refusalBy(enrolment.renew(request));
        expect(refusal).to.include({ code: 'enrolment-refused' });
      }
      expect(await enrolment.certificates(msk)).to.have.length(2);
      await enrolment.revoke({ code: msk });
      const revoked = await refusalBy(enrolment.renew({ caller: msk, csrPem }));
      expect(revoked).to.include({ code: 'enrolment-refused' });
    });

    it('revokes one certificate, or the branch with all of them', async () => {
      const { keys, enrolment, changes, clock } = await centre();
      const token = await enrolment.createToken({ code: msk, actor: 'root' });
      const { certPem } = await enrolment.enrol(requestOf(keys, token), 'a');
      const { serial } = certificateFacts(certPem);
      const { csrPem } = requestOf(keys, token);
      const renewed = certificateFacts((await enrolment.renew({ caller: msk, csrPem })).certPem);
      await enrolment.revoke({ serial });
      expect(changes.at(-1)).to.deep.include({ active: true, revokedSerials: [serial] });
      await enrolment.revoke({ code: msk });
      const both = [serial, renewed.serial].sort();
      expect(changes.at(-1)).to.deep.include({ active: false, revokedSerials: both });
      clock.shift(31 * 24 * hourMs);
      const [branch] = await enrolment.branches();
      expect(branch).to.deep.include({ active: false, revokedSerials: [] });
      expect(await refusalBy(enrolment.revoke({ code: nsk }))).to.include({
        code: 'branch-not-found',
      });
      expect(await refusalBy(enrolment.revoke({ serial: 'ff' }))).to.include({ code: 'not-found' });
    });

    it('ends an earlier enrolment when a branch enrols anew', async () => {
      const { keys, enrolment, changes } = await centre();
      const first = await enrolment.createToken({ code: msk, actor: 'root' });
      const old = await enrolment.enrol(requestOf(keys, first), 'a');
      const second = await enrolment.createToken({ code: msk, actor: 'root' });
      await enrolment.enrol(requestOf(keys, second), 'a');
      const { serial } = certificateFacts(old.certPem);
      expect(changes.at(-1)).to.deep.include({ active: true, revokedSerials: [serial] });
    });
  });

  describe('over the peer link', () => {
    /** A whole centre listening on loopback. */
    async function listening() {
      const hq = await centre();
      const directory = changeableDirectory();
      const routes = routesOf(hq);
      const server = createPeerServer({
        identity: () => hq.keys.identity(headOffice),
        directory,
        fetch: (request, env) => routes.fetch(request, env),
        onRefused: () => {},
        clock: hq.clock,
      });
      const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
      undo.push(() => server.close());
      return { ...hq, directory, centreUrl: `https://127.0.0.1:${port}` };
    }

    it('a branch enrols itself, then renews over mutual TLS when it is due', async () => {
      const { keys, enrolment, clock, changes, directory, centreUrl } = await listening();
      const dir = await temporary();
      const token = await enrolment.createToken({ code: msk, actor: 'root' });
      const written = { peerUrl: `${urls.peerUrl}/`, frontUrl: 'http://127.0.0.1:9000' };
      const identity = await enrolWithCentre({ centreUrl, token, dir, code: msk, ...written });
      expect(changes[0]).to.include({ peerUrl: urls.peerUrl, frontUrl: written.frontUrl });
      expect(await loadIdentity(dir)).to.deep.equal(identity);
      expect(identity.headOfficeKey).to.deep.equal(keys.identity(msk).headOfficeKey);

      for (const branch of changes) directory.set(branch satisfies Peer);
      const own = changeableDirectory([keys.peer(headOffice, { peerUrl: centreUrl })]);
      const client = createPeerClient({ identity: () => identity, directory: own, clock });
      undo.push(() => client.close());
      const deps = { client, clock, identity, signer: createSigner(identity) };
      expect(await renewIfDue(deps)).to.equal(undefined);
      clock.shift(21 * 24 * hourMs);
      const renewed = await renewIfDue(deps);
      expect(renewed).to.be.a('string').and.not.equal(identity.certPem);
    });

    it('renewal needs a proved caller', async () => {
      const { keys, clock, centreUrl } = await listening();
      const own = changeableDirectory([keys.peer(headOffice, { peerUrl: centreUrl })]);
      const client = createPeerClient({
        identity: () => keys.identity(spb),
        directory: own,
        clock,
      });
      undo.push(() => client.close());
      const path = '/peer/v1/certificates';
      const request = { method: 'POST', path, body: '{}', timeoutMs: 5_000 } as const;
      expect(await client.request(headOffice, request)).to.include({ status: 403 });
    });

    it('the body is taken strictly', async () => {
      const { keys, enrolment, branchKeys } = await centre();
      const routes = routesOf({ enrolment, branchKeys });
      const token = await enrolment.createToken({ code: msk, actor: 'root' });
      const good = requestOf(keys, token);
      const { signingKey } = keys.identity(msk);
      for (const [changes, field] of [
        [{ more: 1 }, 'body'],
        [{ peerUrl: 'http://a' }, 'peerUrl'],
        [{ frontUrl: 'https://a/path' }, 'frontUrl'],
        [{ frontUrl: 'ftp://a' }, 'frontUrl'],
        [{ frontUrl: 'http://hq.sbms.internal' }, 'frontUrl'],
        [{ peerUrl: 'https://hq.sbms.internal:1' }, 'peerUrl'],
        [{ code: 'msk' }, 'code'],
        [{ signingJwk: signingKey }, 'signingJwk'],
      ] as const) {
        const body = JSON.stringify({ ...good, ...changes });
        const env = { address: '10.0.0.1' };
        const answer = await routes.request('/enrolment/requests', { method: 'POST', body }, env);
        expect(answer.status, field).to.equal(400);
        expect(await answer.json()).to.have.nested.property('errors[0].field', field);
      }
    });

    it('a used token is refused, and the reason reaches the person', async () => {
      const { enrolment, centreUrl } = await listening();
      const token = await enrolment.createToken({ code: msk, actor: 'root' });
      const first = { centreUrl, token, dir: await temporary(), code: msk, ...urls };
      await enrolWithCentre(first);
      const refusal = await refusalBy(enrolWithCentre({ ...first, dir: await temporary() }));
      expect(refusal).to.include({ code: 'enrolment-refused' });
      expect(refusal.message).to.include('Ask head office for a new one');
    });

    it('a centre with another authority never sees the token', async () => {
      const real = await centre();
      const token = await real.enrolment.createToken({ code: msk, actor: 'root' });
      const impostor = await openAuthority({
        dir: await temporary(),
        clock: real.clock,
        ids: systemIds,
      });
      const seen: string[] = [];
      const centreUrl = await pretend(impostor.certPem, impostor, seen);
      const refusal = await refusalBy(
        enrolWithCentre({ centreUrl, token, dir: await temporary(), code: msk, ...urls }),
      );
      expect(refusal.message).to.include('not the one that the token is from');
      expect(seen).to.deep.equal(['GET /enrolment/ca.pem']);
    });

    it('nor does a server that shows the right authority but is not HQ', async () => {
      const { keys, enrolment } = await centre();
      const token = await enrolment.createToken({ code: msk, actor: 'root' });
      for (const code of [spb, headOffice]) {
        const seen: string[] = [];
        // For HQ: its name, by an authority of the impostor's own.
        const other = await openAuthority({
          dir: await temporary(),
          clock: shiftableClock(),
          ids: systemIds,
        });
        const issuer = code === headOffice ? other : keys.authority;
        const centreUrl = await pretend(keys.authority.certPem, issuer, seen, code);
        await refusalBy(
          enrolWithCentre({ centreUrl, token, dir: await temporary(), code: msk, ...urls }),
        );
        expect(seen).to.deep.equal(['GET /enrolment/ca.pem']);
      }
    });

    /** A server that hands out `caPem` and notes what it is asked. */
    async function pretend(
      caPem: string,
      issuer: { certPem: string; keyPem: string },
      seen: string[],
      code = headOffice,
    ): Promise<string> {
      const keys = await federationKeys([spb]);
      const node = keys.identity(code);
      // Even a certificate that had got HQ's name in TLS does not make its holder HQ.
      const hosts = ['127.0.0.1', 'hq.sbms.internal'];
      const options = { key: node.tlsKeyPem, cert: certificateFor(issuer, node, { hosts }) };
      const server = createServer(options, (incoming, outgoing) => {
        seen.push(`${incoming.method} ${incoming.url}`);
        outgoing.end(caPem);
      });
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      undo.push(async () => {
        server.closeAllConnections();
        server.close();
      });
      const address = server.address();
      return `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    }

    it('tells an unreachable centre from a refusal', async () => {
      const { enrolment } = await centre();
      const token = await enrolment.createToken({ code: msk, actor: 'root' });
      const options = { centreUrl: 'https://127.0.0.1:1', token, code: msk, ...urls };
      const refusal = await refusalBy(enrolWithCentre({ ...options, dir: await temporary() }));
      expect(refusal).to.include({ code: 'peer-unreachable' });
    });
  });

  describe("head office's own files", () => {
    it('keep one authority for ever, and refuse to start on half of it', async () => {
      const dir = await temporary();
      const deps = { dir, clock: shiftableClock(), ids: systemIds };
      const authority = await openAuthority(deps);
      expect(await openAuthority(deps)).to.deep.equal(authority);
      await rm(join(dir, 'ca-key.pem'));
      const error = await openAuthority(deps).catch((cause) => cause);
      expect(String(error)).to.include('restore it');
      expect(await readFile(join(dir, 'ca-cert.pem'), 'utf8')).to.equal(authority.certPem);
    });

    it('hold a certificate that is renewed when due or when the address changes', async () => {
      const { authority } = await federationKeys([]);
      const clock = shiftableClock();
      const dir = await temporary();
      const deps = { dir, authority, urls: ['https://127.0.0.1:1'], clock, ids: systemIds };
      const first = await openHeadOfficeIdentity(deps);
      expect(first.headOfficeKey).to.deep.equal(publicKeyOf(first.signingKey));
      expect(await openHeadOfficeIdentity(deps)).to.deep.equal(first);
      const moved = await openHeadOfficeIdentity({ ...deps, urls: ['https://[::1]:2'] });
      expect(moved.certPem).to.not.equal(first.certPem);
      clock.shift(21 * 24 * hourMs);
      const renewed = await openHeadOfficeIdentity({ ...deps, urls: ['https://[::1]:2'] });
      expect(renewed.certPem).to.not.equal(moved.certPem);
      expect(renewed.tlsKeyPem).to.equal(first.tlsKeyPem);
    });
  });
});
