import { productionCost, type ScryptCost } from '../access/passwords.ts';
import { loadIdentity } from '../federation/identity.ts';
import { createPeerClient } from '../federation/peer-client.ts';
import { createPeerServer } from '../federation/peer-server.ts';
import { type Ids, systemIds } from '../ids/ids.ts';
import { openStore } from '../store/open-store.ts';
import { createLogger } from '../text/logger.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import { createFrontServer } from '../web/listen.ts';
import { createBackups } from './backups.ts';

/** All that a node reaches the world by: the simulation and tests bring their own. */
export interface NodePorts {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly loadIdentity: typeof loadIdentity;
  readonly createLogger: typeof createLogger;
  readonly openStore: typeof openStore;
  readonly createPeerClient: typeof createPeerClient;
  readonly createPeerServer: typeof createPeerServer;
  readonly createFrontServer: typeof createFrontServer;
  readonly createBackups: typeof createBackups;
  /** What a guess at a password costs. */
  readonly passwordCost: ScryptCost;
}

export const systemPorts: NodePorts = {
  clock: systemClock,
  ids: systemIds,
  loadIdentity,
  createLogger,
  openStore,
  createPeerClient,
  createPeerServer,
  createFrontServer,
  createBackups,
  passwordCost: productionCost,
};
