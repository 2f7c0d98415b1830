import type { NodeCode } from '../../shared/ids/ids.ts';
import {
  Facts,
  Heading,
  LinkButton,
  Notice,
  Panel,
  State,
  Table,
  type Tone,
} from '../../shared/pages/components.tsx';
import type { Pages } from '../../shared/pages/pages.tsx';
import type { View } from '../../shared/pages/view.ts';
import { isDomainError } from '../../shared/problem/problem.ts';
import { nodeCode } from '../../shared/wire/peer-messages.ts';
import type { OperationEndpoints } from '../operations/operation-routes.ts';
import { OperationTable } from '../operations/operation-table.tsx';
import { deskTexts } from './desk-texts.ts';
import type { SubscriberStatus } from './subscriber.ts';
import type { SubscriberCard } from './subscriber-card.ts';
import type { SubscriberEndpoints } from './subscriber-routes.ts';
import { subscriberTexts } from './subscriber-texts.ts';

const shownOperations = 20;

/** The home branch, which cannot be reached now. */
interface Away {
  readonly away: string;
  /** For good, as far as anybody knows. */
  readonly isCutOff: boolean;
}

export interface SubscriberPagesDeps {
  readonly pages: Pages;
  readonly subscribers: SubscriberEndpoints;
  readonly operations: OperationEndpoints;
  readonly isReachable: (branch: NodeCode) => boolean;
}

export const statusTones: Readonly<Record<SubscriberStatus, Tone>> = {
  active: 'good',
  blocked: 'warn',
  terminated: 'plain',
  moved: 'plain',
};

/** Anybody of the country, shown on one card. */
export function subscriberPages(deps: SubscriberPagesDeps): void {
  const { pages, subscribers, operations } = deps;
  const path = '/subscribers/:msisdn';
  pages.page({ path, permission: 'subscriber.read' }, async (view) => {
    const { msisdn = '' } = view.params;
    const title = view.format.msisdn(msisdn);
    const card = await readCard(view, msisdn);
    const status = 'away' in card ? undefined : card.status;
    const content = (
      <>
        <Heading title={title}>
          {'away' in card && card.isCutOff ? null : <Actions {...{ view, msisdn, status }} />}
        </Heading>
        <LiveCard {...{ view, msisdn, card }} />
        {view.may('operation.read') ? await historyOf(view, msisdn) : null}
      </>
    );
    return { title, content };
  });

  // A card that is shown asks whether its home can still be reached, and is not read again while it can.
  pages.fragment({ path: `${path}/card`, permission: 'subscriber.read' }, async (view) => {
    const home = nodeCode.safeParse(view.query.shown).data;
    if (home && deps.isReachable(home)) return null;
    const { msisdn = '' } = view.params;
    return <LiveCard {...{ view, msisdn, card: await readCard(view, msisdn) }} />;
  });

  pages.fragment({ path: `${path}/changes`, permission: 'subscriber.read' }, async (view) => {
    const { msisdn = '' } = view.params;
    const { items } = await subscribers.listSubscriberChanges(view.c, { params: { msisdn } });
    return <Changes view={view} items={items} />;
  });

  /** As it is now, or who would have to tell it. */
  async function readCard(view: View, msisdn: string): Promise<SubscriberCard | Away> {
    try {
      return await subscribers.showSubscriber(view.c, { params: { msisdn } });
    } catch (error) {
      if (!isDomainError(error, 'home-unreachable')) throw error;
      const { homeBranch = view.words(subscriberTexts).branch, cutOff } = error.members;
      return { away: String(homeBranch), isCutOff: cutOff === true };
    }
  }

  async function historyOf(view: View, msisdn: string) {
    const { items, next } = await operations.listOperations(view.c, {
      query: { msisdn, limit: String(shownOperations) },
    });
    const words = view.words(subscriberTexts);
    const texts = { caption: words.history, empty: words.noHistory };
    return (
      <>
        <OperationTable {...{ view, items, ...texts }} />
        {next === null ? null : (
          <p class="actions">
            <LinkButton href={`/operations?msisdn=${msisdn}`}>{words.wholeHistory}</LinkButton>
          </p>
        )}
      </>
    );
  }
}

interface LiveCardProps {
  readonly view: View;
  readonly msisdn: string;
  readonly card: SubscriberCard | Away;
}

/** The card, or that nobody can tell it now; it asks again by itself. */
function LiveCard({ view, msisdn, card }: LiveCardProps) {
  const path = `/subscribers/${msisdn}`;
  if ('away' in card) {
    const words = view.words(subscriberTexts);
    return (
      <div hx-get={`${path}/card`} hx-trigger="every 3s" hx-swap="outerHTML">
        <Notice tone="warn" title={(card.isCutOff ? words.cutOff : words.away)(card.away)}>
          {card.isCutOff ? words.cutOffText : words.awayText}
        </Notice>
      </div>
    );
  }
  return (
    <div class="stack live">
      <Card view={view} card={card} />
      <div hx-get={`${path}/changes`} hx-trigger="load" />
      <div
        hx-get={`${path}/card?shown=${card.homeBranch}`}
        hx-trigger="every 3s"
        hx-target="closest .live"
        hx-swap="outerHTML"
      />
    </div>
  );
}

type Change = Awaited<ReturnType<SubscriberEndpoints['listSubscriberChanges']>>['items'][number];

function Changes({ view, items }: { view: View; items: readonly Change[] }) {
  const words = view.words(subscriberTexts);
  return (
    <Table
      {...{ caption: words.changes, empty: words.noChanges, rows: items }}
      columns={[
        { label: words.when, cell: ({ occurredAt }) => view.format.moment(occurredAt) },
        { label: words.what, cell: ({ what }) => words.changeKinds[what] },
        { label: words.before, cell: ({ what, before }) => changedText(view, what, before) },
        { label: words.after, cell: ({ what, after }) => changedText(view, what, after) },
        { label: words.by, cell: ({ actorName, branch }) => `${actorName}, ${branch}` },
      ]}
    />
  );
}

function changedText(view: View, what: Change['what'], value: string | null): string {
  const words = view.words(subscriberTexts);
  if (value === null) return '–';
  if (what === 'services') return serviceNames(view, value.split(' ')) || words.noServices;
  if (what === 'start' || what === 'rate-plan') return view.nameOf('rate-plans', value);
  const statuses: Readonly<Record<string, string>> = words.statuses;
  return what === 'status' ? (statuses[value] ?? value) : value;
}

const works = [
  ['sim-replacement', 'sim.replace', 'sim'],
  ['rate-plan-change', 'rate-plan.change', 'plan'],
  ['services', 'service.change', 'service'],
  ['block', 'subscriber.block', 'block'],
  ['unblock', 'subscriber.block', 'unblock'],
  ['termination', 'subscriber.terminate', 'terminate'],
] as const;

const serviceNames = (view: View, codes: readonly string[]) =>
  codes.map((code) => view.nameOf('services', code)).join(', ');

/** Works that a subscriber is there for in this state only. */
const worksIn: Readonly<Record<string, SubscriberStatus>> = { block: 'active', unblock: 'blocked' };

interface ActionsProps {
  readonly view: View;
  readonly msisdn: string;
  /** Unknown while the home branch is away. */
  readonly status: SubscriberStatus | undefined;
}

/** What this person may do for the subscriber from here. */
function Actions({ view, msisdn, status }: ActionsProps) {
  const words = view.words(deskTexts);
  const isOpen = (action: string) => status === undefined || (worksIn[action] ?? status) === status;
  if (status === 'terminated') return null;
  return (
    <>
      {view.may('payment.take') ? (
        <LinkButton href={`/payments/new?msisdn=${msisdn}`} kind="main">
          {view.words(subscriberTexts).pay}
        </LinkButton>
      ) : null}
      {works.map(([action, permission, text]) =>
        view.may(permission) && isOpen(action) ? (
          <LinkButton href={`/subscribers/${msisdn}/${action}`}>{words[text]}</LinkButton>
        ) : null,
      )}
    </>
  );
}

function Card({ view, card }: { view: View; card: SubscriberCard }) {
  const words = view.words(subscriberTexts);
  const { customer, sim, services, status } = card;
  return (
    <div class="columns">
      <Panel>
        <p class="sum money">{view.format.money(card.balance)}</p>
        <Facts
          facts={[
            [words.status, <State tone={statusTones[status]}>{words.statuses[status]}</State>],
            [words.plan, view.nameOf('rate-plans', card.ratePlan)],
            [words.services, serviceNames(view, services) || words.noServices],
            [words.branch, `${card.homeBranch}, ${view.nameOf('branches', card.homeBranch)}`],
            [words.since, view.format.moment(card.activatedAt)],
            [words.sim, sim.iccid],
            [words.imsi, sim.imsi],
          ]}
        />
      </Panel>
      <Panel title={customer.name}>
        <Facts
          facts={[
            [words.customer, customer.number],
            customer.document && [
              words.document,
              `${view.nameOf('document-types', customer.document.type)} ${customer.document.number}`,
            ],
            customer.birthDate
              ? [words.birthDate, view.format.date(customer.birthDate)]
              : undefined,
            customer.address ? [words.address, customer.address] : undefined,
            customer.contact ? [words.contact, customer.contact] : undefined,
          ]}
        />
      </Panel>
    </div>
  );
}
