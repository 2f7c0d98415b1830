import { catalogue } from '../../shared/pages/language.ts';

export const suspenseTexts = catalogue(
  {
    title: 'Suspense',
    empty: 'No money waits. A payment that its home branch refuses comes here.',
    since: 'Taken',
    number: 'Number',
    sum: 'Sum',
    reason: 'Refused because',
    receipt: 'Receipt',
    refund: 'Pay back',
    redirect: 'Send to another number',
    right: 'The number that was meant',
    action: 'What to do',
  },
  {
    title: 'Невыясненные платежи',
    empty: 'Невыясненных денег нет. Сюда приходит платёж, в котором отказал домашний филиал.',
    since: 'Принят',
    number: 'Номер',
    sum: 'Сумма',
    reason: 'Почему отказано',
    receipt: 'Чек',
    refund: 'Вернуть деньги',
    redirect: 'Отправить на другой номер',
    right: 'Верный номер',
    action: 'Что сделать',
  },
);
