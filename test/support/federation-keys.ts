import {
  type Authority,
  certificateFacts,
  createAuthority,
  createRequest,
  issueCertificate,
  randomSerial,
} from '../../shared/federation/certificates.ts';
import {
  createKeys,
  type NodeIdentity,
  type NodeKeys,
  publicKeyOf,
} from '../../shared/federation/identity.ts';
import type { Peer } from '../../shared/federation/peers.ts';
import { headOffice, type NodeCode, systemIds } from '../../shared/ids/ids.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import { type Clock, systemClock } from '../../shared/time/clock.ts';

const loopback = ['127.0.0.1', 'localhost'];

export interface FederationKeys {
  readonly authority: Authority;
  readonly identity: (code: NodeCode) => NodeIdentity;
  /** The directory's row of a node; say where it listens. */
  readonly peer: (code: NodeCode, changes?: Partial<Peer>) => Peer;
}

// RSA keys take tens of milliseconds and more: made once for all tests of a process.
let authority: Promise<Authority> | undefined;
const keys = new Map<NodeCode, Promise<NodeKeys>>();
const certificates = new Map<NodeCode, string>();

/** One authority and the identities of these nodes and of HQ, each made once per process. */
export async function federationKeys(codes: readonly NodeCode[]): Promise<FederationKeys> {
  authority ??= createAuthority({
    commonName: 'Test CA',
    clock: systemClock,
    ids: systemIds,
    validDays: 3_650,
  });
  const ca = await authority;
  const nodes = await Promise.all([...new Set([headOffice, ...codes])].map(keysOf));
  const headOfficeKey = publicKeyOf((await keysOf(headOffice)).signingKey);
  const identities = new Map<NodeCode, NodeIdentity>();
  for (const node of nodes) {
    const certPem = certificates.get(node.code) ?? certificateFor(ca, node);
    certificates.set(node.code, certPem);
    identities.set(node.code, { ...node, certPem, caPem: ca.certPem, headOfficeKey });
  }
  function identity(code: NodeCode): NodeIdentity {
    const found = identities.get(code);
    if (!found) throw new Error(`no keys were made for ${code}`);
    return found;
  }
  return {
    authority: ca,
    identity,
    peer: (code, changes) => ({ ...peerRow(identity(code)), ...changes }),
  };
}

/** A certificate by `authority` for the node's key; other dates or hosts on demand. */
export function certificateFor(
  authority: Authority,
  keys: NodeKeys,
  changes: { clock?: Clock; hosts?: readonly string[] } = {},
): string {
  return issueCertificate({
    authority,
    csrPem: createRequest({ code: keys.code, keyPem: keys.tlsKeyPem }),
    code: keys.code,
    hosts: loopback,
    validDays: 30,
    clock: systemClock,
    serial: randomSerial(systemIds),
    ...changes,
  });
}

function keysOf(code: NodeCode): Promise<NodeKeys> {
  const made = keys.get(code) ?? createKeys(code);
  keys.set(code, made);
  return made;
}

function peerRow(identity: NodeIdentity): Peer {
  return {
    code: identity.code,
    peerUrl: 'https://127.0.0.1:1',
    signingKey: publicKeyOf(identity.signingKey),
    tlsKeySha256: certificateFacts(identity.certPem).spkiSha256,
    revokedSerials: [],
    active: true,
  };
}

/** The system's clock, set forward or back at will; its timers are real. */
export function shiftableClock(): Clock & { shift(ms: number): void } {
  let shiftedMs = 0;
  return {
    ...systemClock,
    nowMs: () => systemClock.nowMs() + shiftedMs,
    shift(ms) {
      shiftedMs += ms;
    },
  };
}

/** A directory that a test changes as a release would. */
export function changeableDirectory(initial: readonly Peer[] = []) {
  const rows = new Map(initial.map((peer) => [peer.code, peer]));
  return {
    peer: (code: NodeCode) => rows.get(code),
    peers: () => [...rows.values()],
    set(peer: Peer): void {
      rows.set(peer.code, peer);
    },
    remove(code: NodeCode): void {
      rows.delete(code);
    },
  };
}

/** @returns the error that `work` was refused with; fails when it was not. */
export async function refusalBy(work: Promise<unknown>): Promise<DomainError> {
  const outcome = await work.then(
    () => 'it was not refused',
    (error: unknown) => error,
  );
  if (outcome instanceof DomainError) return outcome;
  throw new Error(`expected a refusal: ${outcome}`, { cause: outcome });
}
