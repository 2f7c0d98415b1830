import { catalogue } from '../../shared/pages/language.ts';

export const payoutTexts = catalogue(
  {
    title: 'Presumed paid',
    empty: 'No payout is in doubt.',
    about:
      'These sums may have left the desk before this node was set back, and are booked as paid. Count the cash: where it shows that a sum never left, two people say so on the page of the payment.',
    recorded: 'Recorded',
    receipt: 'Receipt',
    number: 'Number',
    sum: 'Sum',
    found: 'Found in the cash by',
    people: (count: number) => `${count} of 2`,
  },
  {
    title: 'Спорные выплаты',
    empty: 'Спорных выплат нет.',
    about:
      'Эти деньги могли уйти из кассы до отката узла и учтены как выданные. Пересчитайте кассу: если деньги на месте, это подтверждают двое на странице платежа.',
    recorded: 'Записана',
    receipt: 'Чек',
    number: 'Номер',
    sum: 'Сумма',
    found: 'Подтвердили',
    people: (count: number) => `${count} из 2`,
  },
);
