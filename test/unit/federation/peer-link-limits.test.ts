import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { Hono } from 'hono';
import type { PeerBindings } from '../../../shared/federation/peer-server.ts';
import { maxInflatedBytes } from '../../../shared/federation/peer-server-body.ts';
import { isDomainError } from '../../../shared/problem/problem.ts';
import { createReleaseFetcher } from '../../../shared/reference/release-fetcher.ts';
import { closeLinks, link, msk, raw, spb } from './peer-link-fixture.ts';

describe('the limits of the peer link', () => {
  afterEach(closeLinks);

  describe('without a certificate', () => {
    it('enrolment is reachable, and the application sees nobody', async () => {
      const { port, refusals } = await link();
      expect(await raw(port, { path: '/enrolment/ca.pem' })).to.deep.equal({
        status: 200,
        body: 'nobody',
      });
      expect(refusals).to.deep.equal([]);
    });

    it('no spelling of a path leads from enrolment to the peers', async () => {
      const { port } = await link();
      for (const path of [
        '/enrolment/../peer/v1/caller',
        '/enrolment/%2e%2e/peer/v1/caller',
        '/enrolment/..%2fpeer/v1/caller',
        '//enrolment/ca.pem',
        '/enrolment/',
        '/enrolment\\..\\peer',
      ]) {
        expect(await raw(port, { path }), path).to.include({ status: 403 });
      }
    });

    it('a body is small', async () => {
      const { port } = await link();
      const options = { path: '/enrolment/requests', method: 'POST' };
      expect(await raw(port, options, 'x'.repeat(60_000))).to.include({ status: 200 });
      expect(await raw(port, options, 'x'.repeat(70_000))).to.include({ status: 413 });
    });
  });

  describe('bodies', () => {
    const post = { method: 'POST', path: '/peer/v1/echo' };
    const gzip = { 'content-encoding': 'gzip' };

    it('are bounded on the wire, whether or not they say their length', async () => {
      const { port, keys } = await link();
      const identity = keys.identity(spb);
      const body = Buffer.alloc(8 * 1024 * 1024 + 1);
      const headers = { 'transfer-encoding': 'chunked' };
      for (const options of [post, { ...post, headers }]) {
        const outcome = await raw(port, { identity, ...options }, body).catch((error) => error);
        // The answer may be overtaken by the reset of a connection that nobody reads any more.
        if (outcome instanceof Error) expect(outcome).to.have.property('code');
        else expect(outcome).to.include({ status: 413 });
      }
      expect(await raw(port, { identity, ...post }, 'ok')).to.include({ status: 200 });
    });

    it('are bounded after inflation', async () => {
      const { port, keys } = await link();
      const identity = keys.identity(spb);
      const bomb = gzipSync(Buffer.alloc(maxInflatedBytes + 1));
      const answer = await raw(port, { identity, ...post, headers: gzip }, bomb);
      expect(answer).to.include({ status: 413 });
    });

    it('that are not what they say are refused', async () => {
      const { port, keys } = await link();
      const identity = keys.identity(spb);
      const broken = await raw(port, { identity, ...post, headers: gzip }, 'not gzip');
      expect(broken).to.include({ status: 400 });
      const headers = { 'content-encoding': 'br' };
      expect(await raw(port, { identity, ...post, headers }, 'x')).to.include({ status: 415 });
    });
  });

  describe('answers', () => {
    /** As many ported numbers as a country has are over 32 MiB. */
    const large = 'x'.repeat(32 * 1024 * 1024 + 1);

    it('are bounded, but a data set may be as large as one that is released', async () => {
      const app = new Hono<{ Bindings: PeerBindings }>().get('*', (c) => c.text(large));
      const { call, client } = await link({ app });
      const refusal = await call().catch((error: unknown) => error);
      expect(isDomainError(refusal, 'peer-unreachable')).to.equal(true);
      const fetcher = createReleaseFetcher({ peerClient: client, from: msk });
      expect(await fetcher.dataset('a'.repeat(64))).to.have.length(large.length);
    });
  });
});
