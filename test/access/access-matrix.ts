/**
 * Who may do what, said a second time: the nodes say it by their routes and reference-data/roles.csv, this table says
 * what we mean. A route without a row, a row without a route or a row that needs something else fails the build.
 */

/**
 * A permission; one of `signedInNeeds`; `public`; or `machine`: this computer itself, or a token of its own.
 */
export type Needs = string;

/** Of anybody who is signed in: with a temporary password too, with a second factor missing, with neither. */
export const signedInNeeds: readonly Needs[] = ['own-password', 'own-account', 'signed-in'];

export interface FrontRow {
  readonly route: string;
  readonly needs: Needs;
  /** What a GET with made-up parameters is answered with by code; 200 without one. */
  readonly finds?: string;
  /** Besides being signed in, one of these. */
  readonly anyOf?: readonly string[];
}

const row = (route: string, needs: Needs, finds?: string): FrontRow => ({
  ...{ route, needs },
  ...(finds === undefined ? {} : { finds }),
});

const everyNode = [
  row('GET /livez', 'public'),
  row('GET /readyz', 'public'),
  row('GET /metrics', 'machine'),
  row('GET /docs', 'public'),
  row('GET /docs/docs.css', 'public'),
  row('GET /openapi.json', 'public'),
  row('POST /api/v1/sessions', 'public'),
  row('GET /api/v1/sessions/current', 'own-password'),
  row('DELETE /api/v1/sessions/current', 'own-password'),
  row('PUT /api/v1/sessions/current/password', 'own-password'),
  row('GET /api/v1/sessions', 'own-account'),
  row('DELETE /api/v1/sessions', 'own-account'),
  row('DELETE /api/v1/sessions/{id}', 'own-account'),
  row('GET /api/v1/sessions/current/second-factor', 'own-account'),
  row('POST /api/v1/sessions/current/second-factor', 'own-account'),
  row('POST /api/v1/sessions/current/second-factor/confirmation', 'own-account'),
  row('POST /api/v1/sessions/current/second-factor/removal', 'own-account'),
  row('GET /api/v1/operators', 'operator.manage'),
  row('POST /api/v1/operators', 'operator.manage'),
  row('POST /api/v1/operators/{login}/password', 'operator.manage'),
  row('POST /api/v1/operators/{login}/disablement', 'operator.manage'),
  row('POST /api/v1/operators/{login}/second-factor-removal', 'operator.manage'),
  row('POST /api/v1/operators/{login}/approval', 'operator.manage'),
  row('GET /api/v1/audit', 'audit.read'),
  row('GET /api/v1/streams', 'stream.read'),
  row('POST /api/v1/streams/{peer}/retry', 'stream.retry'),
  row('GET /api/v1/node', 'stream.read'),
  row('GET /api/v1/trial-balance', 'ledger.read'),
  row('GET /api/v1/recovery', 'stream.read'),
  row('POST /api/v1/recovery/override', 'recovery.override'),
  row('POST /api/v1/backups', 'backup.take'),
];

const branch = [
  row('GET /api/v1/keys', 'keys.manage'),
  row('POST /api/v1/keys/rotation', 'keys.manage'),
  row('POST /api/v1/keys/certificate-renewal', 'keys.manage'),
  row('GET /api/v1/settlements', 'settlement.read'),
  row('GET /api/v1/settlements/{id}', 'settlement.read', 'settlement-not-found'),
  row('POST /api/v1/settlements/{id}/check', 'settlement.recheck'),
  row('GET /api/v1/cases', 'case.read'),
  row('GET /api/v1/reference', 'reference.read'),
  row('GET /api/v1/operations/{id}', 'operation.read', 'operation-not-found'),
  row('GET /api/v1/operations/{id}/contract', 'subscriber.personal', 'operation-not-found'),
  row('GET /api/v1/operations', 'operation.read'),
  row('POST /api/v1/payments', 'payment.take'),
  row('GET /api/v1/payability/{msisdn}', 'payment.take', 'unknown-number'),
  row('GET /api/v1/payments/{operationId}', 'operation.read', 'operation-not-found'),
  row('POST /api/v1/payments/{operationId}/cancellation', 'payment.cancel'),
  row('POST /api/v1/payments/{operationId}/payout/reinstatement', 'recovery.override'),
  row('GET /api/v1/payments/{operationId}/receipt', 'operation.read', 'operation-not-found'),
  row('GET /api/v1/receipts/{number}', 'operation.read', 'operation-not-found'),
  row('POST /api/v1/receipt-checks', 'operation.read'),
  row('GET /api/v1/payouts/presumed-paid', 'recovery.override'),
  row('GET /api/v1/suspense', 'suspense.read'),
  row('POST /api/v1/suspense/{operationId}/refund', 'suspense.resolve'),
  row('POST /api/v1/suspense/{operationId}/redirection', 'suspense.resolve'),
  row('GET /api/v1/business-days', 'operation.read'),
  row('POST /api/v1/business-days/{date}/close', 'day.close'),
  row('GET /api/v1/subscribers', 'subscriber.read'),
  row('POST /api/v1/subscribers', 'subscriber.register'),
  row('GET /api/v1/subscribers/{msisdn}', 'subscriber.read', 'unknown-number'),
  row('GET /api/v1/subscribers/{msisdn}/changes', 'subscriber.read', 'unknown-number'),
  row('GET /api/v1/branches/{branch}/subscribers', 'subscriber.read', 'invalid-input'),
  { ...row('GET /api/v1/rate-plans', 'signed-in'), anyOf: ['reference.read', 'subscriber.read'] },
  { ...row('GET /api/v1/services', 'signed-in'), anyOf: ['reference.read', 'subscriber.read'] },
  row('PUT /api/v1/customers/{number}', 'subscriber.personal'),
  row('POST /api/v1/number-moves', 'number.move'),
  row('POST /api/v1/sim-replacements', 'sim.replace'),
  row('POST /api/v1/rate-plan-changes', 'rate-plan.change'),
  row('POST /api/v1/service-changes', 'service.change'),
  row('POST /api/v1/terminations', 'subscriber.terminate'),
  row('POST /api/v1/blocks', 'subscriber.block'),
  row('POST /api/v1/sim-cards', 'sim.stock'),
  row('GET /api/v1/sim-cards', 'sim.stock'),
  row('POST /api/v1/numbers', 'sim.stock'),
  row('GET /api/v1/numbers', 'sim.stock'),
];

const centre = [
  row('GET /api/v1/authority', 'keys.manage'),
  row('POST /api/v1/authority/roll', 'keys.manage'),
  row('POST /api/v1/authority/retirement', 'keys.manage'),
  row('POST /api/v1/head-office-key/rotation', 'keys.manage'),
  row('GET /api/v1/nodes', 'node.read'),
  row('POST /api/v1/enrolment-tokens', 'branch.enrol'),
  row('GET /api/v1/enrolment-tokens', 'branch.enrol'),
  row('POST /api/v1/nodes/{code}/admission', 'branch.enrol'),
  row('POST /api/v1/nodes/{code}/revocation', 'branch.revoke'),
  row('POST /api/v1/nodes/{code}/rekeying', 'branch.rekey'),
  row('POST /api/v1/reference-releases', 'reference.publish'),
  row('POST /api/v1/prepared-releases', 'reference.publish'),
  row('POST /api/v1/prepared-releases/current/approvals', 'reference.publish'),
  row('GET /api/v1/reference-releases', 'reference.read'),
  row('POST /api/v1/prepared-releases', 'reference.publish'),
  row('POST /api/v1/prepared-releases/current/approvals', 'reference.publish'),
  row('GET /api/v1/reference-draft/changes', 'reference.read'),
  row('GET /api/v1/reference-draft/datasets/{name}', 'reference.read'),
  row('PUT /api/v1/reference-draft/datasets/{name}', 'reference.edit'),
  row('GET /api/v1/reference-draft/datasets/{name}/rows', 'reference.read'),
  row('POST /api/v1/reference-draft/datasets/{name}/row-changes', 'reference.edit'),
  row('POST /api/v1/numbering-imports', 'reference.edit'),
  row('GET /api/v1/reconciliations/{businessDate}', 'reconciliation.read'),
  row('GET /api/v1/reconciliations/{businessDate}/operations', 'reconciliation.read'),
  row(
    'GET /api/v1/reconciliations/{businessDate}/branches/{branch}/differences',
    'reconciliation.read',
  ),
  row('GET /api/v1/figures', 'reconciliation.read', 'invalid-input'),
  row('POST /api/v1/audit-bundles', 'audit.export'),
  row('GET /api/v1/cases', 'case.read'),
  row('GET /api/v1/cases/{id}', 'case.read', 'case-not-found'),
  row('POST /api/v1/cases/{id}/explanation', 'case.work'),
  row('POST /api/v1/cases/{id}/adjustment', 'case.work'),
  row('POST /api/v1/cases/{id}/adjustment-approval', 'case.work'),
  row('GET /api/v1/settlements', 'settlement.read'),
  row('POST /api/v1/settlements', 'settlement.make'),
  row('GET /api/v1/settlements/{id}', 'settlement.read', 'settlement-not-found'),
  row('GET /api/v1/settlements/{id}/obligations', 'settlement.read', 'settlement-not-found'),
  row(
    'GET /api/v1/settlements/{id}/statements/{branch}',
    'settlement.read',
    'settlement-not-found',
  ),
  row('GET /api/v1/lost-settlements', 'settlement.read'),
  row('POST /api/v1/lost-settlements/{id}/decisions', 'settlement.make'),
  row('POST /api/v1/lost-settlements/{id}/decisions/approval', 'settlement.check'),
  row('GET /api/v1/settlement-windows', 'settlement.read'),
  row('POST /api/v1/settlement-windows/{id}/close', 'settlement.make'),
  row('POST /api/v1/settlements/{id}/approval', 'settlement.check'),
  row('POST /api/v1/settlements/{id}/abort', 'settlement.check'),
];

export const frontRows: Readonly<Record<'branch' | 'centre', readonly FrontRow[]>> = {
  branch: [...everyNode, ...branch],
  centre: [...everyNode, ...centre],
};

const page = (path: string, needs: Needs) => row(`GET ${path}`, needs);
const form = (path: string, needs: Needs) => row(`POST ${path}`, needs);

const everyNodesPages = [
  page('/', 'signed-in'),
  page('/node-status', 'signed-in'),
  page('/password', 'signed-in'),
  form('/password', 'signed-in'),
  page('/account', 'signed-in'),
  form('/account/second-factor', 'signed-in'),
  form('/account/second-factor/confirmation', 'signed-in'),
  form('/account/second-factor/removal', 'signed-in'),
  form('/account/sessions/{id}/end', 'signed-in'),
  form('/account/sessions/end-others', 'signed-in'),
  page('/staff', 'operator.manage'),
  form('/staff', 'operator.manage'),
  form('/staff/{login}/disablement', 'operator.manage'),
  form('/staff/{login}/password', 'operator.manage'),
  form('/staff/{login}/second-factor-removal', 'operator.manage'),
  form('/staff/{login}/approval', 'operator.manage'),
  page('/audit', 'audit.read'),
  page('/inbox', 'signed-in'),
  page('/inbox/list', 'signed-in'),
  page('/inbox/count', 'signed-in'),
  page('/palette', 'signed-in'),
  page('/node', 'stream.read'),
  page('/node/streams', 'stream.read'),
  page('/node/recovery', 'stream.read'),
  form('/node/recovery', 'recovery.override'),
  form('/node/streams/{peer}/retry', 'stream.retry'),
  form('/node/backups', 'backup.take'),
];

/** Pages for people: what an address needs; who is not signed in is led to the door. */
export const pageRows: Readonly<Record<'branch' | 'centre', readonly FrontRow[]>> = {
  branch: [
    ...everyNodesPages,
    form('/node/certificate', 'keys.manage'),
    page('/settlements', 'settlement.read'),
    form('/settlements/{id}/check', 'settlement.recheck'),
    page('/cases', 'case.read'),
    page('/find', 'subscriber.read'),
    page('/find/branches/{branch}', 'subscriber.read'),
    page('/subscribers/{msisdn}', 'subscriber.read'),
    page('/subscribers/{msisdn}/card', 'subscriber.read'),
    page('/subscribers/{msisdn}/changes', 'subscriber.read'),
    page('/subscribers/{msisdn}/sim-replacement', 'sim.replace'),
    form('/subscribers/{msisdn}/sim-replacement', 'sim.replace'),
    page('/subscribers/{msisdn}/rate-plan-change', 'rate-plan.change'),
    form('/subscribers/{msisdn}/rate-plan-change', 'rate-plan.change'),
    page('/subscribers/{msisdn}/services', 'service.change'),
    form('/subscribers/{msisdn}/services', 'service.change'),
    page('/subscribers/{msisdn}/block', 'subscriber.block'),
    form('/subscribers/{msisdn}/block', 'subscriber.block'),
    page('/subscribers/{msisdn}/unblock', 'subscriber.block'),
    form('/subscribers/{msisdn}/unblock', 'subscriber.block'),
    page('/subscribers/{msisdn}/termination', 'subscriber.terminate'),
    form('/subscribers/{msisdn}/termination', 'subscriber.terminate'),
    page('/registrations/new', 'subscriber.register'),
    form('/registrations/new', 'subscriber.register'),
    page('/payments/new', 'payment.take'),
    form('/payments', 'payment.take'),
    page('/payments/{operationId}', 'operation.read'),
    page('/payments/{operationId}/state', 'operation.read'),
    page('/payments/{operationId}/receipt', 'operation.read'),
    page('/payments/{operationId}/receipt-a4.pdf', 'operation.read'),
    page('/payments/{operationId}/receipt-80mm.pdf', 'operation.read'),
    form('/payments/{operationId}/cancellation', 'payment.cancel'),
    form('/payments/{operationId}/payout/reinstatement', 'recovery.override'),
    page('/payouts/presumed-paid', 'recovery.override'),
    page('/suspense', 'suspense.read'),
    form('/suspense/{operationId}/refund', 'suspense.resolve'),
    form('/suspense/{operationId}/redirection', 'suspense.resolve'),
    page('/operations', 'operation.read'),
    page('/operations/{id}', 'operation.read'),
    page('/operations/{id}/state', 'operation.read'),
    page('/operations/{id}/contract', 'subscriber.personal'),
    page('/operations/{id}/contract.pdf', 'subscriber.personal'),
    page('/business-days', 'operation.read'),
    form('/business-days/close', 'day.close'),
  ],
  centre: [
    ...everyNodesPages,
    page('/nodes', 'node.read'),
    page('/branches', 'branch.enrol'),
    form('/branches', 'branch.enrol'),
    form('/branches/{code}/admission', 'branch.enrol'),
    page('/reference', 'reference.read'),
    form('/reference/releases', 'reference.publish'),
    page('/reference/{name}', 'reference.read'),
    page('/reference/{name}/row', 'reference.edit'),
    form('/reference/{name}/row', 'reference.edit'),
    form('/reference/{name}/row-removal', 'reference.edit'),
    page('/reconciliation', 'reconciliation.read'),
    page('/figures', 'reconciliation.read'),
    page('/reconciliation/operations', 'reconciliation.read'),
    page('/reconciliation/differences', 'reconciliation.read'),
    page('/cases', 'case.read'),
    page('/cases/{id}', 'case.read'),
    form('/cases/{id}/explanation', 'case.work'),
    form('/cases/{id}/adjustment', 'case.work'),
    form('/cases/{id}/approval', 'case.work'),
    page('/settlement', 'settlement.read'),
    page('/lost-settlements', 'settlement.read'),
    form('/lost-settlements/{id}/decisions', 'settlement.make'),
    form('/lost-settlements/{id}/decisions/approval', 'settlement.check'),
    form('/settlement', 'settlement.make'),
    form('/settlement/windows/{id}/close', 'settlement.make'),
    page('/settlement/{id}', 'settlement.read'),
    page('/settlement/{id}/answers', 'settlement.read'),
    form('/settlement/{id}/approval', 'settlement.check'),
    form('/settlement/{id}/abort', 'settlement.check'),
  ],
};

/** The door, which is open to everybody, and what it is painted with. */
export const doorRoutes = [
  'GET /sign-in',
  'POST /sign-in',
  'POST /sign-out',
  'POST /preferences',
] as const;
export const isAsset = (route: string) => route.startsWith('GET /assets/');

/** Made-up values for the names in braces, well formed and of nothing that exists. */
export const madeUp: Readonly<Record<string, string>> = {
  login: 'nobody.here',
  id: '01900000-0000-7000-8000-000000000000',
  operationId: '01900000-0000-7000-8000-000000000000',
  date: '2024-02-29',
  businessDate: '2024-02-29',
  msisdn: '79250099999',
  number: 'MSK-999999',
  name: 'tenders',
  code: 'EKB',
  branch: 'MSK',
  peer: 'NSK',
  version: '999999',
  sha256: '0'.repeat(64),
};

/**
 * Who may ask a peer route: `anybody` without a certificate, any `member` of the federation, head office alone, or a
 * `person` with this permission, whom a branch names by an assertion.
 */
export interface PeerRow {
  readonly route: string;
  readonly who: 'anybody' | 'member' | 'centre' | 'branch' | 'person';
  readonly permission?: string;
}

const peer = (route: string, who: PeerRow['who'], permission?: string): PeerRow => ({
  ...{ route, who },
  ...(permission === undefined ? {} : { permission }),
});

const everyPeer = [
  peer('POST /peer/v1/stream', 'member'),
  peer('POST /peer/v1/hello', 'member'),
  peer('POST /peer/v1/recovery', 'member'),
  peer('GET /peer/v1/releases/latest', 'member'),
  peer('GET /peer/v1/releases/{version}', 'member'),
  peer('GET /peer/v1/datasets/{sha256}', 'member'),
];

export const peerRows: Readonly<Record<'branch' | 'centre', readonly PeerRow[]>> = {
  branch: [
    ...everyPeer,
    peer('GET /peer/v1/settlements/{id}/obligations', 'centre'),
    peer('GET /peer/v1/days/{date}/minutes', 'centre'),
    peer('GET /peer/v1/days/{date}/minutes/{minute}/legs', 'centre'),
    peer('GET /peer/v1/subscribers/{msisdn}', 'person', 'subscriber.read'),
    peer('GET /peer/v1/subscribers/{msisdn}/changes', 'person', 'subscriber.read'),
    peer('GET /peer/v1/subscribers/{msisdn}/payability', 'person', 'payment.take'),
    peer('POST /peer/v1/subscriber-searches', 'person', 'subscriber.read'),
    peer('POST /peer/v1/customers', 'person', 'subscriber.register'),
  ],
  centre: [
    ...everyPeer,
    peer('GET /peer/v1/settlements/{id}/obligations', 'branch'),
    peer('POST /peer/v1/certificates', 'member'),
    peer('GET /peer/v1/head-office-keys', 'member'),
    peer('POST /peer/v1/keys', 'member'),
    peer('POST /peer/v1/keys/adoption', 'member'),
    peer('POST /enrolment/renewals', 'anybody'),
    peer('GET /enrolment/ca.pem', 'anybody'),
    peer('POST /enrolment/requests', 'anybody'),
  ],
};

/** Whose a subscriber or an operation is, seen from the branch that is asked. */
export type Whose = 'own' | 'peer' | 'foreign';

/**
 * Every kind of operation, asked at one branch for a subscriber of its own, for one of another branch, and for a number
 * of another operator: what it is answered with when the role may.
 */
export interface OperationRow {
  readonly kind: string;
  readonly route: string;
  readonly needs: Needs;
  readonly outcome: Readonly<Record<Whose, number | string>>;
}

const operation = (
  kind: string,
  path: string,
  needs: Needs,
  outcome: OperationRow['outcome'],
): OperationRow => ({ kind, route: `POST /api/v1/${path}`, needs, outcome });

const anyHome = { own: 201, peer: 201, foreign: 'foreign-number' } as const;

export const operationRows: readonly OperationRow[] = [
  operation('payment', 'payments', 'payment.take', anyHome),
  operation('rate-plan-change', 'rate-plan-changes', 'rate-plan.change', anyHome),
  operation('service-change', 'service-changes', 'service.change', anyHome),
  operation('block', 'blocks', 'subscriber.block', anyHome),
  operation('sim-replacement', 'sim-replacements', 'sim.replace', anyHome),
  // A payment is cancelled where it was taken: of others' payments this branch knows nothing.
  operation('payment-cancellation', 'payments/{operationId}/cancellation', 'payment.cancel', {
    ...{ own: 201, peer: 201, foreign: 'operation-not-found' },
  }),
  operation('number-move', 'number-moves', 'number.move', {
    ...{ own: 'already-at-home', peer: 201, foreign: 'foreign-number' },
  }),
  operation('registration', 'subscribers', 'subscriber.register', anyHome),
  operation('termination', 'terminations', 'subscriber.terminate', anyHome),
];
