import { expect } from 'chai';
import { type ActorRequest, signActor, verifyActor } from '../../../shared/federation/actor.ts';
import { createSigner, createVerifier } from '../../../shared/federation/signing.ts';
import { type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import {
  changeableDirectory,
  federationKeys,
  refusalBy,
  shiftableClock,
} from '../../support/federation-keys.ts';

const msk = 'MSK' as NodeCode;
const spb = 'SPB' as NodeCode;
const nsk = 'NSK' as NodeCode;
const actor = { operator: 'op-1', name: 'Анна Кузнецова', permissions: ['subscriber.read'] };
const request: ActorRequest = { method: 'POST', path: '/peer/v1/lookups?x=1', body: '{"a":1}' };

describe('actor assertions', () => {
  async function setUp() {
    const keys = await federationKeys([msk, spb, nsk]);
    const directory = changeableDirectory([keys.peer(msk), keys.peer(nsk)]);
    const { headOfficeKey } = keys.identity(spb);
    const clock = shiftableClock();
    const used = new Set<string>();
    const deps = {
      verifier: createVerifier({ directory, headOfficeKey }),
      clock,
      self: spb,
      rememberJti: (jti: string) => !used.has(jti) && used.add(jti) === used,
    };
    const signer = createSigner(keys.identity(msk));
    const sign = (to = spb) => signActor({ signer, clock, ids: systemIds }, { to, actor, request });
    return { keys, clock, deps, signer, sign };
  }

  it('tells the home branch who asks', async () => {
    const { deps, sign } = await setUp();
    const seen = await verifyActor(deps, await sign(), { caller: msk, request });
    expect(seen).to.deep.equal({ branch: 'MSK', ...actor });
  });

  it('is good once', async () => {
    const { deps, sign } = await setUp();
    const jws = await sign();
    await verifyActor(deps, jws, { caller: msk, request });
    const refusal = await refusalBy(verifyActor(deps, jws, { caller: msk, request }));
    expect(refusal).to.include({ code: 'replayed' });
  });

  it('is good for its own request only', async () => {
    const { deps, sign } = await setUp();
    const others = [
      { ...request, method: 'GET' },
      { ...request, path: '/peer/v1/lookups?x=2' },
      { ...request, body: '{"a":2}' },
      { method: request.method, path: request.path },
    ];
    for (const other of others) {
      const refusal = await refusalBy(
        verifyActor(deps, await sign(), { caller: msk, request: other }),
      );
      expect(refusal.message).to.include('another request');
    }
  });

  it('is refused at another node than it is meant for, and from another caller', async () => {
    const { deps, sign } = await setUp();
    const meant = await refusalBy(verifyActor(deps, await sign(nsk), { caller: msk, request }));
    expect(meant.message).to.include('meant for another node');
    const carried = await refusalBy(verifyActor(deps, await sign(), { caller: nsk, request }));
    expect(carried).to.include({ code: 'peer-refused' });
  });

  it('cannot speak for another branch', async () => {
    const { keys, deps, clock } = await setUp();
    const signer = { ...createSigner(keys.identity(msk)), node: nsk };
    const jws = await signActor({ signer, clock, ids: systemIds }, { to: spb, actor, request });
    const refusal = await refusalBy(verifyActor(deps, jws, { caller: msk, request }));
    expect(refusal.message).to.include('issued by another node');
  });

  for (const [shiftMs, good] of [
    [88_000, true],
    [92_000, false],
    [-28_000, true],
    [-32_000, false],
  ] as const) {
    it(`is ${good ? 'taken' : 'refused'} ${shiftMs / 1000} s after its signing`, async () => {
      const { deps, clock, sign } = await setUp();
      const jws = await sign();
      clock.shift(shiftMs);
      const verified = verifyActor(deps, jws, { caller: msk, request });
      if (good) await verified;
      else expect(await refusalBy(verified)).to.include({ code: 'clock-held' });
    });
  }

  it('may not live longer than a minute, nor carry more than it says', async () => {
    const { deps, clock, signer, sign } = await setUp();
    const claims = JSON.parse(
      Buffer.from((await sign()).split('.')[1] ?? '', 'base64url').toString(),
    );
    const iat = Math.floor(clock.nowMs() / 1000);
    for (const changes of [{ exp: iat + 600 }, { admin: true }, { jti: '' }, { exp: 'later' }]) {
      const jws = await signer.sign('sbms-actor+jws', { ...claims, ...changes });
      const refusal = await refusalBy(verifyActor(deps, jws, { caller: msk, request }));
      expect(refusal).to.include({ code: 'peer-refused' });
    }
  });
});
