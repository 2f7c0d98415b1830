import { Heading, Notice, State, Table } from '../../shared/pages/components.tsx';
import { catalogue } from '../../shared/pages/language.ts';
import type { Pages } from '../../shared/pages/pages.tsx';
import type { View } from '../../shared/pages/view.ts';
import { type MappedNode, NodeMap } from './node-map.tsx';
import type { NodeEndpoints } from './node-routes.ts';

const nodeTexts = catalogue(
  {
    title: 'Nodes',
    map: 'Map of the federation; the table below says the same',
    empty: 'No branch has joined yet. Invite one: sbms-centre invite CODE.',
    code: 'Branch',
    state: 'State',
    up: 'Up',
    away: 'Away',
    revoked: 'Cut off',
    recovering: 'Recovering',
    release: 'Release',
    behind: (count: number) => `${count} behind`,
    waiting: 'Entries waiting',
    none: 'None',
    certificate: 'Certificate until',
    heard: 'Heard last',
    skew: 'Clock',
    ms: 'ms',
    hidden: 'The state of the nodes needs another permission. Choose a page from the menu.',
  },
  {
    title: 'Узлы',
    map: 'Карта федерации; таблица ниже говорит то же',
    empty: 'Ни один филиал ещё не подключён. Пригласите его: sbms-centre invite CODE.',
    code: 'Филиал',
    state: 'Состояние',
    up: 'На связи',
    away: 'Недоступен',
    revoked: 'Отключён',
    recovering: 'Восстанавливается',
    release: 'Релиз',
    behind: (count: number) => `отстаёт на ${count}`,
    waiting: 'Ждёт записей',
    none: 'Нет',
    certificate: 'Сертификат до',
    heard: 'Последний ответ',
    skew: 'Часы',
    ms: 'мс',
    hidden: 'Для состояния узлов нужно другое право. Выберите страницу в меню.',
  },
);

type NodeView = Awaited<ReturnType<NodeEndpoints['listNodes']>>['items'][number];

/** The first page of head office: who is up, who is behind. It renews itself. */
export function nodePages({ pages, nodes }: { pages: Pages; nodes: NodeEndpoints }): void {
  pages.page({ path: '/', permission: 'signed-in' }, async (view) => {
    const words = view.words(nodeTexts);
    const content = (
      <>
        <Heading title={words.title} />
        {view.may('node.read') ? await table(view) : <Notice tone="plain">{words.hidden}</Notice>}
      </>
    );
    return { title: words.title, content, next: null };
  });

  pages.fragment({ path: '/nodes', permission: 'node.read' }, (view) => table(view));

  async function table(view: View) {
    const words = view.words(nodeTexts);
    const { items } = await nodes.listNodes(view.c);
    return (
      <div hx-get="/nodes" hx-trigger="every 5s" hx-swap="outerHTML" class="stack">
        {items.length === 0 ? null : (
          <NodeMap title={words.map} nodes={items.map((node) => mapped(view, node))} />
        )}
        <Table
          {...{ caption: words.title, empty: words.empty, rows: items }}
          columns={[
            { label: words.code, cell: ({ code }) => <strong>{code}</strong> },
            { label: words.state, cell: (node) => <NodeState view={view} node={node} /> },
            { label: words.release, cell: (node) => releaseText(view, node) },
            {
              label: words.waiting,
              isNumber: true,
              cell: ({ behind = {} }) =>
                view.format.count(Object.values(behind).reduce((sum, each) => sum + each, 0)),
            },
            {
              label: words.skew,
              isNumber: true,
              cell: ({ clockSkewMs }) =>
                clockSkewMs === undefined ? '–' : `${view.format.count(clockSkewMs)} ${words.ms}`,
            },
            {
              label: words.heard,
              cell: ({ heardAt }) => (heardAt ? view.format.time(heardAt) : '–'),
            },
            {
              label: words.certificate,
              cell: ({ certificate }) =>
                certificate ? view.format.moment(certificate.notAfter) : '–',
            },
          ]}
        />
      </div>
    );
  }
}

function stateOf(view: View, node: NodeView): { tone: MappedNode['tone']; text: string } {
  const words = view.words(nodeTexts);
  if (!node.active) return { tone: 'plain', text: words.revoked };
  if (node.recovering) return { tone: 'warn', text: words.recovering };
  return node.reachable ? { tone: 'good', text: words.up } : { tone: 'bad', text: words.away };
}

function NodeState({ view, node }: { view: View; node: NodeView }) {
  const { tone, text } = stateOf(view, node);
  return <State tone={tone}>{text}</State>;
}

function mapped(view: View, node: NodeView): MappedNode {
  const waiting = Object.entries(node.behind ?? {}).filter(([, count]) => count > 0);
  return { code: node.code, ...stateOf(view, node), waitsFor: waiting.map(([peer]) => peer) };
}

function releaseText(view: View, { release, releaseBehind = 0 }: NodeView): string {
  if (release === undefined) return '–';
  return releaseBehind === 0
    ? String(release)
    : `${release} (${view.words(nodeTexts).behind(releaseBehind)})`;
}
