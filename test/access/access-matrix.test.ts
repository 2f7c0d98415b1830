import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { AuditEntry } from '../../shared/access/audit.ts';
import { signActor } from '../../shared/federation/actor.ts';
import { createSigner } from '../../shared/federation/signing.ts';
import { type NodeCode, systemIds } from '../../shared/ids/ids.ts';
import { registerSubscriber, send, signIn, until } from '../support/federation.ts';
import { askPeerPort, stolenIdentity } from '../support/rogue.ts';
import { type PeerRow, peerRows } from './access-matrix.ts';
import { operationCells } from './data-cells.ts';
import { bearer, type Credential, credentialCells, roleCells } from './front-cells.ts';
import {
  codeOf,
  type Kind,
  type Person,
  play,
  rolesOf,
  type Stage,
  setStage,
} from './matrix-stage.ts';
import { askInProcess, badAssertions, badCertificates, peerPathOf } from './peer-cells.ts';

/** What the home branch writes down when a person of another branch asks. */
const visitActionOf = ({ route }: PeerRow) =>
  route.endsWith('payability')
    ? 'subscriber.check-payability'
    : route.endsWith('customers')
      ? 'customer.receive'
      : route.endsWith('searches')
        ? 'subscriber.search'
        : 'subscriber.look-up';

const idleMs = 31 * 60_000;
const kinds = ['branch', 'centre'] as const;
/** Loses everything with a release in the middle of his session. */
const withdrawnRole = { branch: 'senior', centre: 'reconciler' } as const;
const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('who gets in', () => {
  let stage: Stage;
  const people = {
    branch: new Map<string, { person: Person; may: ReadonlySet<string> }>(),
    centre: new Map<string, { person: Person; may: ReadonlySet<string> }>(),
  };
  const idle = { branch: '', centre: '' };
  let played = 0;

  before(async function () {
    this.timeout(180_000);
    stage = await setStage();
    for (const kind of kinds)
      idle[kind] = (await stage.enter(kind, 'sleeper', adminOf(kind))).token;
    stage.clock.shift(idleMs);
    for (const kind of kinds) {
      for (const [role, may] of rolesOf(kind)) {
        people[kind].set(role, { person: await stage.enter(kind, `as-${role}`, role), may });
      }
    }
  });
  after(async () => {
    console.log(`      ${played} cells`);
    await stage.federation.stop();
  });

  const adminOf = (kind: Kind) => `${kind === 'branch' ? 'branch' : 'centre'}-manager`;

  /** Every credential that is not good, or not good for this. */
  async function badCredentials(kind: Kind): Promise<Credential[]> {
    const { access, store, code, signer, clock, ids } = stage.running(kind);
    const by = { id: 'test', name: 'test', node: code };
    const other = kind === 'branch' ? 'centre' : 'branch';
    const role = adminOf(kind);
    const enter = (login: string) => stage.enter(kind, login, role);
    const [gone, disabled, changed] = [
      await enter('gone'),
      await enter('disabled'),
      await enter('changed'),
    ];
    const temporary = await stage.enter(kind, 'temporary', role, true);
    const good = people[kind].get(role)?.person ?? gone;
    await send(stage.url(kind), 'DELETE', '/api/v1/sessions/current', {
      headers: bearer(gone.token),
    });
    await store.write((tx) => access.disable(tx, { login: disabled.login, by }));
    const passwordHash = await access.hashPassword('violet trombone under ice');
    await store.write((tx) => access.setPassword(tx, { login: changed.login, passwordHash, by }));
    const elsewhere = people[other].get(adminOf(other))?.person.token ?? '';
    const assertion = await signActor(
      { signer, clock, ids },
      {
        to: code as NodeCode,
        actor: { operator: good.id, name: good.login, permissions: ['operator.manage'] },
        request: { method: 'GET', path: '/api/v1/operators' },
      },
    );
    const claims = { sub: good.id, aud: code, exp: 9_999_999_999, permissions: ['*'] };
    const unsigned = `${base64url({ alg: 'none', typ: 'JWT' })}.${base64url(claims)}.`;
    const hash = createHash('sha256').update(good.token).digest();
    const stranger = (
      what: string,
      headers: Record<string, string>,
      query?: string,
    ): Credential => ({
      ...{ what, headers, actor: '-', expected: 'not-signed-in' },
      ...(query === undefined ? {} : { query }),
    });
    const cookie = `__Host-sbms_session=${good.token}`;
    return [
      stranger('with nothing', {}),
      stranger('with an empty bearer', { authorization: 'Bearer ' }),
      stranger('with a word', bearer('x')),
      stranger('with a token of the right shape', bearer('A'.repeat(43))),
      stranger('with Basic', { authorization: `Basic ${base64url({ good: good.login })}` }),
      stranger('with a token in the address', {}, `?access_token=${good.token}`),
      stranger('with a JWT of alg none', bearer(unsigned)),
      stranger("with the node's own actor assertion", bearer(assertion)),
      stranger('with the stored hash of a session', bearer(hash.toString('base64url'))),
      stranger('with an idle session', bearer(idle[kind])),
      stranger('with a session that was signed out', bearer(gone.token)),
      stranger('as somebody disabled meanwhile', bearer(disabled.token)),
      stranger('with a session of before a new password', bearer(changed.token)),
      stranger('with a session of another node', bearer(elsewhere)),
      stranger('with two tokens', { authorization: `Bearer ${good.token}, Bearer ${good.token}` }),
      {
        ...{ what: 'by cookie from nowhere', headers: { cookie }, actor: good.id },
        ...{ expected: 'not-permitted', isForWrites: true },
      },
      {
        what: 'by cookie from another site',
        headers: { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
        ...{ actor: good.id, expected: 'not-permitted', isForWrites: true },
      },
      {
        what: 'with a password of somebody else',
        headers: bearer(temporary.token),
        ...{ actor: temporary.id, expected: 'password-temporary' },
      },
    ];
  }

  for (const kind of kinds) {
    it(`lets every role do its part at a ${kind}, and nothing else`, async () => {
      played += await play(stage, roleCells(kind, people[kind]));
    }).timeout(180_000);

    it(`lets nobody in with a bad credential at a ${kind}`, async () => {
      played += await play(stage, credentialCells(kind, await badCredentials(kind)));
    }).timeout(180_000);
  }

  it('lets each role do its kinds of operations, with own and foreign data', async () => {
    const senior = people.branch.get('senior')?.person;
    if (!senior) throw new Error('nobody may everything');
    played += await play(stage, await operationCells(stage, people.branch, senior));
  }).timeout(180_000);

  describe('between nodes', () => {
    let msisdn: string;
    before(async function () {
      this.timeout(180_000);
      const { hq, branch } = stage.federation;
      for (const node of [hq, branch('MSK')]) node.manager = await signIn(node.url, 'manager');
      msisdn = await registerSubscriber(branch('MSK'));
      const revoked = await hq.manager.post('/api/v1/nodes/NSK/revocation');
      expect(revoked.status, JSON.stringify(revoked.body)).to.equal(201);
      await until('MSK knows that NSK is out', () => {
        const { directory } = stage.running('branch');
        return directory.peer('NSK' as NodeCode)?.active === false;
      });
    });

    /** How often the trail says this of this caller. */
    async function written(kind: Kind, action: string, actor: string): Promise<AuditEntry[]> {
      const { store, audit } = stage.running(kind);
      return store.read((tx) => audit.list(tx, { limit: 1_000_000, action, actor }));
    }

    it('refuses every certificate that is not a member of now, over real TLS', async () => {
      const certificates = await badCertificates(stage);
      for (const kind of kinds) {
        stage.clock.shift(61_000);
        const { peerUrl } = stage.federation.branch(codeOf[kind]);
        for (const { what, identity, reason, claimed } of certificates) {
          const before = await written(kind, 'peer.refuse', claimed);
          const guarded = peerRows[kind].filter(({ who }) => who !== 'anybody');
          for (const each of guarded) {
            const [method = ''] = each.route.split(' ');
            const body = method === 'GET' ? '' : '{}';
            const asked = { method, body, identity };
            const answer = await askPeerPort(peerUrl, peerPathOf(each), asked);
            const name = `${kind} ${each.route} with ${what}`;
            expect([answer.status, answer.body.code], name).to.deep.equal([403, 'peer-refused']);
            expect(answer.body.detail, name).to.include(reason);
            played += 1;
          }
          await until(`${what} is in the audit trail`, async () => {
            const after = await written(kind, 'peer.refuse', claimed);
            // The revoked branch itself is still running, and asks as well.
            return after.length >= before.length + guarded.length;
          });
          const [newest] = await written(kind, 'peer.refuse', claimed);
          expect(newest).to.include({ outcome: 'denied', subject: 'tls' });
          expect(JSON.stringify(newest?.detail)).to.include(`${reason} from `);
        }
      }
    }).timeout(180_000);

    it('refuses every assertion that is not of this person, for this, now, once', async () => {
      const node = stage.running('branch');
      for (const each of peerRows.branch.filter(({ who }) => who === 'person')) {
        stage.clock.shift(61_000);
        const [method = ''] = each.route.split(' ');
        const path = peerPathOf(each).replace('79250099999', msisdn);
        const request = { method, path, ...(method === 'POST' ? { body: '{}' } : {}) };
        const assertions = await badAssertions(stage, request, each.permission ?? '');
        for (const { what, value, caller, expected } of assertions) {
          const isDenied = expected === 'not-permitted';
          const trail = async () =>
            isDenied
              ? (await written('branch', visitActionOf(each), 'op-1')).filter(
                  ({ outcome }) => outcome === 'denied',
                )
              : written('branch', 'peer.refuse', caller);
          const before = await trail();
          const answer = await askInProcess(node, { ...request, caller, assertion: value });
          const status = expected === 'clock-held' ? 503 : 403;
          expect(answer, `${each.route} with ${what}`).to.deep.equal({ status, code: expected });
          await until(`${what} is in the audit trail`, async () => {
            return (await trail()).length === before.length + 1;
          });
          played += 1;
        }
      }
    }).timeout(180_000);

    it('lets a person of another branch do what his role may, once', async () => {
      const node = stage.running('branch');
      const signer = createSigner(await stolenIdentity(stage.federation.branch('SPB')));
      const caller = 'SPB' as NodeCode;
      for (const each of peerRows.branch.filter(({ who }) => who === 'person')) {
        const [method = ''] = each.route.split(' ');
        const path = peerPathOf(each).replace('79250099999', msisdn);
        const request = { method, path, ...(method === 'POST' ? { body: '{}' } : {}) };
        for (const [role, may] of rolesOf('branch')) {
          const actor = { operator: role, name: role, permissions: [...may] };
          const deps = { signer, clock: stage.clock, ids: systemIds };
          const assertion = await signActor(deps, { to: node.code, actor, request });
          const ask = () => askInProcess(node, { ...request, caller, assertion });
          const first = await ask();
          const isLetIn = may.has(each.permission ?? '');
          const well = method === 'POST' ? 400 : 200;
          expect(first.status, `${each.route} as ${role}`).to.equal(isLetIn ? well : 403);
          expect(await ask(), `${each.route} replayed`).to.include({ code: 'replayed' });
          played += 2;
        }
      }
    }).timeout(180_000);

    it('answers of its own subscribers only, and of settlements to whom they concern', async () => {
      const branch = stage.running('branch');
      const signer = createSigner(await stolenIdentity(stage.federation.branch('SPB')));
      const ask = async (number: string) => {
        const path = `/peer/v1/subscribers/${number}`;
        const request = { method: 'GET', path };
        const actor = { operator: 'op', name: 'op', permissions: ['subscriber.read'] };
        const deps = { signer, clock: stage.clock, ids: systemIds };
        const assertion = await signActor(deps, { to: branch.code, actor, request });
        const caller = 'SPB' as NodeCode;
        return (await askInProcess(branch, { ...request, caller, assertion })).code;
      };
      expect(await ask(msisdn)).to.equal(undefined);
      // Where it has moved to is what the directory tells everybody; whose it is, is not told.
      expect(await ask('79211000001')).to.equal('subscriber-moved');
      expect(await ask('79031234567')).to.equal('unknown-number');
      const path = '/peer/v1/settlements/01900000-0000-7000-8000-000000000000/obligations';
      const obligations = async (kind: Kind, caller: string) => {
        const asked = { method: 'GET', path, caller: caller as NodeCode, assertion: undefined };
        return (await askInProcess(stage.running(kind), asked)).code;
      };
      expect(await obligations('branch', 'SPB')).to.equal('peer-refused');
      expect(await obligations('branch', 'HQ')).to.equal('settlement-not-found');
      expect(await obligations('centre', 'SPB')).to.equal('settlement-not-found');
      played += 6;
    });
  });

  it('takes from a session what a release takes from its role, at once', async () => {
    const { federation } = stage;
    const { hq } = federation;
    hq.manager = await signIn(hq.url, 'manager');
    const path = '/api/v1/reference-draft/datasets/roles';
    const { rows } = (await hq.manager.get(path)).body;
    const gone: string[] = Object.values(withdrawnRole);
    const left = rows.filter(({ role }: { role: string }) => !gone.includes(role));
    expect((await hq.manager.put(path, { rows: left })).status).to.equal(200);
    const releases = (await hq.manager.get('/api/v1/reference-releases')).body.items.length;
    await federation.publish();
    for (const kind of kinds) {
      const { references } = stage.running(kind);
      await until(`${codeOf[kind]} has the release`, () =>
        Boolean((references.current()?.version ?? 0) > releases),
      );
      const person = people[kind].get(withdrawnRole[kind])?.person;
      if (!person) throw new Error('nobody to take it from');
      const credential = {
        what: 'a role withdrawn meanwhile',
        headers: bearer(person.token),
        ...{ actor: person.id, expected: 'not-permitted' as const },
      };
      played += await play(stage, credentialCells(kind, [credential]));
    }
  }).timeout(180_000);
});
