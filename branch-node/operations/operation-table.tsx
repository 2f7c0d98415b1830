import { z } from 'zod';
import { maskDigits } from '../../shared/ids/ids.ts';
import { State, Table, type Tone } from '../../shared/pages/components.tsx';
import { operationKindText } from '../../shared/pages/kind-texts.ts';
import type { View } from '../../shared/pages/view.ts';
import { operationTexts } from './operation-texts.ts';
import type { OperationView } from './operation-view.ts';

const path = '/operations';

const text = z.string().optional().catch(undefined);
const askedFields = z.object({
  ...{ ratePlan: text, service: text, action: text, reason: text, iccid: text },
  money: z.object({ amount: z.string(), currency: z.string() }).optional().catch(undefined),
});

export function toneOf({ state, outcome }: OperationView): Tone {
  if (outcome === 'refused') return 'bad';
  return state === 'accepted' ? 'busy' : 'good';
}

export function StateOf({ view, operation }: { view: View; operation: OperationView }) {
  const states: Readonly<Record<string, string>> = view.words(operationTexts).states;
  const name = operation.outcome ?? operation.state;
  return <State tone={toneOf(operation)}>{states[name] ?? name}</State>;
}

/** What was asked for, in names: every kind of operation says it by the same few fields. */
export function askedText(view: View, { kind, request }: OperationView): string {
  const { money, ratePlan, service, action, reason, iccid } = askedFields.parse(request);
  const actions: Readonly<Record<string, string>> = view.words(operationTexts).actions;
  const texts = [
    money && view.format.money(money),
    action && (actions[action] ?? action),
    ratePlan && view.nameOf('rate-plans', ratePlan),
    service && view.nameOf('services', service),
    reason && view.reasonName(kind, reason),
    iccid && maskDigits(iccid),
  ];
  return texts.filter(Boolean).join(', ');
}

/** Operations as any page lists them, the newest first. */
export function OperationTable(props: {
  view: View;
  items: readonly OperationView[];
  caption: string;
  empty: string;
}) {
  const { view, items, caption, empty } = props;
  const words = view.words(operationTexts);
  return (
    <Table
      {...{ caption, empty, rows: items }}
      columns={[
        { label: words.when, cell: ({ occurredAt }) => view.format.moment(occurredAt) },
        {
          label: words.what,
          cell: (operation) => (
            <div>
              <a href={`${path}/${operation.operationId}`}>
                {operationKindText(view, operation.kind)}
              </a>{' '}
              <span class="soft">{askedText(view, operation)}</span>
            </div>
          ),
        },
        {
          label: words.number,
          cell: ({ msisdn }) => (
            <a href={`/subscribers/${msisdn}`} class="money">
              {view.format.msisdn(msisdn)}
            </a>
          ),
        },
        { label: words.home, cell: ({ homeBranch }) => homeBranch },
        {
          label: words.state,
          cell: (operation) => <StateOf view={view} operation={operation} />,
        },
        { label: words.by, cell: ({ operator }) => operator.name },
      ]}
    />
  );
}
