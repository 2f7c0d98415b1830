import type { Audit } from '../access/audit.ts';
import { createRateLimit } from '../access/rate-limit.ts';
import type { Store } from '../store/store.ts';
import type { Logger } from '../text/logger.ts';
import type { Clock } from '../time/clock.ts';

/** One caller's storm must neither fill the audit trail nor hide what another one does. */
const maxAuditedPerCaller = 60;
const windowMs = 60_000;
const maxCallers = 512;
const maxPathLength = 200;

/** Something that a peer, or somebody who says to be one, was refused. */
export interface PeerRefusal {
  /** The node that TLS proved, or `unknown`. */
  readonly caller: string;
  readonly path: string;
  readonly code: string;
  readonly detail: string;
}

/**
 * Puts refusals of peers into the audit trail as `peer.refuse`, at most 60 a minute for each caller; what is over that
 * is only logged. Does not wait, and changes no answer.
 */
export function createPeerRefusals(deps: {
  store: Store;
  audit: Audit;
  clock: Clock;
  logger: Logger;
}) {
  const { store, audit, clock, logger } = deps;
  const limit = createRateLimit({
    clock,
    maxPerWindow: maxAuditedPerCaller,
    windowMs,
    maxKeys: maxCallers,
  });

  return ({ caller, path, code, detail }: PeerRefusal): void => {
    if (limit.take(caller) > 0) {
      logger.warn({ caller, code }, 'a peer was refused');
      return;
    }
    const actor = { id: caller, name: caller, node: caller };
    const subject = path.slice(0, maxPathLength);
    const record = { actor, action: 'peer.refuse', subject, detail: { code, detail } };
    store
      .write((tx) => audit.record(tx, { ...record, outcome: 'denied' }))
      .catch((error: unknown) => logger.error({ err: error }, 'a refusal was not audited'));
  };
}
