import { catalogue } from './language.ts';
import type { View } from './view.ts';

/** What kinds of operations and of cases, and the points of an operation, are called: at a branch as at head office. */
const kindTexts = catalogue(
  {
    operations: {
      payment: 'Payment',
      'payment-cancellation': 'Cancellation of a payment',
      'sim-replacement': 'SIM replacement',
      registration: 'Registration',
      'rate-plan-change': 'Rate plan change',
      'service-change': 'Service change',
      block: 'Block or unblock',
      termination: 'Termination',
      'number-move': 'Number move',
    },
    cases: {
      'missing-home-leg': 'The home branch has not answered',
      'missing-serving-leg': 'The serving branch has not told',
      'legs-differ': 'The two records differ',
      'totals-differ': 'Control totals differ',
      'conclusion-differs': 'Concluded otherwise than decided',
      forked: 'Two histories of a log',
      'two-histories': 'One branch told two stories',
      'stranger-leg': 'A branch spoke of what is not its own',
    },
    points: {
      accepted: 'accepted',
      executed: 'executed',
      refused: 'refused',
      concluded: 'concluded',
    },
  },
  {
    operations: {
      payment: 'Платёж',
      'payment-cancellation': 'Отмена платежа',
      'sim-replacement': 'Замена SIM-карты',
      registration: 'Подключение',
      'rate-plan-change': 'Смена тарифного плана',
      'service-change': 'Изменение услуги',
      block: 'Блокировка или разблокировка',
      termination: 'Расторжение договора',
      'number-move': 'Перевод номера',
    },
    cases: {
      'missing-home-leg': 'Домашний филиал не ответил',
      'missing-serving-leg': 'Обслуживший филиал не сообщил',
      'legs-differ': 'Записи двух филиалов различаются',
      'totals-differ': 'Контрольные итоги различаются',
      'conclusion-differs': 'Завершено иначе, чем решено',
      forked: 'Две истории одного журнала',
      'two-histories': 'Филиал рассказал две истории',
      'stranger-leg': 'Филиал сообщил о чужой операции',
    },
    points: {
      accepted: 'принята',
      executed: 'исполнена',
      refused: 'отказ',
      concluded: 'завершена',
    },
  },
);

/** A kind that only newer software knows is shown as it is told. */
export function operationKindText(view: View, kind: string): string {
  const known: Readonly<Record<string, string>> = view.words(kindTexts).operations;
  return known[kind] ?? kind;
}

export function caseKindText(view: View, kind: string): string {
  const known: Readonly<Record<string, string>> = view.words(kindTexts).cases;
  return known[kind] ?? kind;
}

/** A point of an operation, as one word in a sentence. */
export function pointText(view: View, point: string): string {
  const known: Readonly<Record<string, string>> = view.words(kindTexts).points;
  return known[point] ?? point;
}
