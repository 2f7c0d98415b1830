import type { AdministrationEndpoints } from '../node/administration.ts';
import type { Ask } from '../web/endpoint.ts';
import { administrationTexts } from './administration-texts.ts';
import { Button, Facts, Heading, Panel, State, Table } from './components.tsx';
import type { Pages, Shown } from './pages.tsx';
import { recoveryPages } from './recovery-pages.tsx';
import { stateDetailText } from './state-detail-texts.ts';
import type { View } from './view.ts';

const path = '/node';

export interface AdministrationPagesDeps {
  readonly pages: Pages;
  readonly endpoints: AdministrationEndpoints;
  /** Where somebody else issues the certificate. */
  readonly renew?: Ask<unknown>;
}

type NodeState = Awaited<ReturnType<AdministrationEndpoints['getNodeState']>>;
type Stream = Awaited<ReturnType<AdministrationEndpoints['listStreams']>>['items'][number];

/** How this node is: its checks, its streams, its certificate, its backups. */
export function administrationPages({ pages, endpoints, renew }: AdministrationPagesDeps): void {
  const recovery = recoveryPages({ pages, endpoints, path, show });
  pages.page({ path, permission: 'stream.read' }, show);
  pages.fragment({ path: `${path}/streams`, permission: 'stream.read' }, streams);

  const retry = async (view: View): Promise<Shown> => {
    await endpoints.retryStream(view.c, { params: { peer: view.params.peer ?? '' } });
    return { goTo: path };
  };
  pages.action({ path: `${path}/streams/:peer/retry`, permission: 'stream.retry' }, retry, show);

  const backUp = async (view: View): Promise<Shown> => {
    await endpoints.takeBackup(view.c);
    return { goTo: path };
  };
  pages.action({ path: `${path}/backups`, permission: 'backup.take' }, backUp, show);

  if (renew) {
    const ask = async (view: View): Promise<Shown> => {
      await renew(view.c);
      return { goTo: path };
    };
    pages.action({ path: `${path}/certificate`, permission: 'keys.manage' }, ask, show);
  }

  async function streams(view: View) {
    const { items } = await endpoints.listStreams(view.c);
    return (
      <div hx-get={`${path}/streams`} hx-trigger="every 5s" hx-swap="outerHTML">
        <Streams view={view} items={items} />
      </div>
    );
  }

  async function show(view: View): Promise<Shown> {
    const words = view.words(administrationTexts);
    const state = await endpoints.getNodeState(view.c);
    const content = (
      <>
        <Heading title={`${words.title}: ${state.code}`} />
        {await recovery(view)}
        <div class="columns">
          <Certificate view={view} state={state} canRenew={renew !== undefined} />
          <Backup view={view} state={state} />
        </div>
        {await streams(view)}
        <Alarms view={view} state={state} />
        <Checks view={view} state={state} />
      </>
    );
    return { title: words.title, content };
  }
}

function Certificate(props: { view: View; state: NodeState; canRenew: boolean }) {
  const { view, state, canRenew } = props;
  const words = view.words(administrationTexts);
  const { notBefore, notAfter } = state.certificate;
  return (
    <Panel title={words.certificate}>
      <Facts
        facts={[
          [words.from, view.format.moment(notBefore)],
          [words.until, view.format.moment(notAfter)],
          [words.state, <Health view={view} state={state} of="certificate" />],
        ]}
      />
      <p class="hint">{words.renewHint}</p>
      {canRenew && view.may('keys.manage') ? (
        <form method="post" action={`${path}/certificate`}>
          <Button kind="plain">{words.renew}</Button>
        </form>
      ) : null}
    </Panel>
  );
}

function Backup({ view, state }: { view: View; state: NodeState }) {
  const words = view.words(administrationTexts);
  const { backup } = state;
  return (
    <Panel title={words.backup}>
      <Facts
        facts={[
          [words.newest, backup ? view.format.moment(backup.takenAt) : words.none],
          [words.state, <Health view={view} state={state} of="backup" />],
        ]}
      />
      <p class="hint">{words.takeHint}</p>
      {view.may('backup.take') ? (
        <form method="post" action={`${path}/backups`}>
          <Button kind="plain">{words.take}</Button>
        </form>
      ) : null}
    </Panel>
  );
}

function Health({ view, state, of }: { view: View; state: NodeState; of: string }) {
  const words = view.words(administrationTexts);
  const isWell = state.checks.find(({ name }) => name === of)?.ok ?? true;
  return <State tone={isWell ? 'good' : 'warn'}>{isWell ? words.well : words.unwell}</State>;
}

function Streams({ view, items }: { view: View; items: readonly Stream[] }) {
  const words = view.words(administrationTexts);
  const sum = (counts: readonly number[]) =>
    view.format.count(counts.reduce((total, each) => total + each, 0));
  return (
    <Table
      {...{ caption: words.streams, empty: words.noStreams, rows: items }}
      columns={[
        { label: words.peer, cell: ({ peer }) => <strong>{peer}</strong> },
        { label: words.state, cell: (stream) => <StreamState view={view} stream={stream} /> },
        { label: words.waits, isNumber: true, cell: ({ behind }) => sum([behind]) },
        {
          label: words.received,
          isNumber: true,
          cell: ({ inbound }) => sum(inbound.map(({ position }) => position)),
        },
        { label: words.heard, cell: ({ heardAt }) => (heardAt ? view.format.time(heardAt) : '–') },
        {
          label: words.trouble,
          cell: ({ lastError }) => (lastError ? stateDetailText(view, lastError) : '–'),
        },
        {
          label: words.action,
          cell: ({ peer }) =>
            view.may('stream.retry') ? (
              <form method="post" action={`${path}/streams/${peer}/retry`}>
                <Button kind="plain" aria-label={`${words.retry}: ${peer}`}>
                  {words.retry}
                </Button>
              </form>
            ) : (
              '–'
            ),
        },
      ]}
    />
  );
}

function StreamState({ view, stream }: { view: View; stream: Stream }) {
  const words = view.words(administrationTexts);
  const { inbound, outbound, reachable } = stream;
  if ([...inbound, ...outbound].some(({ forked }) => forked)) {
    return <State tone="bad">{words.forked}</State>;
  }
  return (
    <State tone={reachable ? 'good' : 'warn'}>{reachable ? words.reachable : words.away}</State>
  );
}

function Alarms({ view, state }: { view: View; state: NodeState }) {
  const words = view.words(administrationTexts);
  return (
    <Table
      {...{ caption: words.alarms, empty: words.noAlarms, rows: state.alarms }}
      columns={[
        { label: words.alarm, cell: ({ code }) => <State tone="bad">{code}</State> },
        { label: words.detail, cell: ({ detail }) => stateDetailText(view, detail) },
        { label: words.since, cell: ({ since }) => view.format.moment(since) },
        { label: words.times, isNumber: true, cell: ({ count }) => view.format.count(count) },
      ]}
    />
  );
}

function Checks({ view, state }: { view: View; state: NodeState }) {
  const words = view.words(administrationTexts);
  const names: Readonly<Record<string, string>> = words.names;
  return (
    <Table
      {...{ caption: words.checks, empty: '', rows: state.checks }}
      columns={[
        { label: words.check, cell: ({ name }) => names[name] ?? name },
        {
          label: words.state,
          cell: ({ ok }) => (
            <State tone={ok ? 'good' : 'warn'}>{ok ? words.well : words.unwell}</State>
          ),
        },
        {
          label: words.detail,
          cell: ({ detail }) => (detail ? stateDetailText(view, detail) : '–'),
        },
      ]}
    />
  );
}
