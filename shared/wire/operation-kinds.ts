/**
 * Every kind of operation that travels between nodes: how its execution is called in the log, and what it makes one
 * branch owe the other once both legs agree. A new kind is a line here and a file in its room at the branch.
 */
export const operationKinds = {
  payment: { executedAs: 'credited', owes: 'sum-less-commission' },
  'payment-cancellation': { executedAs: 'executed', owes: 'reversed-sum' },
  'sim-replacement': { executedAs: 'executed', owes: 'card-and-service' },
  registration: { executedAs: 'executed', owes: 'card-and-service' },
  'rate-plan-change': { executedAs: 'executed', owes: 'service' },
  'service-change': { executedAs: 'executed', owes: 'service' },
  block: { executedAs: 'executed', owes: 'service' },
  termination: { executedAs: 'executed', owes: 'service' },
  'number-move': { executedAs: 'executed', owes: 'moved-balance' },
} as const satisfies Record<string, OperationKindFacts>;

interface OperationKindFacts {
  readonly executedAs: string;
  readonly owes:
    | 'sum-less-commission'
    | 'reversed-sum'
    | 'card-and-service'
    | 'service'
    | 'moved-balance';
}

export type OperationKindName = keyof typeof operationKinds;

export const operationPoints = ['accepted', 'executed', 'refused', 'concluded'] as const;
export type OperationPoint = (typeof operationPoints)[number];

/** The log entry's kind for a point of an operation's life: `payment` and `executed` are `payment.credited`. */
export function entryKindOf(kind: OperationKindName, point: OperationPoint): string {
  return `${kind}.${point === 'executed' ? operationKinds[kind].executedAs : point}`;
}

/** Every log entry kind of every operation, with what it stands for. */
export const operationEntryKinds: ReadonlyMap<
  string,
  { readonly kind: OperationKindName; readonly point: OperationPoint }
> = new Map(
  (Object.keys(operationKinds) as OperationKindName[]).flatMap((kind) =>
    operationPoints.map((point) => [entryKindOf(kind, point), { kind, point }] as const),
  ),
);
