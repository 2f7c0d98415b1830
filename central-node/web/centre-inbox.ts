import type { AdministrationEndpoints } from '../../shared/node/administration.ts';
import type { InboxSource } from '../../shared/pages/inbox.ts';
import { catalogue } from '../../shared/pages/language.ts';
import { nodeInbox } from '../../shared/pages/node-inbox.ts';
import type { NodeEndpoints } from '../directory/node-routes.ts';
import type { CaseEndpoints } from '../reconciliation/case-routes.ts';
import type { ReferenceEndpoints } from '../reference/reference-routes.ts';
import type { SettlementEndpoints } from '../settlement/settlement-routes.ts';

const inboxTexts = catalogue(
  {
    cases: 'Cases to work on',
    approvals: 'Settlements to approve that another person prepared',
    windows: 'Closed windows to settle',
    draft: 'Data sets changed in the draft and not published',
    away: 'Nodes that are away',
    joining: 'Branches that another person invited: admit them',
  },
  {
    cases: 'Расхождения в работе',
    approvals: 'Расчёты, которые подготовил другой: утвердить',
    windows: 'Закрытые окна: провести расчёт',
    draft: 'Справочники, изменённые в черновике и не опубликованные',
    away: 'Узлы недоступны',
    joining: 'Филиалы, которые пригласил другой: допустить',
  },
);

const limit = '100';

/** What waits for people at head office. */
export function centreInbox(endpoints: {
  administration: AdministrationEndpoints;
  cases: CaseEndpoints;
  nodes: NodeEndpoints;
  reference: ReferenceEndpoints;
  settlement: SettlementEndpoints;
}): InboxSource[] {
  const { administration, cases, nodes, reference, settlement } = endpoints;
  return [
    {
      permission: 'case.work',
      async look(view) {
        const query = { limit, state: 'open' } as const;
        const { items, next } = await cases.listCases(view.c, { query });
        const { length: count } = items;
        const isMore = next !== null;
        return [{ text: view.words(inboxTexts).cases, href: '/cases', count, isMore }];
      },
    },
    {
      permission: 'settlement.check',
      async look(view) {
        const query = { limit, state: 'PENDING_SETTLEMENT' } as const;
        const { items } = await settlement.listSettlements(view.c, { query });
        const { length: count } = items.filter(({ madeBy }) => madeBy !== view.principal.name);
        return [{ text: view.words(inboxTexts).approvals, href: '/settlement', count }];
      },
    },
    {
      permission: 'settlement.make',
      async look(view) {
        const query = { limit, state: 'CLOSED' } as const;
        const { items } = await settlement.listSettlementWindows(view.c, { query });
        const text = view.words(inboxTexts).windows;
        return [{ text, href: '/settlement', count: items.length }];
      },
    },
    {
      permission: 'reference.publish',
      async look(view) {
        const { items } = await reference.getDraftChanges(view.c);
        const text = view.words(inboxTexts).draft;
        return [{ text, href: '/reference', count: items.length, tone: 'busy' }];
      },
    },
    {
      permission: 'node.read',
      async look(view) {
        const { items } = await nodes.listNodes(view.c);
        const { length: count } = items.filter(({ active, reachable }) => active && !reachable);
        return [{ text: view.words(inboxTexts).away, href: '/', count, tone: 'bad' }];
      },
    },
    {
      permission: 'branch.enrol',
      async look(view) {
        const { items } = await nodes.listEnrolmentTokens(view.c);
        const { length: count } = items.filter(
          ({ isHeld, createdBy }) => isHeld && createdBy !== view.principal.login,
        );
        return [{ text: view.words(inboxTexts).joining, href: '/branches', count }];
      },
    },
    ...nodeInbox(administration),
  ];
}
