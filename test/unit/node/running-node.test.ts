import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, globalAgent, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { NodeCode } from '../../../shared/ids/ids.ts';
import { callRunningNode, readinessAnswer } from '../../../shared/node/running-node.ts';
import { certificateFor, federationKeys } from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;

/** Behind a published port or a proxy a node does not listen where its people reach it. */
describe('a command that asks the running node', () => {
  const asked: string[] = [];
  const trusted = globalAgent.options.ca;
  let folder: string;
  let passwordFile: string;
  let tls: { certPem: string; keyPem: string };
  let server: Server;
  let port: number;

  beforeEach(async () => {
    asked.length = 0;
    folder = mkdtempSync(join(tmpdir(), 'sbms-running-'));
    passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, 'secret');
    const keys = await federationKeys([msk]);
    const identity = keys.identity(msk);
    globalAgent.options.ca = identity.caPem;
    // Of the name that people know, and not of the address that is asked.
    const certPem = certificateFor(keys.authority, identity, { hosts: ['msk.example.net'] });
    tls = { certPem, keyPem: identity.tlsKeyPem };
    server = createServer({ cert: certPem, key: identity.tlsKeyPem }, (request, response) => {
      asked.push(`${request.method} ${request.url} at ${request.headers.host}`);
      response.setHeader('content-type', 'application/json');
      const session = JSON.stringify({ token: 'a token' });
      response.end(request.url === '/readyz' ? '{"checks":{"store":{"ok":true}}}' : session);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => {
    globalAgent.options.ca = trusted;
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });

  const ask = (url: string, at: { host?: string; port?: number } = {}) =>
    callRunningNode(
      { host: '0.0.0.0', port, tls, url, ...at },
      { login: 'admin', passwordFile },
      { method: 'GET', path: '/api/v1/things' },
    );

  it('asks it where it listens, by the name that people know', async () => {
    await ask('https://msk.example.net:7410');
    expect(asked).to.deep.equal([
      'POST /api/v1/sessions at msk.example.net:7410',
      'GET /api/v1/things at msk.example.net:7410',
      'DELETE /api/v1/sessions/current at msk.example.net:7410',
    ]);
    const front = { host: '127.0.0.1', port, tls, url: 'https://msk.example.net:7410' };
    expect(await readinessAnswer(front)).to.deep.equal({ checks: { store: { ok: true } } });
  });

  it('asks it where people do, if nobody listens there', async () => {
    const keys = await federationKeys([msk]);
    server.setSecureContext({ cert: keys.identity(msk).certPem, key: tls.keyPem });
    await ask(`https://127.0.0.1:${port}`, { port: 1 });
    expect(asked[0]).to.equal(`POST /api/v1/sessions at 127.0.0.1:${port}`);
  });

  it('tells no password to who has another name', async () => {
    const failure = await ask('https://spb.example.net:1').catch(String);
    expect(failure).to.include('The node does not answer at https://spb.example.net:1');
    expect(failure).to.include(`at https://127.0.0.1:${port}: Hostname/IP does not match`);
    expect(asked).to.deep.equal([]);
  });

  it('says at both addresses that nobody is there', async () => {
    const failure = await ask('https://127.0.0.1:1', { port: 2 }).catch(String);
    expect(failure).to.match(/127\.0\.0\.1:1: .*ECONNREFUSED.*127\.0\.0\.1:2: .*ECONNREFUSED/);
  });
});
