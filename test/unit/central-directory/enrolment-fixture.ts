import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EnrolledBranch } from '../../../central-node/directory/enrolment.ts';
import { createEnrolmentRoutes } from '../../../central-node/directory/enrolment-routes.ts';
import { createEnrolment } from '../../../central-node/directory/enrolment-service.ts';
import { createRequest } from '../../../shared/federation/certificates.ts';
import type { EnrolmentRequest } from '../../../shared/federation/enrolment-messages.ts';
import { publicKeyOf } from '../../../shared/federation/identity.ts';
import { problemResponse } from '../../../shared/federation/peer-server-problem.ts';
import { headOffice, type NodeCode, systemIds } from '../../../shared/ids/ids.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import { federationKeys, shiftableClock } from '../../support/federation-keys.ts';

export const msk = 'MSK' as NodeCode;
export const spb = 'SPB' as NodeCode;

const undo: (() => Promise<unknown>)[] = [];

/** Ends all that a test opened. */
export async function closeCentres(): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

/** A folder for one test. */
export async function temporary(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sbms-directory-'));
  undo.push(() => rm(dir, { recursive: true }));
  return dir;
}

/** The routes by themselves; their app answers what is refused. */
export function routesOf(of: Omit<Parameters<typeof createEnrolmentRoutes>[0], 'successors'>) {
  const routes = createEnrolmentRoutes({ ...of, successors: async () => [] });
  return routes.onError((error) => problemResponse(error));
}

/** Head office's enrolment on a real store; `changes` is what it told its caller. */
export async function centre() {
  const keys = await federationKeys([msk, spb]);
  const clock = shiftableClock();
  const { store } = await openStore({
    url: `file:${join(await temporary(), 'hq.db')}`,
    migrations: [{ room: 'directory', directory: 'central-node/directory/migrations' }],
  });
  undo.push(() => store.close());
  const changes: EnrolledBranch[] = [];
  const enrolment = createEnrolment({
    store,
    authorities: () => keys.authority,
    headOfficeKey: () => publicKeyOf(keys.identity(headOffice).signingKey),
    note: async () => {},
    clock,
    ids: systemIds,
    onChanged: async (_tx, branch) => void changes.push(branch),
  });

  function requestOf(code: NodeCode, token: string, own = keys.identity(code)): EnrolmentRequest {
    const urls = { peerUrl: 'https://127.0.0.1:9001', frontUrl: 'https://msk.example:9000' };
    const csrPem = createRequest({ code, keyPem: own.tlsKeyPem });
    return { code, token, csrPem, signingJwk: publicKeyOf(own.signingKey), ...urls };
  }

  return {
    ...{ keys, clock, store, enrolment, changes, requestOf },
    /** With the keys that the node has. */
    async enrol(code: NodeCode) {
      const token = await enrolment.createToken({ code, actor: 'root' });
      return enrolment.enrol(requestOf(code, token), code);
    },
  };
}
