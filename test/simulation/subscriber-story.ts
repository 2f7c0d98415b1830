import type { NodeCode } from '../../shared/ids/ids.ts';
import type { Machine } from './machine.ts';
import { rowsOf } from './rows.ts';

/**
 * What each subscriber must be by his branch's own log, read in the order in which it was written. It shares no code with
 * the branches.
 */

interface State {
  status?: string;
  plan?: string;
  iccid?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: what stands in a log is read as it was written
type Body = any;

const inOrder = `SELECT l.kind, l.entry FROM log_entries l JOIN node_starts n ON n.epoch = l.epoch
  WHERE l.operation_id IS NOT NULL ORDER BY n.ordinal, l.seq`;

const isNewHome = (kind: string, branch: NodeCode, { serving }: Body): boolean =>
  kind === 'number-move' && serving === branch;

const begins = (kind: string, branch: NodeCode, operation: Body): boolean =>
  kind === 'registration' || isNewHome(kind, branch, operation);

/** What an executed operation makes of the subscriber at this branch. */
function changeOf(kind: string, branch: NodeCode, { operation, decision }: Body): State {
  const { request } = operation;
  const { result } = decision;
  if (isNewHome(kind, branch, operation))
    return { status: 'active', plan: result.ratePlan, iccid: request.iccid };
  switch (kind) {
    case 'registration':
      return { status: 'active', plan: result.ratePlan, iccid: request.iccid };
    case 'number-move':
      return { status: 'moved' };
    case 'termination':
      return { status: 'terminated' };
    case 'block':
      return { status: result.status };
    case 'rate-plan-change':
      return { plan: result.ratePlan };
    case 'sim-replacement':
      return { iccid: request.iccid };
    default:
      return {};
  }
}

export function storyFaults({ code, disk: { slot } }: Machine): string[] {
  const expected = new Map<string, State>();
  const told = new Set<string>();
  const entries = rowsOf(slot.db, inOrder).map(({ kind, entry }) => {
    const [name = '', point = ''] = String(kind).split('.');
    const { body }: { body: Body } = JSON.parse(String(entry));
    return { kind: name, point, body };
  });
  const arrivals = new Map<string, Body>(
    entries
      .filter(({ kind, point }) => kind === 'number-move' && point === 'concluded')
      .map(({ body }) => [body.operation.id, body]),
  );
  const underway = new Map<string, Body[]>();
  function apply(kind: string, body: Body): void {
    const { operation, decision } = body;
    if (decision?.outcome !== 'executed' || told.has(operation.id)) return;
    told.add(operation.id);
    const before = expected.get(operation.msisdn);
    // Nobody held how it began, and it was forgotten with a set-back.
    if (!before && !begins(kind, code, operation)) return;
    expected.set(operation.msisdn, { ...before, ...changeOf(kind, code, body) });
  }
  for (const { kind, point, body } of entries) {
    const isMove = kind === 'number-move';
    if (point === 'executed') {
      const { msisdn } = body.operation;
      const status = expected.get(msisdn)?.status ?? 'moved';
      // What was decided about it here was decided after it had come, though that may be heard of last.
      const come = status === 'moved' ? underway.get(msisdn)?.shift() : undefined;
      if (come) apply('number-move', come);
      apply(kind, body);
    } else if (isMove && point === 'accepted') {
      const arrival = arrivals.get(body.operation.id);
      const { msisdn } = body.operation;
      const isNew = arrival?.decision.outcome === 'executed' && !told.has(arrival.operation.id);
      if (isNew) underway.set(msisdn, [...(underway.get(msisdn) ?? []), arrival]);
    } else if (isMove && point === 'concluded') {
      const { id, msisdn } = body.operation;
      const left = underway.get(msisdn)?.filter(({ operation }) => operation.id !== id) ?? [];
      underway.set(msisdn, left);
      apply(kind, body);
    }
  }
  const found = new Map(
    rowsOf(slot.db, 'SELECT msisdn, status, rate_plan AS plan, iccid FROM subscribers').map(
      ({ msisdn, ...state }) => [String(msisdn), state],
    ),
  );
  return [...expected].flatMap(([msisdn, state]) =>
    Object.entries(state).flatMap(([what, should]) => {
      const is = found.get(msisdn)?.[what];
      return is === should ? [] : [`${code}: ${what} of ${msisdn} is ${is}; by its log ${should}`];
    }),
  );
}
