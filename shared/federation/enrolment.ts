import { createPrivateKey } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { headOffice, type NodeCode } from '../ids/ids.ts';
import { DomainError } from '../problem/problem.ts';
import { dropNextFiles, finishAdopting, nextFolderOf } from '../store/adopted-files.ts';
import {
  certificateFacts,
  certificateFingerprint,
  createRequest,
  followsFrom,
  parseCertificate,
  tlsName,
} from './certificates.ts';
import { type EnrolmentRequest, enrolmentAnswer, parseToken } from './enrolment-messages.ts';
import { buildConnector, type Connector, Pool } from './http-pool.ts';
import type { NodeIdentity } from './identity.ts';
import {
  adoptNextIdentity,
  completeIdentity,
  createIdentity,
  loadIdentity,
  publicKeyOf,
} from './identity.ts';

const maxAnswerBytes = 256 * 1024;
const exchangeMaxMs = 30_000;

/**
 * Makes this node a member: keys in `dir`, a certificate from the centre, HQ's signing key
 * pinned. The token is sent only to a server that has proved itself with the authority whose
 * fingerprint the token carries. Interrupted, it can be run again with the same keys.
 * @throws DomainError `enrolment-refused` (a person must look), `peer-unreachable` (try again).
 */
export async function enrolWithCentre(options: {
  centreUrl: string;
  token: string;
  dir: string;
  code: NodeCode;
  peerUrl: string;
  frontUrl: string;
  /** With new keys in the place of those that it has: they were stolen, or are lost. */
  again?: boolean;
}): Promise<NodeIdentity> {
  const { centreUrl, code } = options;
  const token = parseToken(options.token);
  // What a crash cut off is whole first: half of it beside half of this would be no identity at all.
  finishAdopting(options.dir);
  if (options.again) dropNextFiles(options.dir);
  const dir = options.again ? nextFolderOf(options.dir) : options.dir;
  const keys = await createIdentity(dir, code);
  const caPem = await fetchAuthority(centreUrl, token.authoritySha256);
  const request: EnrolmentRequest = {
    code,
    token: options.token.trim(),
    csrPem: createRequest({ code, keyPem: keys.tlsKeyPem }),
    signingJwk: publicKeyOf(keys.signingKey),
    peerUrl: new URL(options.peerUrl).origin,
    frontUrl: new URL(options.frontUrl).origin,
  };
  const text = await exchange(centreUrl, headOfficeConnector(caPem), {
    method: 'POST',
    path: '/enrolment/requests',
    body: JSON.stringify(request),
  });
  const answer = enrolmentAnswer.safeParse(parseJson(text));
  if (!answer.success || answer.data.caPem !== caPem) throw refused('The answer makes no sense.');
  const { certPem, hqSigningKey } = answer.data;
  assertCertificateFor({ certPem, caPem, keyPem: keys.tlsKeyPem, code });
  completeIdentity(dir, { certPem, caPem, headOfficeKey: hqSigningKey });
  return options.again ? adoptNextIdentity(options.dir) : loadIdentity(dir);
}

/** @throws DomainError `enrolment-refused` unless it is the authority's, for this node and key. */
export function assertCertificateFor(options: {
  certPem: string;
  caPem: string;
  keyPem: string;
  code: NodeCode;
}): void {
  const certificate = parseCertificate(options.certPem);
  const good =
    followsFrom(options.certPem, options.caPem) &&
    certificate.checkPrivateKey(createPrivateKey(options.keyPem)) &&
    certificateFacts(certificate).code === options.code;
  if (!good) throw refused('The certificate that came back is not for this node.');
}

async function fetchAuthority(centreUrl: string, expectedSha256: string): Promise<string> {
  // Nothing is trusted and nothing secret is sent here: the fingerprint decides.
  const anyServer = buildConnector({ rejectUnauthorized: false, minVersion: 'TLSv1.3' });
  const caPem = await exchange(centreUrl, anyServer, { method: 'GET', path: '/enrolment/ca.pem' });
  if (certificateFingerprint(caPem) !== expectedSha256) {
    throw refused('The centre at this address is not the one that the token is from.');
  }
  // Node reads the first certificate only; a second one would come in unpinned behind it.
  if (caPem.split('-----BEGIN').length !== 2) throw refused('More than one authority was sent.');
  return caPem;
}

/** Any certificate of the authority passes TLS; only HQ's passes this. */
function headOfficeConnector(caPem: string): Connector {
  const connect = buildConnector({
    ca: caPem,
    minVersion: 'TLSv1.3',
    servername: tlsName(headOffice),
    maxCachedSessions: 0,
  });
  return (options, callback) => {
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      const x509 = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
      if (x509 && certificateFacts(x509).code === headOffice) return callback(null, socket);
      socket.destroy();
      callback(refused('The server at this address is not the centre.'), null);
    });
  };
}

async function exchange(
  centreUrl: string,
  connect: Connector,
  request: { method: 'GET' | 'POST'; path: string; body?: string },
): Promise<string> {
  const pool = new Pool(centreUrl, { connect, connections: 1 });
  try {
    const response = await pool.request({
      ...request,
      headers: request.body === undefined ? {} : { 'content-type': 'application/json' },
      headersTimeout: exchangeMaxMs,
      bodyTimeout: exchangeMaxMs,
    });
    let text = '';
    for await (const chunk of response.body.setEncoding('utf8')) {
      text += chunk;
      if (text.length > maxAnswerBytes) throw refused('The answer is too long.');
    }
    if (response.statusCode === 200 || response.statusCode === 201) return text;
    throw refused(`The centre answered ${response.statusCode}: ${detailIn(text)}`);
  } catch (cause) {
    if (cause instanceof DomainError) throw cause;
    throw new DomainError('peer-unreachable', 'The centre did not answer.', { cause });
  } finally {
    await pool.destroy();
  }
}

function detailIn(text: string): string {
  const problem = parseJson(text);
  const known = typeof problem === 'object' && problem !== null && 'detail' in problem;
  return known ? String(problem.detail) : 'no reason given.';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refused(detail: string): DomainError {
  return new DomainError('enrolment-refused', detail);
}
