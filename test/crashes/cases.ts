import { until } from '../support/federation.ts';
import type { Clerk, Wish } from './clerk.ts';
import { asked, type Town } from './town.ts';

/** What people at head office do about cases. */

const caseMaxMs = 240_000;

async function openCases({ maker }: Town) {
  const { items } = (await maker.get('/api/v1/cases?limit=200')).body;
  return items.filter(({ state }: { state: string }) => state !== 'closed');
}

/** Something without money is accepted for a branch that is away. @returns the operation's id. */
export async function strandedBlock(
  town: Town,
  { serving, home }: { serving: string; home: string },
): Promise<string> {
  const shop = (code: string) => town.shops.find((each) => each.code === code);
  const msisdn = shop(home)?.subscribers[0];
  const clerk = shop(serving)?.clerk;
  if (!clerk || msisdn === undefined) throw new Error(`${serving} and ${home} are no shops`);
  const wish = { path: '/api/v1/blocks', body: { msisdn, action: 'unblock' } };
  const { body } = await asked(town, clerk, { wish });
  return body.operationId;
}

/** Its leg is missed for too long. */
export async function untilCaseOpens(town: Town): Promise<void> {
  const isOpen = async () => (await openCases(town)).length > 0;
  await until('head office opens the case', isOpen, caseMaxMs);
}

/** One person explains it and proposes that nothing is owed, another one agrees. */
export async function adjustOpenCases(town: Town): Promise<void> {
  const { maker, checker } = town;
  for (const { id } of await openCases(town)) {
    const path = `/api/v1/cases/${id}`;
    const steps = [
      { by: maker, path: `${path}/explanation`, body: { explanation: 'the branch was away' } },
      { by: maker, path: `${path}/adjustment`, body: { reason: 'nothing is owed' } },
    ];
    let proposal = '';
    const step = async (by: Clerk, wish: Wish) => {
      const { status, body } = await asked(town, by, { wish });
      if (status >= 300) throw new Error(`${wish.path}: ${JSON.stringify(body)}`);
      proposal = body.adjustment?.id ?? '';
    };
    for (const { by, ...wish } of steps) await step(by, wish);
    await step(checker, { path: `${path}/adjustment-approval`, body: { proposal } });
  }
}
