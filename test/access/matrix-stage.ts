import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Branch } from '../../branch-node/branch.ts';
import type { Centre } from '../../central-node/centre.ts';
import type { PasswordHash } from '../../shared/access/passwords.ts';
import { assetPath } from '../../shared/store/assets.ts';
import { send, startFederation, type TestFederation } from '../support/federation.ts';
import { shiftableClock } from '../support/federation-keys.ts';

/** Real nodes, one clock for all of them, and somebody for every role. */

export type Kind = 'branch' | 'centre';
export const codeOf = { branch: 'MSK', centre: 'HQ' } as const;
export const password = 'correct horse battery';

export interface Person {
  readonly id: string;
  readonly login: string;
  readonly token: string;
}

export interface Stage {
  readonly federation: TestFederation;
  readonly clock: ReturnType<typeof shiftableClock>;
  running(kind: Kind): Branch | Centre;
  url(kind: Kind): string;
  /** Adds an operator and signs him in. */
  enter(kind: Kind, login: string, role: string, isTemporary?: boolean): Promise<Person>;
  signIn(kind: Kind, login: string): Promise<string>;
}

export async function setStage(): Promise<Stage> {
  const clock = shiftableClock();
  const federation = await startFederation(['MSK', 'SPB', 'NSK'], {}, { clock }, { clock });
  const running = (kind: Kind) =>
    kind === 'centre' ? federation.centre() : federation.running(codeOf.branch);
  const url = (kind: Kind) => federation.branch(codeOf[kind]).url;
  let hash: PasswordHash | undefined;

  async function signIn(kind: Kind, login: string): Promise<string> {
    const answer = await send(url(kind), 'POST', '/api/v1/sessions', { body: { login, password } });
    if (answer.status !== 201) throw new Error(`${login}: ${JSON.stringify(answer.body)}`);
    return answer.body.token;
  }

  return {
    ...{ federation, clock, running, url, signIn },
    async enter(kind, login, role, isTemporary) {
      const { access, store, code } = running(kind);
      hash ??= await access.hashPassword(password);
      const passwordHash = hash;
      const by = { id: 'test', name: 'test', node: code };
      const operator = await store.write((tx) =>
        access.addOperator(tx, { login, name: login, role, passwordHash, isTemporary, by }),
      );
      return { id: operator.id, login, token: await signIn(kind, login) };
    },
  };
}

const roleLines = readFileSync(assetPath('reference-data/roles.csv'), 'utf8').trim().split('\n');

/** What the reference data lets a role do at a kind of node, read without the product's help. */
export function rolesOf(kind: Kind): Map<string, Set<string>> {
  const roles = new Map<string, Set<string>>();
  for (const line of roleLines.slice(1)) {
    const [role = '', node, permission = ''] = line.trim().split(',');
    if (node === kind) roles.set(role, (roles.get(role) ?? new Set()).add(permission));
  }
  return roles;
}

/** One cell of the matrix: a request, and what it must be answered with. */
export interface Cell {
  readonly kind: Kind;
  /** `METHOD /path/{name}` of the table. */
  readonly route: string;
  /** Who asks, for the audit trail: an operator's id, or `-`. */
  readonly actor: string;
  readonly what: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object;
  /** 200 for any success; else the code of the refusal. */
  readonly expected: string | number;
}

const denials: ReadonlySet<string | number> = new Set([
  ...['not-signed-in', 'not-permitted', 'password-temporary'],
]);
const askedAtOnce = 8;
/** Fewer than are written of strangers in a minute. */
const strangersAMinute = 250;
const minuteMs = 61_000;
let cells = 0;

/** Asks every cell and compares the answers and the audit trail with what the table says. */
export async function play(stage: Stage, all: readonly Cell[]): Promise<number> {
  const faults: string[] = [];
  const byTrace = new Map<string, Cell>();
  let strangers = 0;

  async function ask(cell: Cell): Promise<void> {
    cells += 1;
    const traceId = `a${cells.toString(16).padStart(31, '0')}`;
    byTrace.set(traceId, cell);
    const traceparent = `00-${traceId}-${'b'.repeat(16)}-01`;
    const [method = ''] = cell.route.split(' ');
    const { status, body } = await send(stage.url(cell.kind), method, cell.path, {
      headers: { ...cell.headers, traceparent },
      ...(cell.body ? { body: cell.body } : {}),
    });
    const got = status < 400 ? (cell.expected === status ? status : 200) : body.code;
    if (got !== cell.expected) faults.push(`${nameOf(cell)}: ${status} ${got}`);
  }

  for (let at = 0; at < all.length; at += askedAtOnce) {
    const now = all.slice(at, at + askedAtOnce);
    strangers += now.filter(({ actor }) => actor === '-').length;
    if (strangers > strangersAMinute) {
      stage.clock.shift(minuteMs);
      strangers = 0;
    }
    await Promise.all(now.map(ask));
  }
  for (const kind of ['branch', 'centre'] as const) {
    faults.push(...(await auditFaults(stage.running(kind), kind, byTrace)));
  }
  expect(faults.slice(0, 20), `${faults.length} cells are wrong`).to.deep.equal([]);
  return all.length;
}

/** Every denied cell has its one row, which says who, what and why; no other cell has any. */
async function auditFaults(
  { store, audit }: Pick<Branch, 'store' | 'audit'>,
  kind: Kind,
  byTrace: ReadonlyMap<string, Cell>,
): Promise<string[]> {
  const query = { limit: 1_000_000, action: 'access.deny' };
  const rows = await store.read((tx) => audit.list(tx, query));
  const found = new Map<string, string[]>();
  for (const { traceId = '', actor, subject, detail } of rows) {
    const said = { reason: '', source: '', ...detail };
    const row = [actor.id, subject, said.reason, said.source].join(' ');
    found.set(traceId, [...(found.get(traceId) ?? []), row]);
  }
  return [...byTrace].flatMap(([traceId, cell]) => {
    if (cell.kind !== kind) return [];
    const row = [cell.actor, cell.route, cell.expected, '127.0.0.1'].join(' ');
    const expected = denials.has(cell.expected) ? [row] : [];
    const written = found.get(traceId) ?? [];
    if (String(written) === String(expected)) return [];
    return [`${nameOf(cell)}: the audit trail says ${JSON.stringify(written)}`];
  });
}

function nameOf({ kind, route, what, expected }: Cell): string {
  return `${kind} ${route} ${what}, expected ${expected}`;
}
