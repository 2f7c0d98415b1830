import { setTimeout as pause } from 'node:timers/promises';
import { asked, errands, idOf, type Pick, type Shop, type Town } from './town.ts';

/** People at every desk, as long as it is to last; then everyone waits for his answer and goes home. */

const repeatedShare = 0.15;
const suspensePauseMs = 700;
const registeredPerShopMax = 60;

export interface Crowd {
  /** Nobody begins anything new; answers when everybody was answered. */
  leave(): Promise<void>;
}

export interface CrowdOptions {
  readonly random: () => number;
  readonly people: number;
  /** Between two errands of one person, at most. */
  readonly restMaxMs: number;
  /** Between two settlements at head office; a new release goes out with every third. */
  readonly settlementPauseMs: number;
}

export function pickWith(random: () => number): Pick {
  return (items) => {
    const item = items[Math.floor(random() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };
}

export function gatherCrowd(town: Town, options: CrowdOptions): Crowd {
  const { random } = options;
  const pick = pickWith(random);
  let over = false;
  const whileOpen = async (work: () => Promise<void>) => {
    while (!over) await work();
  };

  async function errand(): Promise<void> {
    const shop = pick(town.shops);
    let roll = Math.floor(random() * 1_000);
    const chosen = errands.find(({ perMille }) => {
      roll -= perMille;
      return roll < 0;
    });
    const wish = chosen?.wish(shop, town, pick);
    if (!wish) return pause(5);
    const answer = await asked(town, shop.clerk, { wish, isRepeated: random() < repeatedShare });
    if (answer.status === 201) remember(shop, answer.wish.path, answer);
    await pause(random() * options.restMaxMs);
  }

  function remember(shop: Shop, path: string, answer: Parameters<typeof idOf>[0]): void {
    if (path === '/api/v1/payments' && random() < 0.3) shop.payments.push(idOf(answer));
    const isHere = answer.body.servingBranch === answer.body.homeBranch;
    if (path !== '/api/v1/subscribers' || !isHere) return;
    if (shop.subscribers.length < registeredPerShopMax) shop.subscribers.push(answer.body.msisdn);
  }

  /** Refused payments are paid back, or sent to the number that was meant. */
  async function suspenseDesk(shop: Shop): Promise<void> {
    const page = await shop.clerk.tryGet('/api/v1/suspense?limit=20');
    for (const { operationId } of page?.status === 200 ? page.body.items : []) {
      const path = `/api/v1/suspense/${operationId}`;
      const msisdn = pick(pick(town.shops).subscribers);
      const wish =
        random() < 0.6
          ? { path: `${path}/refund` }
          : { path: `${path}/redirection`, body: { msisdn } };
      await asked(town, shop.clerk, { wish, isRepeated: random() < repeatedShare });
    }
    await pause(suspensePauseMs);
  }

  let cycle = 0;
  async function headOffice(): Promise<void> {
    cycle += 1;
    if (cycle % 3 === 0) await publish(town, cycle);
    await settle(town);
    for (let waited = 0; waited < options.settlementPauseMs && !over; waited += 50) await pause(50);
  }

  const work = [
    ...Array.from({ length: options.people }, () => whileOpen(errand)),
    ...town.shops.map((shop) => whileOpen(() => suspenseDesk(shop))),
    whileOpen(headOffice),
  ];
  const done = Promise.all(work);
  // Looked at in `leave`; until then nobody waits for it.
  done.catch(() => {});
  return {
    async leave() {
      over = true;
      await done;
    },
  };
}

/** What is owed by now is settled: one person makes, another approves. */
export async function settle(town: Town): Promise<void> {
  const { maker, checker } = town;
  const { body } = await maker.get('/api/v1/settlement-windows?state=OPEN');
  for (const { id } of body.items) {
    await asked(town, maker, { wish: { path: `/api/v1/settlement-windows/${id}/close` } });
  }
  const made = await asked(town, maker, { wish: { path: '/api/v1/settlements', body: {} } });
  if (made.status !== 201) return;
  const path = `/api/v1/settlements/${idOf(made)}`;
  const approved = await asked(town, checker, { wish: { path: `${path}/approval` } });
  if (approved.status >= 300) await asked(town, checker, { wish: { path: `${path}/abort` } });
}

/** A release that differs from the one before in a name. */
async function publish(town: Town, cycle: number): Promise<void> {
  const { maker, checker } = town;
  const path = '/api/v1/reference-draft/datasets/services';
  const { rows } = (await maker.get(path)).body;
  const name = `Голосовая почта ${cycle}-${town.answered.length}`;
  const changed = rows.map((row: { code: string }) =>
    row.code === 'VOICEMAIL' ? { ...row, name } : row,
  );
  await maker.ask({ method: 'PUT', path, body: { rows: changed } });
  town.answered.push(await checker.ask({ path: '/api/v1/reference-releases', body: {} }));
}
