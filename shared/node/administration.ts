import type { Audit } from '../access/audit.ts';
import type { Alarms } from '../federation/alarms.ts';
import type { Federation } from '../federation/federation.ts';
import type { NodeCode } from '../ids/ids.ts';
import { ledgerRoutes } from '../ledger/ledger-routes.ts';
import type { Store } from '../store/store.ts';
import type { Clock } from '../time/clock.ts';
import type { Api } from '../web/api.ts';
import type { Readiness } from '../web/observability.ts';
import { backupRoutes } from './backup-routes.ts';
import type { Backups } from './backups.ts';
import { nodeStateRoutes } from './node-state-routes.ts';
import { recoveryRoutes } from './recovery-routes.ts';
import { streamRoutes } from './stream-routes.ts';

export interface AdministrationDeps {
  readonly code: NodeCode;
  readonly store: Store;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly federation: Federation;
  readonly alarms: Alarms;
  readonly backups: Backups;
  readonly readiness: () => Promise<Readiness>;
  /** The certificate that this node shows to its peers now. */
  readonly certPem: () => string;
}

export type AdministrationEndpoints = ReturnType<typeof administrationRoutes>;

/** What those who look after a node ask of it, a branch and head office alike. */
export function administrationRoutes(api: Pick<Api, 'endpoint'>, deps: AdministrationDeps) {
  const { code: node, store, audit, federation } = deps;
  ledgerRoutes(api, { store });
  return {
    ...recoveryRoutes(api, { node, store, audit, federation }),
    ...streamRoutes(api, deps),
    ...backupRoutes(api, deps),
    ...nodeStateRoutes(api, deps),
  };
}
