import { catalogue } from '../../shared/pages/language.ts';

/** What a receipt says to a customer, as `receiptText` says it to programs. */
export const receiptTexts = catalogue(
  {
    title: (number: string) => `Receipt ${number}`,
    branch: 'Branch',
    msisdn: 'For number',
    issued: 'Taken',
    kinds: {
      provisional: (home: string) =>
        `PROVISIONAL: only this branch has recorded the payment so far. The home branch ${home} will credit it when it can be reached.`,
      accepted: (home: string) =>
        `ACCEPTED: another node holds the payment too, it cannot be lost. The home branch ${home} will credit it when it answers.`,
      credited: (home: string) =>
        `CREDITED: the home branch ${home} has put it on the subscriber's account.`,
    },
    dispositions: {
      suspended: (home: string) =>
        `NOT CREDITED: the home branch ${home} refused it. The money is kept at this branch: it is paid back or sent to another number at the desk.`,
      refunded: () => 'NOT CREDITED: the payment was refused, its money goes back to the customer.',
      redirected: () =>
        'NOT CREDITED: the payment was refused and its money sent to another number.',
      'paid-back': () =>
        'CANCELLED: the payment was cancelled, its money goes back to the customer.',
    },
    at: (moment: string) => `This is how it stood at ${moment}.`,
    check: 'Any branch of the operator can check this receipt by its code:',
  },
  {
    title: (number: string) => `Чек ${number}`,
    branch: 'Филиал',
    msisdn: 'На номер',
    issued: 'Принят',
    kinds: {
      provisional: (home: string) =>
        `ПРЕДВАРИТЕЛЬНЫЙ: платёж пока записан только в этом филиале. Домашний филиал ${home} зачислит его, когда будет на связи.`,
      accepted: (home: string) =>
        `ПРИНЯТ: платёж известен и другому узлу, он не потеряется. Домашний филиал ${home} зачислит его, когда ответит.`,
      credited: (home: string) => `ЗАЧИСЛЕН: домашний филиал ${home} внёс его на счёт абонента.`,
    },
    dispositions: {
      suspended: (home: string) =>
        `НЕ ЗАЧИСЛЕН: домашний филиал ${home} отказал. Деньги хранятся в этом филиале: их вернут или отправят на другой номер.`,
      refunded: () => 'НЕ ЗАЧИСЛЕН: в платеже отказано, деньги возвращаются клиенту.',
      redirected: () => 'НЕ ЗАЧИСЛЕН: в платеже отказано, деньги отправлены на другой номер.',
      'paid-back': () => 'ОТМЕНЁН: платёж отменён, деньги возвращаются клиенту.',
    },
    at: (moment: string) => `Так было на ${moment}.`,
    check: 'Проверить чек по коду может любой филиал оператора:',
  },
);
