import { expect } from 'chai';
import { insertCustomer, updateCustomer } from '../../../branch-node/subscribers/customer-store.ts';
import { subscriberQuery } from '../../../branch-node/subscribers/subscriber-query.ts';
import {
  nameMark,
  type SearchPage,
} from '../../../branch-node/subscribers/subscriber-search-store.ts';
import {
  insertBillingAccount,
  saveSubscriber,
} from '../../../branch-node/subscribers/subscriber-store.ts';
import { isDomainError } from '../../../shared/problem/problem.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { plansOf } from '../../support/query-plans.ts';
import { type Branch, ivanov, msk, nsk, openBranch, simCard, spb } from './branches-fixture.ts';
import { createNetwork } from './network-fixture.ts';

const subscribersMade = 20_000;
const perTransaction = 2_000;
const surnames = ['Иванов', 'Петров', 'Сидоров', 'Семёнов', 'Smith'];
const at = '2025-06-30T09:00:00.000Z';

describe('the search among 20,000 subscribers', function () {
  this.timeout(120_000);
  let branch: Branch;

  before(async () => {
    branch = await openBranch(msk, createNetwork(), await federationKeys([msk, spb, nsk]));
    for (let start = 0; start < subscribersMade; start += perTransaction) {
      await branch.write(async (tx) => {
        for (let index = start; index < start + perTransaction; index += 1) await add(tx, index);
      });
    }
  });
  after(() => branch.close());

  async function add(tx: Parameters<typeof saveSubscriber>[0], index: number): Promise<void> {
    const id = `customer-${index}`;
    const name = `${surnames[index % surnames.length]} Иван ${index}`;
    const document = { type: 'passport-rf', number: documentOf(index) };
    await insertCustomer(tx, { id, data: { ...ivanov, name, document }, at });
    await insertBillingAccount(tx, { id, customerId: id, currency: 'RUB', at });
    await saveSubscriber(tx, {
      ...{ msisdn: numberOf(index), status: 'active', ratePlan: 'BASIC', services: [] },
      ...{ customerId: id, billingAccountId: id, currency: 'RUB', activatedAt: at },
      ...simCard(1, index),
    });
  }

  const numberOf = (index: number) => `7925${String(index).padStart(7, '0')}`;
  const documentOf = (index: number) =>
    index === 5 ? 'IV-АН 123456' : `4509 ${String(index).padStart(6, '0')}`;
  const find = (typed: string, page: Partial<SearchPage> = {}) =>
    branch.store.read((tx) =>
      branch.subscribers.search(tx, subscriberQuery(typed, msk), { limit: 50, ...page }),
    );
  const numbersOf = async (typed: string) => (await find(typed)).map(({ msisdn }) => msisdn);

  async function pages(typed: string, limit: number): Promise<string[]> {
    const seen: string[] = [];
    for (;;) {
      const after = seen.at(-1);
      const page = await find(typed, { limit, ...(after === undefined ? {} : { after }) });
      seen.push(...page.map(({ msisdn }) => msisdn));
      if (page.length < limit) return seen;
    }
  }

  it('finds by number, in any spelling, or by its end', async () => {
    expect(await numbersOf('+7 925 001-23-45')).to.deep.equal([numberOf(12_345)]);
    expect(await numbersOf('8 925 001 2345')).to.deep.equal([numberOf(12_345)]);
    expect(await numbersOf('12345')).to.deep.equal([numberOf(12_345)]);
    expect(await numbersOf('2345')).to.deep.equal([numberOf(2_345), numberOf(12_345)]);
    expect(await numbersOf('99999')).to.deep.equal([]);
  });

  it('finds by ICCID and by customer number', async () => {
    expect(await numbersOf(simCard(1, 77).iccid)).to.deep.equal([numberOf(77)]);
    expect(await numbersOf('MSK-78')).to.deep.equal([numberOf(77)]);
    expect(await numbersOf('SPB-78')).to.deep.equal([]);
  });

  it('finds by a document as it is written, and nothing like it', async () => {
    for (const typed of ['4509 000077', '45 09 000077', '4509000077', '№ 4509 000077']) {
      expect(await numbersOf(typed), typed).to.deep.equal([numberOf(77)]);
    }
    expect(await numbersOf('iv-ан №123456')).to.deep.equal([numberOf(5)]);
    expect(await numbersOf('4509 00007')).to.deep.equal([]);
    const steps = await plansOfSearch('4509 000077', numberOf(10));
    expect(steps.join()).to.contain('customers_by_document');
  });

  it('finds by the beginning of a name, whatever its case', async () => {
    expect(await numbersOf('СЕМЕНОВ иван 13')).to.include(numberOf(13));
    expect(await numbersOf('smith ИВАН 19999')).to.deep.equal([numberOf(19_999)]);
    expect(await numbersOf('Ива')).to.have.length(50);
    expect(await numbersOf('ван')).to.deep.equal([]);
  });

  it('pages through everything once', async () => {
    const everybody = await pages('', 1_000);
    expect(everybody).to.have.length(subscribersMade);
    expect(new Set(everybody)).to.have.property('size', subscribersMade);
    const named = await pages('петров', 199);
    expect(named).to.have.length(subscribersMade / surnames.length);
    expect(new Set(named)).to.have.property('size', named.length);
    expect(await pages('2345', 1)).to.deep.equal([numberOf(2_345), numberOf(12_345)]);
  });

  it('refuses to go on from where no page of the list ends, rather than leave out what is behind', async () => {
    const after = (await find('сидоров', { limit: 20 })).at(-1)?.msisdn ?? '';
    const index = Number(after.slice(4));
    const renamed = (name: string) =>
      branch.write((tx) =>
        updateCustomer(tx, `customer-${index}`, {
          ...{ ...ivanov, name, document: { type: 'passport-rf', number: documentOf(index) } },
        }),
      );
    const page = { after, nameMark: nameMark(`Сидоров Иван ${index}`), limit: 20 };
    expect(await find('сидоров', page)).to.have.length(20);
    await renamed('Сидоров Яков');
    const thrown = await find('сидоров', page).catch((error: unknown) => error);
    expect(isDomainError(thrown, 'invalid-input')).to.equal(true);
    await renamed('Яковлева Инна');
    for (const elsewhere of [after, '79259999999']) {
      const thrown = await find('сидоров', { after: elsewhere }).catch((error: unknown) => error);
      expect(isDomainError(thrown, 'invalid-input'), elsewhere).to.equal(true);
    }
    await renamed(`Сидоров Иван ${index}`);
  });

  it('walks an index, never the table', async () => {
    for (const typed of ['', '79250012345', '2345', simCard(1, 7).iccid, 'MSK-5', 'иванов']) {
      const steps = await plansOfSearch(typed, numberOf(10_000));
      expect(steps, typed).not.to.be.empty;
      const dear = steps.filter((step) => /^SCAN|TEMP B-TREE FOR ORDER BY/.test(step));
      expect(dear, typed).to.deep.equal([]);
    }
  });

  const plansOfSearch = (typed: string, after: string) =>
    plansOf(branch.store, (tx) =>
      branch.subscribers.search(tx, subscriberQuery(typed, msk), { after, limit: 50 }),
    );
});
