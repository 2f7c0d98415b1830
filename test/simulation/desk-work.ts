import { headOffice, type NodeCode } from '../../shared/ids/ids.ts';
import { calendarDay } from '../../shared/time/clock.ts';
import type { Chance } from './chance.ts';
import type { Machine } from './machine.ts';
import type { People, Wish } from './people.ts';
import type { Template } from './template.ts';

/** What people do all day, at random: every kind of operation, and head office's work. */

export type Work = ReturnType<typeof createWork>;

const kinds = {
  payment: 30,
  cancellation: 9,
  suspense: 8,
  registration: 4,
  'number-move': 6,
  'sim-replacement': 4,
  'rate-plan-change': 3,
  'service-change': 3,
  block: 3,
  termination: 1,
  'day-close': 3,
  settlement: 7,
  release: 4,
  case: 2,
} as const;

export type WorkKind = keyof typeof kinds;

export function isWorkKind(text: string): text is WorkKind {
  return Object.hasOwn(kinds, text);
}

const wantedTimes = 4;

export function createWork(deps: {
  chance: Chance;
  /** Of these there is much, whatever is drawn. */
  wanted: readonly WorkKind[];
  /** Where people stand in line, and whose subscribers are served everywhere. */
  crowded: NodeCode | undefined;
  /** Windows are closed, settled and approved one after the other, and soon again. */
  settlesOften: boolean;
  /** What waits for somebody is taken up by two at a time. */
  inPairs: boolean;
  people: People;
  machines: ReadonlyMap<NodeCode, Machine>;
  template: Template;
}) {
  const { chance, people, template } = deps;
  const { codes } = template;
  const known = codes.flatMap((code) => [...(template.numbers.get(code) ?? [])]);
  const taken: { code: NodeCode; id: string }[] = [];
  const cancelled: { code: NodeCode; id: string }[] = [];
  const suspended: { code: NodeCode; id: string }[] = [];
  const cards = new Map(codes.map((code) => [code, [...(template.cards.get(code) ?? [])]]));
  const weights = new Map<WorkKind, number>();
  for (const [kind, weight] of Object.entries(kinds)) {
    // Each seed has a day of its own: of some things much, of others nothing.
    weights.set(kind as WorkKind, weight * chance.pick([0, 0.5, 1, 1, 1, 3]));
  }
  weights.set('payment', kinds.payment);
  for (const kind of deps.wanted) weights.set(kind, wantedTimes * kinds[kind]);
  const crowd = [...(deps.crowded ? (template.numbers.get(deps.crowded) ?? []) : [])].slice(-2);
  const wrongNumbers = deps.wanted.includes('suspense') ? 0.5 : 0.06;
  const givesOut = deps.wanted.includes('registration');
  /** Where numbers move often, one of them goes to and fro. */
  let wanderer: string | undefined;
  let serial = 0;
  let settlements = 0;

  function somewhere(): NodeCode {
    if (crowd.length > 0 && deps.crowded && chance.happens(0.5)) return deps.crowded;
    return chance.pick(codes);
  }

  const foreignTo = (code: NodeCode) => known.filter((number) => homeOf(number) !== code);

  function homeOf(number: string): NodeCode | undefined {
    return codes.find((code) => {
      const own = [
        ...(template.numbers.get(code) ?? []),
        ...(template.freeNumbers.get(code) ?? []),
      ];
      return own.includes(number);
    });
  }

  /** A sum that no other payment of this seed has: what it became of can be told by it. */
  function freshMoney(currency: string) {
    serial += 1;
    const kopecks = chance.happens(0.05) ? 600_000 + serial : 1_000 + serial * 7;
    const text = String(kopecks).padStart(3, '0');
    return { amount: `${text.slice(0, -2)}.${text.slice(-2)}`, currency };
  }

  function cardAt(code: NodeCode): string | undefined {
    const stock = cards.get(code) ?? [];
    // Now and then the same card for two people, and often where much is given out.
    return chance.happens(givesOut ? 0.5 : 0.15) ? stock.at(-1) : stock.pop();
  }

  /** Whoever was told that it is his has gone away with it, whatever his branch forgets. */
  const handsOut = (code: NodeCode, iccid: string | undefined) => (wish: Wish) => {
    const stock = cards.get(code) ?? [];
    if (wish.outcome === 'done' && stock.at(-1) === iccid) stock.pop();
  };

  const anyNumber = (code: NodeCode) => {
    const roll = chance.fraction();
    if (roll < wrongNumbers) return String(BigInt(known[0] ?? '0') + 777n);
    return oneOf(roll < 0.7 ? foreignTo(code) : known);
  };

  const oneOf = (numbers: readonly string[]) => {
    const wanted = crowd.length > 0 && chance.happens(0.4);
    return chance.pick(wanted ? crowd : numbers);
  };

  const customer = { name: 'Пришелец', document: { type: 'passport-rf', number: '4500 1' } };

  const acts: Record<WorkKind, (code: NodeCode) => void> = {
    payment(code) {
      const msisdn = anyNumber(code);
      // Now and then in the currency of another account.
      const isTenge = template.inTenge.has(msisdn) !== chance.happens(0.05);
      const body = {
        msisdn,
        money: freshMoney(isTenge ? 'KZT' : 'RUB'),
        tender: { kind: isTenge ? 'tenge' : chance.pick(['cash', 'card']) },
      };
      people.wish(
        { code, what: 'payment', path: '/api/v1/payments', body },
        ({ answer, outcome }) => {
          if (outcome === 'done')
            taken.push({ code, id: String(answer?.body.operationId ?? answer?.body.id) });
        },
      );
    },
    cancellation(code) {
      // Where much is forgotten, people cancel again what was cancelled before.
      const again = deps.crowded !== undefined && chance.happens(0.3);
      const own = (again ? cancelled : taken).filter((payment) => payment.code === code);
      if (own.length === 0) return acts.payment(code);
      const { id } = chance.pick(own);
      const path = `/api/v1/payments/${id}/cancellation`;
      people.wish({ code, what: 'cancellation', path, body: {} }, ({ outcome }) => {
        if (outcome === 'done') cancelled.push({ code, id });
      });
    },
    suspense(code) {
      const look = { code, what: 'suspense', path: '/api/v1/suspense', method: 'GET' } as const;
      people.wish(look, ({ answer, outcome }) => {
        if (outcome !== 'done') return;
        for (const item of answer?.body.items ?? [])
          suspended.push({ code, id: item.operationId ?? item.id });
        const own = suspended.filter((payment) => payment.code === code);
        if (own.length === 0) return;
        const { id } = chance.pick(own);
        const path = `/api/v1/suspense/${id}`;
        const refund = () =>
          people.wish({ code, what: 'refund', path: `${path}/refund`, body: {} });
        const redirect = () => {
          const body = { msisdn: anyNumber(code) };
          people.wish({ code, what: 'redirection', path: `${path}/redirection`, body });
        };
        const isRefund = chance.happens(0.6);
        if (isRefund) refund();
        if (!isRefund || deps.inPairs) redirect();
        if (!isRefund && deps.inPairs) refund();
      });
    },
    registration(code) {
      const iccid = cardAt(code);
      const home = chance.happens(0.6) ? code : chance.pick(codes);
      const body = {
        ...{ iccid, customer, homeBranch: home },
        ratePlan: chance.pick(['BASIC', 'BASIC', 'STEPPE']),
        ...(chance.happens(0.6)
          ? { msisdn: chance.pick(template.freeNumbers.get(home) ?? []) }
          : {}),
      };
      people.wish({ code, what: 'registration', path: '/api/v1/subscribers', body }, (made) => {
        handsOut(code, iccid)(made);
        if (made.outcome === 'done') known.push(String(made.answer?.body.msisdn));
      });
    },
    'number-move'(code) {
      const isBack = wanderer !== undefined && chance.happens(0.7);
      const [msisdn, iccid] = [isBack ? wanderer : oneOf(foreignTo(code)), cardAt(code)];
      if (deps.wanted.includes('number-move')) wanderer = msisdn;
      const body = { msisdn, iccid, customer };
      const asked = { code, what: 'number-move', path: '/api/v1/number-moves', body };
      people.wish(asked, handsOut(code, iccid));
    },
    'sim-replacement'(code) {
      const [msisdn, iccid] = [oneOf(known), cardAt(code)];
      const body = { msisdn, iccid };
      const asked = { code, what: 'sim-replacement', path: '/api/v1/sim-replacements', body };
      people.wish(asked, handsOut(code, iccid));
    },
    'rate-plan-change'(code) {
      const body = {
        msisdn: oneOf(known),
        ratePlan: chance.pick(['SMART', 'UNLIMITED', 'BASIC', 'STEPPE']),
      };
      people.wish({ code, what: 'rate-plan-change', path: '/api/v1/rate-plan-changes', body });
    },
    'service-change'(code) {
      if (deps.machines.get(code)?.isOld()) return;
      const body = {
        msisdn: oneOf(known),
        service: 'VOICEMAIL',
        action: chance.pick(['on', 'off']),
      };
      people.wish({ code, what: 'service-change', path: '/api/v1/service-changes', body });
    },
    block(code) {
      const body = { msisdn: oneOf(known), action: chance.pick(['block', 'unblock']) };
      people.wish({ code, what: 'block', path: '/api/v1/blocks', body });
    },
    termination(code) {
      const body = { msisdn: oneOf(known) };
      people.wish({ code, what: 'termination', path: '/api/v1/terminations', body });
    },
    'day-close'(code) {
      const clock = deps.machines.get(code)?.time;
      const date = calendarDay(clock?.nowMs() ?? 0, 'Europe/Moscow');
      people.wish({ code, what: 'day-close', path: `/api/v1/business-days/${date}/close` });
    },
    settlement() {
      settlements += 1;
      const isNext = deps.settlesOften && chance.happens(0.9);
      settle(deps.people, chance, isNext ? (settlements % 3) / 3 + 0.2 : chance.fraction());
    },
    release: () => (chance.happens(0.4) ? reprice : release)(deps.people, chance),
    case: () => workCase(deps.people, chance),
  };

  return {
    kinds: [...weights].filter(([, weight]) => weight > 0).map(([kind]) => kind),
    /** One thing somebody does somewhere. */
    one(): void {
      const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
      let roll = chance.fraction() * total;
      for (const [kind, weight] of weights) {
        roll -= weight;
        if (roll < 0) return void acts[kind](somewhere());
      }
    },
  };
}

interface Window {
  readonly id: string;
  readonly state: string;
  readonly currency: string;
}

/** Head office closes windows, makes settlements, approves or aborts them: which of these, `step` says. */
function settle({ wish }: People, chance: Chance, step: number): void {
  const code = headOffice;
  const read = {
    code,
    what: 'windows',
    path: '/api/v1/settlement-windows',
    method: 'GET',
  } as const;
  const windows = (answer: Wish['answer'], state: string): Window[] =>
    (answer?.body.items ?? []).filter((window: Window) => window.state === state);
  if (step < 0.4) {
    wish(read, ({ answer }) => {
      const open = windows(answer, 'OPEN');
      if (open.length === 0) return;
      const path = `/api/v1/settlement-windows/${chance.pick(open).id}/close`;
      wish({ code, what: 'window-close', path });
    });
    return;
  }
  if (step < 0.7) {
    wish(read, ({ answer }) => {
      const closed = windows(answer, 'CLOSED');
      if (closed.length === 0) return;
      const { currency } = chance.pick(closed);
      const alike = closed.filter((window) => window.currency === currency);
      const model = chance.pick(['multilateral', 'bilateral']);
      const body = { model, windowIds: alike.map(({ id }) => id) };
      wish({ code, what: 'settlement', path: '/api/v1/settlements', body });
    });
    return;
  }
  const pending = '/api/v1/settlements?state=PENDING_SETTLEMENT';
  wish({ code, what: 'settlements', path: pending, method: 'GET' }, ({ answer, outcome }) => {
    const id = outcome === 'done' ? answer?.body.items[0]?.id : undefined;
    if (id === undefined) return;
    const decision = chance.happens(0.85) ? 'approval' : 'abort';
    wish({ code, what: decision, path: `/api/v1/settlements/${id}/${decision}`, login: 'deputy' });
  });
}

/** What branches owe each other by the releases from now on. */
function reprice({ wish }: People, chance: Chance): void {
  const code = headOffice;
  const [dataset, term] = chance.pick([
    ['commissions', { basisPoints: chance.pick([0, 50, 150, 400]) }],
    ['tariffs', { amount: chance.pick(['0.00', '30.00', '55.50']) }],
  ] as const);
  const path = `/api/v1/reference-draft/datasets/${dataset}`;
  wish({ code, what: 'terms', path, method: 'GET' }, ({ answer, outcome }) => {
    if (outcome !== 'done') return;
    const present: object[] = answer?.body.rows ?? [];
    const rows = present.map((row) => ({ ...row, ...term }));
    wish({ code, what: 'draft', path, method: 'PUT', body: { rows } }, () =>
      wish({ code, what: 'release', path: '/api/v1/reference-releases', body: {} }),
    );
  });
}

/** Releases: good ones, ones that do not fit together, and good ones that take the last back. */
function release({ wish }: People, chance: Chance): void {
  const code = headOffice;
  const isBroken = chance.happens(0.25);
  const price = isBroken ? 'Тугрик' : chance.pick(['60.00', '70.00', '80.00']);
  const row = {
    code: 'VOICEMAIL',
    name: 'Голосовая почта',
    fee: price,
    currency: 'RUB',
    validFrom: '2025-01-01',
  };
  const caller = { ...row, code: 'CALLER-ID', fee: '0.00' };
  // Plans name services that a broken draft does not have any more.
  const rows = isBroken || chance.happens(0.1) ? [caller] : undefined;
  const path = '/api/v1/reference-draft/datasets/services';
  wish({ code, what: 'services', path, method: 'GET' }, ({ answer, outcome }) => {
    if (outcome !== 'done') return;
    const present: { code: string }[] = answer?.body.rows ?? [];
    const others = present.filter((each) => each.code !== 'VOICEMAIL');
    const next = { rows: rows ?? [...others, row] };
    wish({ code, what: 'draft', path, method: 'PUT', body: next }, () => {
      const publication = { path: '/api/v1/reference-releases', body: {}, login: 'deputy' };
      wish({ code, what: 'release', ...publication }, (made) => {
        // What cannot be published is put right again.
        if (made.outcome === 'refused')
          wish({
            code,
            what: 'draft',
            path,
            method: 'PUT',
            body: { rows: [...others, { ...row, fee: '60.00' }] },
          });
      });
    });
  });
}

/** Somebody looks into a case and writes down what he thinks. */
function workCase({ wish }: People, chance: Chance): void {
  const code = headOffice;
  wish(
    { code, what: 'cases', path: '/api/v1/cases?state=notified', method: 'GET' },
    ({ answer, outcome }) => {
      const items: { id: string }[] = outcome === 'done' ? (answer?.body.items ?? []) : [];
      if (items.length === 0) return;
      const path = `/api/v1/cases/${chance.pick(items).id}/explanation`;
      wish({ code, what: 'explanation', path, body: { explanation: 'The branch is cut off.' } });
    },
  );
}
