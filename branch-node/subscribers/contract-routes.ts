import { z } from '@hono/zod-openapi';
import type { Audit } from '../../shared/access/audit.ts';
import { recordPrint } from '../../shared/access/prints.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { formatMoney } from '../../shared/money/money.ts';
import { DomainError } from '../../shared/problem/problem.ts';
import type { Reference } from '../../shared/reference/reference.ts';
import type { Store } from '../../shared/store/store.ts';
import type { Api } from '../../shared/web/api.ts';
import { businessDate, nodeCode, wireMoney } from '../../shared/web/schemas.ts';
import type { OperationStore } from '../operations/operation-store.ts';
import { registered } from './registration-operation.ts';
import { customerView } from './subscriber-card.ts';
import type { SubscriberDirectory } from './subscriber-directory.ts';

const contractView = z
  .strictObject({
    number: z.string().openapi({ example: 'MSK-104/79250000001' }),
    date: businessDate,
    servingBranch: nodeCode,
    homeBranch: nodeCode,
    msisdn: z.string(),
    iccid: z.string(),
    ratePlan: z.string(),
    monthlyFee: wireMoney.optional(),
    services: z.array(z.string()),
    customer: customerView,
    operator: z.string(),
    copy: z.boolean().openapi({ description: 'It was printed before' }),
  })
  .openapi('Contract');

export interface ContractRouteDeps {
  readonly node: NodeCode;
  readonly store: Store;
  readonly audit: Audit;
  readonly operations: OperationStore;
  readonly directory: SubscriberDirectory;
  /** @throws DomainError `no-release` */
  readonly reference: () => Reference;
}

/** The contract that a registration at this branch made; personal data comes live from the home branch. */
export function contractRoutes({ endpoint }: Pick<Api, 'endpoint'>, deps: ContractRouteDeps) {
  const { node, store, audit, operations, directory } = deps;

  const getContract = endpoint(
    {
      method: 'GET',
      path: '/api/v1/operations/{id}/contract',
      permission: 'subscriber.personal',
      operationId: 'getContract',
      tag: 'Subscribers',
      summary: 'The contract that a registration made',
      description:
        'With `print=true` the print is recorded in the audit trail, and from the second on it is a copy.',
      params: z.strictObject({ id: z.string().max(64) }),
      query: z.strictObject({ print: z.enum(['true', 'false']).default('false') }),
      response: contractView,
    },
    async ({ params: { id }, query: { print }, principal, traceId }) => {
      const operation = await store.read((tx) => operations.find(tx, id));
      if (operation?.kind !== 'registration') throw new DomainError('operation-not-found');
      const { msisdn, businessDate: date, actor } = operation;
      const made = registered(operation);
      const card = await directory.card(msisdn, principal);
      // The number may have been given to somebody else since.
      if (made?.activatedAt !== card.activatedAt) throw new DomainError('operation-conflict');
      const plan = deps.reference().ratePlan(made.ratePlan, date);
      const { homeBranch, customer } = card;
      const number = `${customer.number}/${msisdn}`;
      const by = { id: principal.operatorId, name: principal.name, node };
      const printed = { actor: by, action: 'contract.print', subject: id, detail: { number } };
      const copy =
        print === 'true' &&
        (await store.write((tx) => recordPrint({ audit, tx }, { ...printed, traceId })));
      return {
        ...{ number, date, servingBranch: operation.serving, homeBranch, msisdn, customer, copy },
        ...{ iccid: made.iccid, ratePlan: plan?.name ?? made.ratePlan, services: made.services },
        ...(plan ? { monthlyFee: formatMoney(plan.monthlyFee) } : {}),
        operator: actor.name,
      };
    },
  );

  return { getContract };
}

/** As the pages ask them. */
export type ContractEndpoints = ReturnType<typeof contractRoutes>;
