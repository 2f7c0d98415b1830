import { catalogue } from '../../shared/pages/language.ts';
import type { Pages } from '../../shared/pages/pages.tsx';
import type { Paper } from '../../shared/pages/paper.tsx';
import { copyMark, paperPages } from '../../shared/pages/printed-paper.tsx';
import type { View } from '../../shared/pages/view.ts';
import type { ContractEndpoints } from './contract-routes.ts';

const contractTexts = catalogue(
  {
    title: (number: string) => `Contract ${number}`,
    back: 'Registration',
    date: 'Date',
    branch: 'Concluded at branch',
    home: 'Served by branch',
    customer: 'Subscriber',
    document: 'Document',
    address: 'Address',
    msisdn: 'Telephone number',
    iccid: 'SIM card',
    plan: 'Rate plan',
    fee: 'Monthly fee',
    services: 'Services',
    operator: 'Concluded by',
    terms: [
      'The operator provides the subscriber with telephone services under the number above, by the rate plan and the services above, from the date of this contract.',
      'The subscriber pays in advance at any branch. Prices may change; the operator makes it known before they do.',
      'Either side may end the contract at any branch. What is left of the balance is paid back.',
    ],
    signatures: ['For the operator', 'Subscriber'],
  },
  {
    title: (number: string) => `Договор ${number}`,
    back: 'Подключение',
    date: 'Дата',
    branch: 'Заключён в филиале',
    home: 'Обслуживает филиал',
    customer: 'Абонент',
    document: 'Документ',
    address: 'Адрес',
    msisdn: 'Телефонный номер',
    iccid: 'SIM-карта',
    plan: 'Тарифный план',
    fee: 'Абонентская плата',
    services: 'Услуги',
    operator: 'Заключил',
    terms: [
      'Оператор оказывает абоненту услуги связи по указанному номеру, тарифному плану и услугам с даты договора.',
      'Абонент вносит деньги вперёд в любом филиале. Цены могут меняться; оператор сообщает об этом заранее.',
      'Любая сторона может расторгнуть договор в любом филиале. Остаток на счёте возвращается.',
    ],
    signatures: ['За оператора', 'Абонент'],
  },
);

const path = '/operations/:id/contract';
const permission = 'subscriber.personal';

/** The contract of a registration on paper. Looking at it is a print: from the second on it is a copy. */
export function contractPages({
  pages,
  contracts,
}: {
  pages: Pages;
  contracts: ContractEndpoints;
}): void {
  async function paperOf(view: View): Promise<Paper> {
    const { id = '' } = view.params;
    const words = view.words(contractTexts);
    const found = await contracts.getContract(view.c, { params: { id }, query: { print: 'true' } });
    const { customer, monthlyFee, services } = found;
    const { document, address } = customer;
    const named = services.map((code) => view.nameOf('services', code));
    const facts: [string, string | undefined][] = [
      [words.date, view.format.date(found.date)],
      [words.branch, view.nameOf('branches', found.servingBranch)],
      [words.home, view.nameOf('branches', found.homeBranch)],
      [words.customer, `${customer.name}, ${customer.number}`],
      [
        words.document,
        document && `${view.nameOf('document-types', document.type)} ${document.number}`,
      ],
      [words.address, address],
      [words.msisdn, view.format.msisdn(found.msisdn)],
      [words.iccid, found.iccid],
      [words.plan, found.ratePlan],
      [words.fee, monthlyFee && view.format.money(monthlyFee)],
      [words.services, named.length === 0 ? undefined : named.join(', ')],
      [words.operator, found.operator],
    ];
    return {
      title: words.title(found.number),
      copy: copyMark(view, found.copy),
      facts: facts.flatMap(([label, value]) => (value === undefined ? [] : [[label, value]])),
      texts: words.terms,
      signatures: words.signatures,
    };
  }

  paperPages({
    ...{ pages, path, permission, paperOf },
    back: (view) => ({
      href: `/operations/${view.params.id}`,
      label: view.words(contractTexts).back,
    }),
    files: { '': 'a4' },
    fileName: (view) => `contract-${view.params.id}`,
  });
}
