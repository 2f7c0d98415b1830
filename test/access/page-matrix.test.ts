import { expect } from 'chai';
import { parse } from 'csv-parse/sync';
import { sessionCookie } from '../../shared/web/guard.ts';
import { customer, registerSubscriber, send } from '../support/federation.ts';
import { madeUp, pageRows } from './access-matrix.ts';
import { bearer } from './front-cells.ts';
import { type Kind, password, rolesOf, type Stage, setStage } from './matrix-stage.ts';

const kinds = ['branch', 'centre'] as const;

interface Look {
  readonly status: number;
  readonly location: string;
}

/** As a browser asks: with the cookie, or without. */
async function look(
  stage: Stage,
  kind: Kind,
  { route, token, site = 'same-origin' }: { route: string; token?: string; site?: string },
): Promise<Look> {
  const [method = '', path = ''] = route.split(' ');
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => madeUp[name] ?? name);
  const answer = await fetch(stage.url(kind) + filled, {
    method,
    redirect: 'manual',
    headers: {
      'sec-fetch-site': site,
      ...(token === undefined ? {} : { cookie: `${sessionCookie}=${token}` }),
      ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
    },
    ...(method === 'POST' ? { body: 'unexpected=true' } : {}),
  });
  await answer.arrayBuffer();
  return { status: answer.status, location: answer.headers.get('location') ?? '' };
}

/** A customer of this name, whom lists show. */
async function nameCustomer(stage: Stage, token: string, name: string): Promise<void> {
  const headers = bearer(token);
  const msisdn = await registerSubscriber(stage.federation.branch('MSK'));
  const url = stage.url('branch');
  const card = await send(url, 'GET', `/api/v1/subscribers/${msisdn}`, { headers });
  const path = `/api/v1/customers/${card.body.customer.number}`;
  const named = await send(url, 'PUT', path, { headers, body: { ...customer, name } });
  expect(named.status, JSON.stringify([card.body, named.body])).to.equal(200);
}

describe('who sees which page', () => {
  let stage: Stage;

  before(async function () {
    this.timeout(180_000);
    stage = await setStage();
  });
  after(() => stage.federation.stop());

  for (const kind of kinds) {
    it(`is what the table says, for every role of a ${kind}`, async () => {
      const faults: string[] = [];
      for (const [role, may] of rolesOf(kind)) {
        const { token } = await stage.enter(kind, `page-${role}`, role);
        for (const { route, needs } of pageRows[kind]) {
          const { status } = await look(stage, kind, { route, token });
          const isLetIn = needs === 'signed-in' || may.has(needs);
          if ((status !== 403) !== isLetIn || status >= 500) {
            faults.push(`${role} ${route}: ${status}`);
          }
        }
      }
      expect(faults).to.deep.equal([]);
    }).timeout(180_000);

    it(`leads who is not signed in at a ${kind} to the door`, async () => {
      for (const { route } of pageRows[kind]) {
        const { status, location } = await look(stage, kind, { route });
        expect([status, location.split('?')[0]], route).to.deep.equal([303, '/sign-in']);
      }
    }).timeout(120_000);

    it(`takes no form at a ${kind} that another site sends`, async () => {
      const { token } = await stage.enter(kind, 'lured', `${kind}-manager`);
      for (const { route } of pageRows[kind].filter((row) => row.route.startsWith('POST'))) {
        const { status } = await look(stage, kind, { route, token, site: 'cross-site' });
        expect(status, route).to.equal(403);
      }
    }).timeout(120_000);
  }

  it('hands out no CSV in which a text is a formula, whatever was typed', async () => {
    const typed = ['=HYPERLINK("http://evil.example")', '+1', '@x', '\t=1', '\r-1', 'x;=1+1'];
    let met = 0;
    for (const kind of kinds) {
      const role = `${kind}-manager`;
      const { token } = await stage.enter(kind, 'typist', role);
      // Hashing is slow: two of them are names of who signs in, all of them names of customers.
      for (const [index, name] of typed.slice(0, 2).entries()) {
        const login = `formula${index}`;
        const body = { login, name, role, password, temporary: false };
        const path = '/api/v1/operators';
        const added = await send(stage.url(kind), 'POST', path, { headers: bearer(token), body });
        expect(added.status, JSON.stringify(added.body)).to.equal(201);
        await stage.signIn(kind, login);
      }
      if (kind === 'branch') for (const name of typed) await nameCustomer(stage, token, name);
      for (const { route } of pageRows[kind].filter((row) => /^GET [^{]*$/.test(row.route))) {
        const asked = `${stage.url(kind)}${route.split(' ')[1]}?format=csv`;
        const answer = await fetch(asked, { headers: { cookie: `${sessionCookie}=${token}` } });
        const text = await answer.text();
        if (!answer.headers.get('content-type')?.startsWith('text/csv')) continue;
        for (const cell of parse(text, { bom: true }).flat().map(String)) {
          if (/^-?\d+(\.\d+)?$/.test(cell)) continue;
          expect(cell, route).not.to.match(/(?:^|[;\t\r\n])\s*[=+\-@]/);
          if (cell.includes("'")) met += 1;
        }
      }
    }
    expect(met).to.be.greaterThan(8);
  }).timeout(120_000);

  it('refuses a date that is none, on a page and behind it', async () => {
    const { token } = await stage.enter('centre', 'dated', 'centre-manager');
    for (const query of ['to=x', 'from=x', 'from=x&to=y', 'to=2025-02-30', 'to=&format=csv']) {
      const { status } = await look(stage, 'centre', { route: `GET /figures?${query}`, token });
      expect(status, query).to.equal(400);
    }
    const asked = '/api/v1/figures?from=x&to=y';
    const answer = await send(stage.url('centre'), 'GET', asked, { headers: bearer(token) });
    expect(answer.status, JSON.stringify(answer.body)).to.equal(400);
  }).timeout(120_000);

  it('writes down who was refused a page', async () => {
    const { id, token } = await stage.enter('branch', 'curious', 'cashier');
    await look(stage, 'branch', { route: 'GET /audit', token });
    const { store, audit } = stage.running('branch');
    const rows = await store.read((tx) =>
      audit.list(tx, { limit: 5, action: 'access.deny', actor: id }),
    );
    expect(rows.map(({ subject }) => subject)).to.deep.equal(['GET /audit']);
  }).timeout(120_000);
});
