import {
  Facts,
  Heading,
  LinkButton,
  Notice,
  Panel,
  State,
} from '../../shared/pages/components.tsx';
import { operationKindText } from '../../shared/pages/kind-texts.ts';
import type { Pages } from '../../shared/pages/pages.tsx';
import { reasonText } from '../../shared/pages/problem-texts.ts';
import type { View } from '../../shared/pages/view.ts';
import type { OperationEndpoints } from './operation-routes.ts';
import { askedText, OperationTable, StateOf, toneOf } from './operation-table.tsx';
import { operationTexts } from './operation-texts.ts';
import type { OperationView } from './operation-view.ts';

const path = '/operations';
const shownOperations = 50;

/** What this branch has done, and the life of each operation. */
export function operationPages({
  pages,
  operations,
}: {
  pages: Pages;
  operations: OperationEndpoints;
}): void {
  pages.page({ path, permission: 'operation.read' }, async (view) => {
    const words = view.words(operationTexts);
    const { state = '', msisdn, cursor } = view.query;
    const isWaiting = state === 'accepted';
    const { items, next } = await operations.listOperations(view.c, {
      query: {
        limit: String(shownOperations),
        ...(isWaiting ? { state } : {}),
        ...(msisdn ? { msisdn } : {}),
        ...(cursor ? { cursor } : {}),
      },
    });
    const title = msisdn ? `${words.title}: ${view.format.msisdn(msisdn)}` : words.title;
    const content = (
      <>
        <Heading title={title}>
          <LinkButton href={path} aria-current={isWaiting || msisdn ? undefined : 'true'}>
            {words.all}
          </LinkButton>
          <LinkButton href={`${path}?state=accepted`} aria-current={isWaiting ? 'true' : undefined}>
            {words.waiting}
          </LinkButton>
        </Heading>
        <OperationTable view={view} items={items} caption={words.title} empty={words.empty} />
      </>
    );
    return { title, content, next };
  });

  const one = `${path}/:id`;
  const look = (view: View) =>
    operations.getOperation(view.c, { params: { id: view.params.id ?? '' } });

  pages.page({ path: one, permission: 'operation.read' }, async (view) => {
    const operation = await look(view);
    if (operation.kind === 'payment' && isServedHere(operation))
      return { goTo: `/payments/${operation.operationId}` };
    const words = view.words(operationTexts);
    const title = operationKindText(view, operation.kind);
    const content = (
      <>
        <Heading title={title}>
          <LinkButton href={`/subscribers/${operation.msisdn}`} kind="main" autofocus>
            {words.card}
          </LinkButton>
          <ContractLinks view={view} operation={operation} />
        </Heading>
        <OperationLife view={view} operation={operation} />
      </>
    );
    return { title, content };
  });

  pages.fragment({ path: `${one}/state`, permission: 'operation.read' }, async (view) => (
    <OperationLife view={view} operation={await look(view)} />
  ));
}

/** Who decided for another branch has neither its receipt nor its contract. */
const isServedHere = ({ state }: OperationView) => state === 'accepted' || state === 'concluded';

/** A registration that was done has a contract, at the branch that did it. */
function ContractLinks({ view, operation }: { view: View; operation: OperationView }) {
  const words = view.words(operationTexts);
  const { kind, outcome, operationId } = operation;
  if (kind !== 'registration' || outcome !== 'executed' || !isServedHere(operation)) return null;
  if (!view.may('subscriber.personal')) return null;
  const contract = `${path}/${operationId}/contract`;
  return (
    <>
      <LinkButton href={contract}>{words.contract}</LinkButton>
      <LinkButton href={`${contract}.pdf`}>PDF</LinkButton>
    </>
  );
}

/** Where an operation stands; it asks again until it is decided. */
function OperationLife({ view, operation }: { view: View; operation: OperationView }) {
  const words = view.words(operationTexts);
  const { operationId, outcome, reason, servingBranch, homeBranch, businessDate } = operation;
  const asked = askedText(view, operation);
  const renewal =
    outcome === undefined
      ? {
          'hx-get': `${path}/${operationId}/state`,
          'hx-trigger': 'every 2s',
          'hx-swap': 'outerHTML',
        }
      : {};
  return (
    <div aria-live="polite" {...renewal}>
      <Panel>
        <ol class="life">
          <li>
            <State tone="good">{`${words.accepted} ${servingBranch}`}</State>
          </li>
          <li>
            <State tone={toneOf(operation)}>{`${words.decided} ${homeBranch}`}</State>
          </li>
          <li>
            <StateOf view={view} operation={operation} />
          </li>
        </ol>
        {outcome === undefined ? (
          <Notice tone="busy">{words.acceptedText(homeBranch)}</Notice>
        ) : null}
        {reason === undefined ? null : (
          <Notice tone="bad" title={words.reason}>
            {reasonText(view, reason)}
          </Notice>
        )}
        <Facts
          facts={[
            asked === '' ? undefined : [words.request, asked],
            [words.number, view.format.msisdn(operation.msisdn)],
            [words.when, view.format.moment(operation.occurredAt)],
            [words.businessDate, view.format.date(businessDate)],
            [words.by, operation.operator.name],
            [words.release, String(operation.release)],
          ]}
        />
      </Panel>
    </div>
  );
}
