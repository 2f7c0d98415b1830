import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import {
  type BundleLine,
  type BundleScope,
  bundledDatasets,
  bundleType,
  bundleVersion,
} from '../../shared/audit/bundle.ts';
import type { PublicSigningKey } from '../../shared/federation/identity.ts';
import type { Signer } from '../../shared/federation/peers.ts';
import { headsFrom } from '../../shared/federation/recovery-store.ts';
import { headOffice } from '../../shared/ids/ids.ts';
import { DomainError, isDomainError } from '../../shared/problem/problem.ts';
import type { ReferenceService } from '../../shared/reference/reference-service.ts';
import type { Reader, Store } from '../../shared/store/store.ts';
import { type Clock, now } from '../../shared/time/clock.ts';
import { emptyChain } from '../../shared/wire/chain.ts';
import { headType, streamHead } from '../../shared/wire/peer-messages.ts';
import { adjustmentKind } from '../../shared/wire/settlement-messages.ts';
import type { RecordedObligation } from '../settlement/obligation-store.ts';
import { createAuditPlan, type PlannedStream } from './audit-plan.ts';
import { inboundRows, outboundRows, type StreamRow } from './audit-store.ts';

const obligationsPerLook = 500;
const headsPerLook = 50;
/** Entries of head office's own that one head of a bundle signs. */
const entriesPerHead = 128;

type Line = {
  [Type in BundleLine['type']]: Record<string, unknown> & { type: Type };
}[BundleLine['type']];

export interface AuditExportDeps {
  store: Store;
  clock: Clock;
  signer: Signer;
  references: Pick<ReferenceService, 'highest' | 'manifest' | 'datasetContent'>;
  headOfficeKey: () => PublicSigningKey;
  authorityPem: () => string;
  certificates(): Promise<
    { code: string; serial: string; tlsKeySha256: string; notBefore: string; notAfter: string }[]
  >;
  obligations(
    tx: Reader,
    page: {
      settlementId: string;
      after?: { windowId: string; id: bigint };
      limit: number;
    },
  ): Promise<RecordedObligation[]>;
}

export type AuditExport = ReturnType<typeof createAuditExport>;

/** Writes what head office holds as a bundle that proves itself, line by line: never all of it in memory. */
export function createAuditExport(deps: AuditExportDeps) {
  const { store, clock, signer, references } = deps;
  const plan = createAuditPlan({ store });

  /** @throws DomainError `invalid-input`, `no-release`, `operation-not-found`, `settlement-not-found`. */
  async function* lines(scope: BundleScope): AsyncGenerator<string> {
    assertOneThing(scope);
    const digest = createHash('sha256');
    let count = 0;
    for await (const line of content(scope)) {
      const text = `${JSON.stringify(line)}\n`;
      digest.update(text);
      count += 1;
      yield text;
    }
    const seal = { lines: count, sha256: digest.digest('hex') };
    yield `${JSON.stringify({ type: 'end', ...seal, jws: await signer.sign(bundleType, seal) })}\n`;
  }

  async function* content(scope: BundleScope): AsyncGenerator<Line> {
    const headOfficeKey = deps.headOfficeKey();
    const opening = { version: bundleVersion, createdAt: now(clock), scope, headOfficeKey };
    yield { type: 'bundle', ...opening };
    yield* releases();
    yield { type: 'authority', certPem: deps.authorityPem() };
    for (const { code, serial, tlsKeySha256, notBefore, notAfter } of await deps.certificates()) {
      yield { type: 'certificate', code, serial, tlsKeySha256, notBefore, notAfter };
    }
    for (const stream of await planned(scope)) yield* streamLines(stream);
    if (scope.settlement !== undefined) yield* obligationLines(scope.settlement);
  }

  /** The newest first: it vouches for the keys of those before. */
  async function* releases(): AsyncGenerator<Line> {
    const highest = await references.highest();
    if (!highest) throw new DomainError('no-release');
    const told = new Set<string>();
    for (let version = highest.manifest.version; version > 0; version -= 1) {
      const jws = await manifestOf(version);
      if (jws === undefined) continue;
      const manifest = decodeJwt<{ datasets: Record<string, { sha256: string }> }>(jws);
      for (const name of bundledDatasets) {
        const sha256 = manifest.datasets[name]?.sha256;
        if (sha256 === undefined || told.has(sha256)) continue;
        told.add(sha256);
        yield { type: 'dataset', sha256, content: await references.datasetContent(sha256) };
      }
      yield { type: 'release', jws };
    }
  }

  async function manifestOf(version: number): Promise<string | undefined> {
    try {
      return await references.manifest(version);
    } catch (error) {
      if (isDomainError(error, 'release-not-found')) return undefined;
      throw error;
    }
  }

  async function planned(scope: BundleScope): Promise<PlannedStream[]> {
    const { operation, settlement } = scope;
    if (settlement !== undefined) {
      const streams = await plan.ofOperations(settledIn(settlement), settlement);
      if (streams.length === 0) throw new DomainError('settlement-not-found');
      return streams;
    }
    if (operation !== undefined) {
      const streams = await plan.ofOperations(only(operation));
      if (streams.length === 0) throw new DomainError('operation-not-found');
      return streams;
    }
    return plan.ofPeriod(scope);
  }

  async function* settledIn(settlementId: string) {
    for await (const { operationId, kind } of obligationsOf(settlementId)) {
      yield { operationId, isAdjustment: kind === adjustmentKind };
    }
  }

  async function* obligationsOf(settlementId: string): AsyncGenerator<RecordedObligation> {
    let after: { windowId: string; id: bigint } | undefined;
    for (;;) {
      const page = { settlementId, limit: obligationsPerLook, ...(after ? { after } : {}) };
      const found = await store.read((tx) => deps.obligations(tx, page));
      yield* found;
      const last = found.at(-1);
      if (!last?.windowId || found.length < obligationsPerLook) return;
      after = { windowId: last.windowId, id: last.id };
    }
  }

  async function* obligationLines(settlementId: string): AsyncGenerator<Line> {
    for await (const found of obligationsOf(settlementId)) {
      const { operationId, attempt, kind, debtor, creditor, currency } = found;
      const { gross, commission, fee, net } = found;
      yield {
        type: 'obligation',
        ...{ settlementId, operationId, attempt, kind, debtor, creditor, currency },
        ...{ gross: String(gross), commission: String(commission) },
        ...{ fee: String(fee), net: String(net) },
      };
    }
  }

  async function* streamLines(stream: PlannedStream): AsyncGenerator<Line> {
    const batches = stream.direction === 'in' ? inboundBatches(stream) : ownBatches(stream);
    const { peer, epoch, direction, wanted } = stream;
    const [from, to] = direction === 'in' ? [peer, headOffice] : [headOffice, peer];
    let reached: number | undefined;
    for await (const { first, last, jws, rows } of batches) {
      const isNew = reached === undefined || first > reached + 1 || isSet(wanted);
      if (isNew) yield { type: 'stream', from, to, epoch, first, last: await endOf(stream, last) };
      yield { type: 'head', jws };
      for (const row of rows) {
        const position = Number(row.position);
        if (!isNew && position <= (reached ?? 0)) continue;
        const isShown = !isSet(wanted) || wanted.has(position);
        const { hash, entry } = row;
        yield { type: 'entry', position, hash, ...(isShown ? { entry } : {}) };
      }
      reached = last;
    }
  }

  /** Where a stretch ends: at the head over the last entry that is asked for. */
  async function endOf({ direction, peer, epoch, wanted }: PlannedStream, last: number) {
    if (isSet(wanted) || direction === 'out') return isSet(wanted) ? last : wanted.last;
    const place = { peer, epoch, position: wanted.last, limit: 1 };
    const [head] = await store.read((tx) => headsFrom(tx, place));
    return head?.position ?? last;
  }

  /** The batches as the branch once signed them, as far as any of their entries is asked for. */
  async function* inboundBatches({ peer, epoch, wanted }: PlannedStream): AsyncGenerator<Batch> {
    let position = isSet(wanted) ? 1 : wanted.first;
    const isAsked = (first: number, last: number) =>
      !isSet(wanted) || [...wanted].some((each) => each >= first && each <= last);
    const end = isSet(wanted) ? Math.max(...wanted) : wanted.last;
    while (position <= end) {
      const place = { peer, epoch, position, limit: headsPerLook };
      const heads = await store.read((tx) => headsFrom(tx, place));
      if (heads.length === 0) return;
      for (const { position: last, head: jws } of heads) {
        if (position > end) return;
        const { first } = streamHead.parse(decodeJwt(jws));
        position = last + 1;
        if (!isAsked(first, last)) continue;
        const rows = await store.read((tx) => inboundRows(tx, { peer, epoch, first, last }));
        yield { first, last, jws, rows };
      }
    }
  }

  /** Head office's own entries, signed here and now. */
  async function* ownBatches({ peer, epoch, wanted }: PlannedStream): AsyncGenerator<Batch> {
    const end = isSet(wanted) ? Math.max(...wanted) : wanted.last;
    for (let first = isSet(wanted) ? 1 : wanted.first; first <= end; first += entriesPerHead) {
      const last = Math.min(first + entriesPerHead - 1, end);
      const isAsked = !isSet(wanted) || [...wanted].some((each) => each >= first && each <= last);
      if (!isAsked) continue;
      const stretch = { peer, epoch, first: first - 1, last };
      const rows = await store.read((tx) => outboundRows(tx, stretch));
      const base = first === 1 ? emptyChain : (rows.shift()?.chain ?? emptyChain);
      const chain = rows.at(-1)?.chain ?? base;
      const jws = await signer.sign(headType, {
        ...{ from: headOffice, to: peer, started: epoch, previous: [], epoch },
        ...{ first, base, position: last, chain, at: now(clock) },
      });
      yield { first, last, jws, rows };
    }
  }

  return { lines };
}

interface Batch {
  readonly first: number;
  readonly last: number;
  readonly jws: string;
  readonly rows: readonly StreamRow[];
}

function isSet(wanted: PlannedStream['wanted']): wanted is ReadonlySet<number> {
  return wanted instanceof Set;
}

async function* only(operationId: string) {
  yield { operationId, isAdjustment: false };
}

/** @throws DomainError `invalid-input`. */
function assertOneThing({ from, to, branch, operation, settlement }: BundleScope): void {
  const hasPeriod = from !== undefined && to !== undefined && from <= to;
  const single = [operation, settlement].filter((each) => each !== undefined).length;
  const isOne = single === 1 && from === undefined && to === undefined && branch === undefined;
  if (isOne || (single === 0 && hasPeriod)) return;
  const detail =
    'Ask for a period, of all branches or of one; or for an operation; or a settlement.';
  throw new DomainError('invalid-input', detail);
}
