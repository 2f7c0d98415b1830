import type { NodeCode } from '../../shared/ids/ids.ts';
import { Heading, Notice, State, Table } from '../../shared/pages/components.tsx';
import { msisdnInput } from '../../shared/pages/inputs.ts';
import type { Pages } from '../../shared/pages/pages.tsx';
import type { View } from '../../shared/pages/view.ts';
import { isDomainError } from '../../shared/problem/problem.ts';
import { statusTones } from './subscriber-pages.tsx';
import { isAskedAt, subscriberQuery } from './subscriber-query.ts';
import type { SubscriberEndpoints } from './subscriber-routes.ts';
import { subscriberTexts } from './subscriber-texts.ts';

const shownResults = 20;

export interface SearchPagesDeps {
  readonly pages: Pages;
  readonly subscribers: SubscriberEndpoints;
  readonly node: NodeCode;
  /** The branches that are asked as well. */
  readonly others: () => readonly { readonly code: NodeCode; readonly name: string }[];
  /** Where what was typed leads if it names something else than a subscriber. */
  readonly leadsTo: (view: View, query: string) => Promise<string | undefined>;
}

type Found = Awaited<ReturnType<SubscriberEndpoints['findSubscribers']>>['items'][number];

/** Anybody of the country, found by one field: here at once, at the other branches as they answer. */
export function searchPages(deps: SearchPagesDeps): void {
  const { pages, subscribers, node, others, leadsTo } = deps;
  pages.page({ path: '/find', permission: 'subscriber.read' }, async (view) => {
    const { q = '', cursor } = view.query;
    const words = view.words(subscriberTexts);
    const away = await leadsTo(view, q);
    if (away !== undefined) return { goTo: away };
    const { items, next } = await subscribers.findSubscribers(view.c, {
      query: { query: q, limit: String(shownResults), ...(cursor ? { cursor } : {}) },
    });
    const wanted = subscriberQuery(q, node);
    const msisdn = wanted.by === 'msisdn' ? msisdnInput(q) : undefined;
    const [only] = items;
    if (
      msisdn !== undefined &&
      (items.length === 0 || (items.length === 1 && only?.msisdn === msisdn))
    ) {
      return { goTo: `/subscribers/${msisdn}` };
    }
    const content = (
      <>
        <Heading title={words.find} />
        <Results
          {...{ view, items, caption: words.findHere, empty: words.none }}
          isPart={next !== null || cursor !== undefined}
        />
        {others()
          .filter(({ code }) => cursor === undefined && isAskedAt(code, wanted))
          .map(({ code, name }) => (
            <div
              hx-get={`/find/branches/${code}?${new URLSearchParams({ q })}`}
              hx-trigger="load"
              aria-live="polite"
            >
              <p class="hint">{words.asking(name)}</p>
            </div>
          ))}
      </>
    );
    return { title: words.find, content, next };
  });

  const elsewhere = '/find/branches/:branch';
  pages.fragment({ path: elsewhere, permission: 'subscriber.read' }, async (view) => {
    const { branch = '' } = view.params;
    const words = view.words(subscriberTexts);
    const name = others().find(({ code }) => code === branch)?.name ?? branch;
    try {
      const { items } = await subscribers.findSubscribersAt(view.c, {
        params: { branch },
        query: { query: view.query.q ?? '' },
      });
      const texts = { caption: name, empty: words.noneAt(name) };
      return <Results {...{ view, items, ...texts }} />;
    } catch (error) {
      if (!isDomainError(error, 'home-unreachable')) throw error;
      return <Notice tone="warn">{words.notAsked(name)}</Notice>;
    }
  });
}

interface ResultsProps {
  readonly view: View;
  readonly items: readonly Found[];
  readonly caption: string;
  readonly empty: string;
  /** More are found than these: their count would be taken for that of all. */
  readonly isPart?: boolean;
}

function Results({ view, items, caption, empty, isPart = false }: ResultsProps) {
  const words = view.words(subscriberTexts);
  return (
    <Table
      caption={isPart ? caption : `${caption}: ${words.found(items.length)}`}
      empty={empty}
      rows={items}
      columns={[
        {
          label: words.number,
          cell: ({ msisdn }) => (
            <a href={`/subscribers/${msisdn}`} class="money">
              {view.format.msisdn(msisdn)}
            </a>
          ),
        },
        { label: words.name, cell: ({ name }) => name },
        { label: words.customer, cell: ({ customerNumber }) => customerNumber },
        { label: words.plan, cell: ({ ratePlan }) => view.nameOf('rate-plans', ratePlan) },
        {
          label: words.status,
          cell: ({ status }) => <State tone={statusTones[status]}>{words.statuses[status]}</State>,
        },
      ]}
    />
  );
}
