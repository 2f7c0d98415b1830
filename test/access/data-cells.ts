import {
  cash,
  customer,
  nextNumber,
  receiveSim,
  registerSubscriber,
  signIn,
  until,
} from '../support/federation.ts';
import { madeUp, operationRows, type Whose } from './access-matrix.ts';
import { bearer } from './front-cells.ts';
import type { Cell, Person, Stage } from './matrix-stage.ts';

const foreignNumber = '79031234567';
type People = ReadonlyMap<string, { person: Person; may: ReadonlySet<string> }>;

/**
 * Every kind of operation, at one branch, for a subscriber of its own, of another branch and of nobody here: as each
 * role that may not, and once as somebody who may. Then what may be read of each.
 */
export async function operationCells(
  stage: Stage,
  people: People,
  senior: Person,
): Promise<Cell[]> {
  const { federation } = stage;
  const [msk, spb] = [federation.branch('MSK'), federation.branch('SPB')];
  for (const node of [msk, spb]) node.manager = await signIn(node.url, 'manager');

  const pay = async (node: typeof msk, msisdn: string): Promise<string> => {
    const answer = await node.manager.post('/api/v1/payments', { msisdn, ...cash('900.00') });
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    return answer.body.operationId;
  };
  const subscriber = async (node: typeof msk): Promise<string> => {
    const msisdn = await registerSubscriber(node);
    await pay(node, msisdn);
    return msisdn;
  };
  const own = await subscriber(msk);
  const peer = await subscriber(spb);
  const payments: Record<Whose, string> = {
    own: await pay(msk, own),
    peer: await pay(msk, peer),
    foreign: await pay(spb, peer),
  };
  await federation.untilQuiet();
  await until('the payments are concluded', async () => {
    const found = await msk.manager.get(`/api/v1/operations/${payments.peer}`);
    return found.body.state === 'concluded';
  });
  const numbers: Record<Whose, string> = { own, peer, foreign: foreignNumber };

  const free = async (whose: Whose): Promise<string> => {
    if (whose === 'foreign') return foreignNumber;
    const node = whose === 'own' ? msk : spb;
    const msisdn = nextNumber(node.code);
    await node.manager.post('/api/v1/numbers', { numbers: [msisdn] });
    return msisdn;
  };

  async function bodyOf(kind: string, whose: Whose): Promise<object> {
    const msisdn = numbers[whose];
    const moved = async () => (whose === 'peer' ? { msisdn: await subscriber(spb) } : { msisdn });
    switch (kind) {
      case 'payment':
        return { msisdn, ...cash('100.00') };
      case 'rate-plan-change':
        return { msisdn, ratePlan: 'UNLIMITED' };
      case 'service-change':
        return { msisdn, service: await aService(), action: 'on' };
      case 'block':
        return { msisdn, action: 'block' };
      case 'sim-replacement':
        return { msisdn, iccid: await receiveSim(msk) };
      case 'payment-cancellation':
        return {};
      case 'number-move':
        return { ...(await moved()), iccid: await receiveSim(msk), customer };
      case 'registration':
        return {
          ...{
            msisdn: await free(whose),
            iccid: await receiveSim(msk),
            ratePlan: 'BASIC',
            customer,
          },
        };
      case 'termination':
        return { msisdn };
      default:
        throw new Error(`what is asked for ${kind}?`);
    }
  }

  async function aService(): Promise<string> {
    const { items } = (await msk.manager.get('/api/v1/services')).body;
    return items.at(-1).code;
  }

  const cells: Cell[] = [];
  for (const { kind, route, needs, outcome } of operationRows) {
    for (const whose of ['own', 'peer', 'foreign'] as const) {
      const path = (route.split(' ')[1] ?? '').replace('{operationId}', payments[whose]);
      const asked = { kind: 'branch' as const, route, path, body: await bodyOf(kind, whose) };
      for (const [role, { person, may }] of people) {
        if (may.has(needs)) continue;
        const what = `for ${whose} data as ${role}`;
        const who = { actor: person.id, headers: bearer(person.token) };
        cells.push({ ...asked, ...who, what, expected: 'not-permitted' });
      }
      const who = { actor: senior.id, headers: bearer(senior.token) };
      cells.push({ ...asked, ...who, what: `for ${whose} data`, expected: outcome[whose] });
    }
  }
  return [...readCells(senior, numbers, payments), ...cells];
}

/** What is not of this branch, or was not served here, is not there. */
function readCells(
  senior: Person,
  numbers: Readonly<Record<Whose, string>>,
  payments: Readonly<Record<Whose, string>>,
): Cell[] {
  const who = { kind: 'branch' as const, actor: senior.id, headers: bearer(senior.token) };
  const reads: readonly [route: string, ids: Readonly<Record<Whose, string>>, foreign: string][] = [
    ['GET /api/v1/subscribers/{msisdn}', numbers, 'foreign-number'],
    ['GET /api/v1/operations/{id}', payments, 'operation-not-found'],
    ['GET /api/v1/payments/{operationId}', payments, 'operation-not-found'],
    ['GET /api/v1/payments/{operationId}/receipt', payments, 'operation-not-found'],
  ];
  const found = reads.flatMap(([route, ids, foreign]) =>
    (['own', 'peer', 'foreign'] as const).map((whose) => ({
      ...{ ...who, route, what: `of ${whose} data` },
      path: (route.split(' ')[1] ?? '').replace(/\{\w+\}/, ids[whose]),
      expected: whose === 'foreign' ? foreign : 200,
    })),
  );
  const refund = 'POST /api/v1/suspense/{operationId}/refund';
  const path = (refund.split(' ')[1] ?? '').replace('{operationId}', payments.foreign);
  const stranger = { ...who, route: refund, path, body: {} };
  const customerPath = `/api/v1/customers/${madeUp.number}`;
  return [
    ...found,
    { ...stranger, what: "of another branch's payment", expected: 'operation-not-found' },
    {
      ...{ ...who, route: 'PUT /api/v1/customers/{number}', path: customerPath, body: customer },
      ...{ what: 'of nobody', expected: 'not-found' },
    },
  ];
}
