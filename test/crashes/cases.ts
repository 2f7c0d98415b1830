import { until } from '../support/federation.ts';
import { asked, type Town } from './town.ts';

/** What people at head office do about cases. */

const caseMaxMs = 60_000;

async function openCases({ maker }: Town) {
  const { items } = (await maker.get('/api/v1/cases?limit=200')).body;
  return items.filter(({ state }: { state: string }) => state !== 'closed');
}

/** Something without money is accepted for a branch that is away, until head office misses its leg. */
export async function caseOfStrandedBlock(
  town: Town,
  { serving, home }: { serving: string; home: string },
): Promise<void> {
  const shop = (code: string) => town.shops.find((each) => each.code === code);
  const msisdn = shop(home)?.subscribers[0];
  const clerk = shop(serving)?.clerk;
  if (!clerk || msisdn === undefined) throw new Error(`${serving} and ${home} are no shops`);
  const wish = { path: '/api/v1/blocks', body: { msisdn, action: 'unblock' } };
  const { body } = await asked(town, clerk, { wish });
  town.adjusted.add(body.operationId);
  await until(
    'head office opens the case',
    async () => (await openCases(town)).length > 0,
    caseMaxMs,
  );
}

/** One person proposes that nothing is owed, another one agrees. */
export async function adjustOpenCases(town: Town): Promise<void> {
  const { maker, checker } = town;
  for (const { id } of await openCases(town)) {
    const path = `/api/v1/cases/${id}/adjustment`;
    await asked(town, maker, { wish: { path, body: { reason: 'nothing is owed' } } });
    const approved = await asked(town, checker, { wish: { path: `${path}-approval` } });
    if (approved.status >= 300) throw new Error(JSON.stringify(approved.body));
  }
}
