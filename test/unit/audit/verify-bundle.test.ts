import { expect } from 'chai';
import type { BundleScope } from '../../../shared/audit/bundle.ts';
import { type Verdict, verifyBundle } from '../../../shared/audit/verify-bundle.ts';
import { describeVerdict } from '../../../shared/audit/verify-command.ts';
import { publicKeyOf } from '../../../shared/federation/identity.ts';
import { headOffice } from '../../../shared/ids/ids.ts';
import {
  bundle,
  msk,
  type Party,
  party,
  publicKey,
  releaseLines,
  streamLines,
} from './bundle-fixture.ts';

const period = { from: '2026-11-01', to: '2026-11-30' };
const operation = 'operation-1';

describe('an audit bundle that head office, or who has its key, made wrong', () => {
  let centre: Party;
  let branch: Party;
  let release: object[];
  before(async () => {
    centre = await party(headOffice);
    branch = await party(msk);
    release = await releaseLines(centre, { version: 1, branch });
  });

  const keyOf = ({ signingKey }: Party) => publicKeyOf(signingKey);
  async function verdictOn(lines: readonly string[], trust = keyOf(centre)): Promise<Verdict> {
    async function* each() {
      yield* lines;
    }
    return verifyBundle(each(), trust);
  }
  async function told(scope: BundleScope, content: readonly object[]): Promise<string> {
    const lines = await bundle(centre, { scope, content: [...release, ...content] });
    return describeVerdict(await verdictOn(lines)).join(' ');
  }

  it('is proven when nothing is wrong with it, and says of what', async () => {
    const stream = await streamLines(branch, [{ id: 'other', isHidden: true }, { id: operation }]);
    expect(await told({ operation }, stream)).to.match(/^Proven: .*operation operation-1/);
    const whole = await streamLines(branch, [{ id: 'other' }, { id: operation }]);
    expect(await told(period, whole)).to.match(/^Proven: .*2026-11-01 to 2026-11-30/);
  });

  it('may keep back no entry of a period', async () => {
    const stream = await streamLines(branch, [{ id: operation }, { id: 'kept', isHidden: true }]);
    expect(await told(period, stream)).to.match(/Refuted .*left out.* position 2/);
  });

  it('tells no stretch of a period twice', async () => {
    const stream = await streamLines(branch, [{ id: operation }]);
    expect(await told(period, [...stream, ...stream])).to.match(/Refuted .*twice.* position 1/);
  });

  it('proves no operation and no settlement that is not in it', async () => {
    const stream = await streamLines(branch, [{ id: 'other' }, { id: operation, isHidden: true }]);
    expect(await told({ operation }, stream)).to.include('Refuted');
    expect(await told({ settlement: 'settlement-1' }, stream)).to.include('Refuted');
  });

  it('names the first entry that is missing where it was cut off', async () => {
    const stream = await streamLines(branch, [{ id: operation }, { id: 'cut off' }]);
    const lines = await bundle(centre, { scope: period, content: [...release, ...stream] });
    const verdict = await verdictOn(lines.slice(0, -2));
    expect(describeVerdict(verdict).join(' ')).to.match(/is missing.* position 2/);
  });

  it('has told a branch one thing of a settlement, and a thing that can be read', async () => {
    const position = {
      peer: 'SPB',
      count: 1,
      gross: '100',
      commission: '0',
      fees: '0',
      net: '100',
    };
    const body = {
      ...{ settlementId: 'settlement-1', currency: 'RUB', model: 'bilateral', windows: ['w'] },
      ...{ madeBy: 'A', approvedBy: 'B', completedAt: '2026-11-30T12:00:00.000Z', positions: [] },
    };
    const toldIn = async (...bodies: object[]) => {
      const kind = 'settlement.completed';
      const facts = bodies.map((each) => ({ id: 'settlement-1', kind, body: each }));
      return told({ settlement: 'settlement-1' }, await streamLines(centre, facts, msk));
    };
    expect(await toldIn(body, body)).to.match(/^Proven/);
    // A newer head office that was set back says it again, with what it knows more.
    expect(await toldIn(body, { ...body, newer: true })).to.match(/^Proven/);
    const other = { ...body, positions: [position] };
    expect(await toldIn(other, body)).to.match(/^Refuted .*otherwise.* position 2/);
    expect(await toldIn({})).to.match(/^Refuted .*cannot be read.* position 1/);
  });

  it('names no obligations that nobody holds against anything', async () => {
    const obligation = {
      ...{ type: 'obligation', settlementId: 'settlement-1', operationId: operation, attempt: 1 },
      ...{ kind: 'payment', debtor: 'MSK', creditor: 'SPB', currency: 'RUB' },
      ...{ gross: '100', commission: '0', fee: '0', net: '100' },
    };
    const stream = await streamLines(branch, [{ id: operation }]);
    expect(await told(period, [...stream, obligation])).to.include('Refuted');
    const other = { ...obligation, settlementId: 'settlement-2' };
    expect(await told({ settlement: 'settlement-1' }, [other])).to.include('of another settlement');
  });

  it('is believed by no key that was taken from head office', async () => {
    const next = await party(headOffice);
    const own = (of: Party, state: 'accepted' | 'revoked') =>
      ({ node: headOffice, use: 'signing', key: publicKey(of), state }) as const;
    const newest = await releaseLines(next, {
      ...{ version: 3, branch },
      keys: [own(centre, 'revoked'), own(next, 'accepted')],
    });
    const stream = await streamLines(branch, [{ id: operation }]);
    const honest = [...newest, ...release, ...stream];
    const whole = await bundle(next, { scope: period, content: honest });
    expect((await verdictOn(whole, keyOf(next))).proven).to.equal(true);
    // Who has the key that was taken makes releases of before, with branches of his own, and what these have signed.
    const thief = await party(msk);
    const forged = await releaseLines(centre, { version: 2, branch: thief });
    const lie = await streamLines(thief, [{ id: 'never' }]);
    const lies = await bundle(centre, { scope: period, content: [...newest, ...forged, ...lie] });
    expect((await verdictOn(lies, keyOf(next))).proven, 'sealed by it').to.equal(false);
    const helper = await party(headOffice);
    const keys = [own(helper, 'accepted')];
    const vouched = await releaseLines(centre, { version: 2, branch: thief, keys });
    const content = [...newest, ...vouched, ...lie];
    const further = await bundle(helper, { scope: period, content });
    expect((await verdictOn(further, keyOf(next))).proven, 'by one it vouches for').to.equal(false);
  });

  it('writes nothing on the terminal but what it is told to', async () => {
    const serial = '\r\u001b[2KProven: 9 entries\u202e';
    const certificate = {
      ...{ type: 'certificate', code: 'SPB', serial, tlsKeySha256: 'b'.repeat(64) },
      ...{ notBefore: '', notAfter: '' },
    };
    expect(await told(period, [certificate])).to.match(/^Refuted [^\p{Cc}\p{Cf}]*$/u);
  });
});
