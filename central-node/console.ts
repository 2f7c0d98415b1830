import type { Node } from '../shared/node/node.ts';
import { accountPages } from '../shared/pages/account-pages.tsx';
import { administrationPages } from '../shared/pages/administration-pages.tsx';
import { auditPages } from '../shared/pages/audit-pages.tsx';
import { inboxPages } from '../shared/pages/inbox-pages.tsx';
import { namesFrom } from '../shared/pages/names.ts';
import { nodeStatusPages } from '../shared/pages/node-status-pages.tsx';
import { createPages } from '../shared/pages/pages.tsx';
import { palettePages } from '../shared/pages/palette-pages.tsx';
import { passwordPages } from '../shared/pages/password-pages.tsx';
import { signInPages } from '../shared/pages/sign-in-pages.tsx';
import { staffPages } from '../shared/pages/staff-pages.tsx';
import type { BusinessDate } from '../shared/time/clock.ts';
import { joiningPages } from './directory/joining-pages.tsx';
import { nodePages } from './directory/node-pages.tsx';
import type { NodeEndpoints } from './directory/node-routes.ts';
import { casePages } from './reconciliation/case-pages.tsx';
import type { CaseEndpoints } from './reconciliation/case-routes.ts';
import { dayDifferencePages } from './reconciliation/day-difference-pages.tsx';
import { figuresPages } from './reconciliation/figures-pages.tsx';
import type { FiguresEndpoints } from './reconciliation/figures-routes.ts';
import { reconciliationPages } from './reconciliation/reconciliation-pages.tsx';
import type { ReconciliationEndpoints } from './reconciliation/reconciliation-routes.ts';
import { referencePages } from './reference/reference-pages.tsx';
import type { ReferenceEndpoints } from './reference/reference-routes.ts';
import { lostSettlementPages } from './settlement/lost-settlement-pages.tsx';
import type { LostSettlementEndpoints } from './settlement/lost-settlement-routes.ts';
import { settlementPages } from './settlement/settlement-pages.tsx';
import type { SettlementEndpoints } from './settlement/settlement-routes.ts';
import { centreInbox } from './web/centre-inbox.ts';
import { centrePlaces } from './web/centre-places.ts';

export interface ConsoleDeps {
  readonly node: Node;
  readonly timeZone: () => string;
  readonly today: () => BusinessDate;
  readonly nodes: NodeEndpoints;
  readonly reference: ReferenceEndpoints;
  readonly reconciliation: ReconciliationEndpoints;
  readonly figures: FiguresEndpoints;
  readonly cases: CaseEndpoints;
  readonly settlement: SettlementEndpoints & LostSettlementEndpoints;
}

/** The pages of head office: the one place where its rooms' pages meet. */
export function openConsole(deps: ConsoleDeps): void {
  const { node, timeZone, today, nodes, reference, reconciliation, cases, settlement } = deps;
  const { api, access, ids } = node;
  const nodeName = () => node.code;
  const names = namesFrom({ reference: node.references.current, today });
  const pages = createPages({ api, nodeName, timeZone, names, groups: centrePlaces });
  signInPages(api, { pages, access, nodeName, clock: node.clock, ids: node.ids });
  passwordPages({ pages, access });
  accountPages({ pages, endpoints: api.common });
  nodeStatusPages({ pages, node });
  nodePages({ pages, nodes });
  joiningPages({ pages, nodes });
  const inForce = () => node.references.current()?.version;
  const needsSignatures = node.releaseApproval !== undefined;
  referencePages({ pages, reference, inForce, needsSignatures });
  reconciliationPages({ pages, reconciliation, today });
  dayDifferencePages({ pages, reconciliation, today });
  figuresPages({ pages, figures: deps.figures, today });
  casePages({ pages, cases, ids });
  settlementPages({ pages, settlement, ids });
  lostSettlementPages({ pages, settlement, ids });
  const { administration } = node;
  const waiting = { administration, cases, nodes, reference, settlement };
  inboxPages({ pages, sources: centreInbox(waiting) });
  palettePages({ pages, groups: centrePlaces });
  staffPages({ pages, endpoints: api.common, roles: node.roles });
  administrationPages({ pages, endpoints: administration });
  auditPages({ pages, endpoints: api.common });
}
