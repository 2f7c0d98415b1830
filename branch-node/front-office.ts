import { formatMoney } from '../shared/money/money.ts';
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
import type { Reader } from '../shared/store/store.ts';
import type { BusinessDate } from '../shared/time/clock.ts';
import { businessDayPages } from './business-days/business-day-pages.tsx';
import type { BusinessDayEndpoints } from './business-days/business-day-routes.ts';
import type { KeyEndpoints } from './keys/key-routes.ts';
import { operationPages } from './operations/operation-pages.tsx';
import type { OperationEndpoints } from './operations/operation-routes.ts';
import { paymentPages } from './payments/payment-pages.tsx';
import type { PaymentEndpoints } from './payments/payment-routes.ts';
import { payoutPages } from './payments/payout-pages.tsx';
import { receiptPages } from './payments/receipt-pages.tsx';
import type { ReceiptEndpoints } from './payments/receipt-routes.ts';
import { suspensePages } from './payments/suspense-pages.tsx';
import { takingPages } from './payments/taking-pages.tsx';
import { settlementPages } from './settlement/settlement-pages.tsx';
import type { BranchSettlementEndpoints } from './settlement/settlement-routes.ts';
import type { SimEndpoints } from './sim/sim-routes.ts';
import { contractPages } from './subscribers/contract-pages.tsx';
import type { ContractEndpoints } from './subscribers/contract-routes.ts';
import { type Choices, deskPages } from './subscribers/desk-pages.tsx';
import { registrationPages } from './subscribers/registration-pages.tsx';
import { searchPages } from './subscribers/search-pages.tsx';
import { servicesBroughtBy } from './subscribers/subscriber.ts';
import type { DeskEndpoints } from './subscribers/subscriber-desk-routes.ts';
import { subscriberPages } from './subscribers/subscriber-pages.tsx';
import type { SubscriberEndpoints } from './subscribers/subscriber-routes.ts';
import { branchInbox } from './web/branch-inbox.ts';
import { branchPalette, receiptFinder } from './web/branch-palette.ts';
import { branchPlaces } from './web/branch-places.ts';
import { todayPages } from './web/today-pages.tsx';

export interface FrontOfficeDeps {
  readonly node: Node;
  readonly timeZone: () => string;
  readonly today: () => BusinessDate;
  readonly businessDate: (tx: Reader) => Promise<BusinessDate>;
  readonly payments: PaymentEndpoints;
  readonly subscribers: SubscriberEndpoints;
  readonly operations: OperationEndpoints;
  readonly receipts: ReceiptEndpoints;
  readonly desk: DeskEndpoints;
  readonly contracts: ContractEndpoints;
  readonly sims: SimEndpoints;
  readonly days: BusinessDayEndpoints;
  readonly keys: KeyEndpoints;
  readonly settlements: BranchSettlementEndpoints;
}

/** The pages of a branch: the one place where its rooms' pages meet. */
export function openFrontOffice(deps: FrontOfficeDeps): void {
  const { node, payments, subscribers, operations, receipts, desk, contracts, sims, days, keys } =
    deps;
  const { settlements } = deps;
  const { api, access, references, ids, code } = node;
  const nodeName = () => references.current()?.branch(code)?.name ?? code;
  const names = namesFrom({ reference: references.current, today: deps.today });
  const { timeZone } = deps;
  const pages = createPages({ api, nodeName, timeZone, names, groups: branchPlaces });
  signInPages(api, { pages, access, nodeName, clock: node.clock, ids: node.ids });
  passwordPages({ pages, access });
  accountPages({ pages, endpoints: api.common });
  nodeStatusPages({ pages, node });
  todayPages({ pages });
  operationPages({ pages, operations });
  const tenders = () =>
    (references.current()?.tenders() ?? []).map(({ code: kind, minAmount }) => ({
      ...{ code: kind, currency: minAmount.currency },
    }));
  takingPages({ pages, payments, ids, tenders });
  paymentPages({ pages, payments, ids });
  receiptPages({ pages, receipts });
  suspensePages({ pages, payments, ids });
  payoutPages({ pages, payments });
  businessDayPages({ pages, days, ids });
  const choices = choicesOf(deps);
  deskPages({ pages, desk, subscribers, sims, choices, ids });
  registrationPages({ pages, desk, subscribers, sims, choices, ids });
  contractPages({ pages, contracts });
  settlementPages({ pages, settlements, ids });
  inboxPages({
    pages,
    sources: branchInbox({
      administration: node.administration,
      days,
      operations,
      payments,
      settlements,
    }),
  });
  const receiptOf = receiptFinder(receipts);
  palettePages({
    pages,
    groups: branchPlaces,
    find: branchPalette({ receiptOf, subscribers, node: code }),
  });
  staffPages({ pages, endpoints: api.common, roles: node.roles });
  administrationPages({ pages, endpoints: node.administration, renew: keys.renewCertificate });
  auditPages({ pages, endpoints: api.common });
  subscriberPages({
    ...{ pages, subscribers, operations },
    isReachable: node.federation.liveness.isReachable,
  });
  searchPages({
    ...{ pages, subscribers, node: code },
    leadsTo: async (view, query) => (await receiptOf(view, query))?.href,
    others: () =>
      references
        .current()
        ?.branches()
        .filter((each) => each.active && each.code !== code) ?? [],
  });
}

/** What the reference data offers people to choose from, and what an operation of now is priced by. */
function choicesOf({ node, businessDate }: FrontOfficeDeps): Choices {
  const { references, store } = node;
  const date = () => store.read(businessDate);
  const rowsOf = <Name extends 'reasons' | 'document-types'>(name: Name) =>
    references.current()?.rows(name) ?? [];
  return {
    reasons: (kind) => rowsOf('reasons').filter((row) => row.kind === kind),
    documentTypes: () => rowsOf('document-types'),
    async servicesOf(ratePlan) {
      const reference = references.current();
      return reference ? servicesBroughtBy(reference, { ratePlan, date: await date() }) : [];
    },
    async simReplacementFee() {
      const tariff = references.current()?.tariff('sim-replacement', await date());
      return tariff?.payer === 'customer' ? formatMoney(tariff.price) : undefined;
    },
  };
}
