import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import type { Principal } from '../../shared/access/operator.ts';
import {
  certificateFacts,
  certificateFingerprint,
  certificatesIn,
} from '../../shared/federation/certificates.ts';
import { type NodeIdentity, signingKeyId } from '../../shared/federation/identity.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Store } from '../../shared/store/store.ts';
import { instantOf } from '../../shared/time/clock.ts';
import type { Api } from '../../shared/web/api.ts';
import { instant } from '../../shared/web/schemas.ts';
import type { KeyRotation } from './key-rotation.ts';
import type { OwnIdentity } from './own-identity.ts';

const keysView = z
  .strictObject({
    signingKey: z.string().openapi({ description: "The key's thumbprint, as `kid` names it" }),
    tlsKey: z.string().openapi({ description: 'SHA-256 of the public key' }),
    certificate: z.strictObject({ serial: z.string(), notBefore: instant, notAfter: instant }),
    headOfficeKey: z.string().openapi({ description: "The thumbprint of head office's key" }),
    authorities: z.array(z.string()).openapi({ description: 'SHA-256 of those it believes' }),
    rotation: z.enum(['none', 'made', 'announced', 'adopted']).openapi({
      description:
        'made: not told to head office yet; announced: not used before every reachable peer knows them; adopted: the old ones end',
    }),
  })
  .openapi('NodeKeys');

/** This branch's keys, and their rotation. */
export function keyRoutes(
  { endpoint }: Pick<Api, 'endpoint'>,
  deps: {
    node: NodeCode;
    store: Store;
    audit: Audit;
    identity: () => NodeIdentity;
    rotation: KeyRotation;
    own: OwnIdentity;
  },
) {
  async function view() {
    const { certPem, caPem, signingKey, headOfficeKey } = deps.identity();
    const facts = certificateFacts(certPem);
    return {
      signingKey: await signingKeyId(signingKey),
      tlsKey: facts.spkiSha256,
      certificate: {
        serial: facts.serial,
        notBefore: instantOf(facts.notBefore),
        notAfter: instantOf(facts.notAfter),
      },
      headOfficeKey: await signingKeyId(headOfficeKey),
      authorities: certificatesIn(caPem).map((each) => certificateFingerprint(each.toString())),
      rotation: await deps.rotation.state(),
    };
  }

  const note = ({ operatorId: id, name }: Principal, action: string) =>
    deps.store.write((tx) =>
      deps.audit.record(tx, {
        actor: { id, name, node: deps.node },
        ...{ action, subject: deps.node, outcome: 'done' },
      }),
    );

  const getKeys = endpoint(
    {
      method: 'GET',
      path: '/api/v1/keys',
      permission: 'keys.manage',
      operationId: 'getKeys',
      tag: 'Federation',
      summary: "This branch's keys and certificate, and whom it believes",
      response: keysView,
    },
    view,
  );

  const rotateKeys = endpoint(
    {
      method: 'POST',
      path: '/api/v1/keys/rotation',
      permission: 'keys.manage',
      operationId: 'rotateKeys',
      tag: 'Federation',
      summary: 'Make new keys; they are announced, adopted and the old ones ended by themselves',
      status: 202,
      response: keysView,
    },
    async ({ principal }) => {
      await deps.rotation.begin();
      await note(principal, 'keys.rotate');
      return view();
    },
  );

  const renewCertificate = endpoint(
    {
      method: 'POST',
      path: '/api/v1/keys/certificate-renewal',
      permission: 'keys.manage',
      operationId: 'renewCertificate',
      tag: 'Federation',
      summary: 'Ask head office for a new certificate now; by itself that happens in time',
      status: 200,
      response: keysView,
    },
    async ({ principal }) => {
      await deps.own.renew({ now: true });
      await note(principal, 'certificate.ask');
      return view();
    },
  );

  return { getKeys, rotateKeys, renewCertificate };
}

/** As the pages ask them. */
export type KeyEndpoints = ReturnType<typeof keyRoutes>;
