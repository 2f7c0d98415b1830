import { type DomainError, isProblemCode, type ProblemCode, problems } from '../problem/problem.ts';
import type { Language } from './language.ts';
import type { View } from './view.ts';

/** What a refusal means to the person at the desk. A code without a text does not compile. */
const russian: Readonly<Record<ProblemCode, string>> = {
  'invalid-input': 'Данные заполнены неверно',
  'invalid-money': 'Сумма указана неверно',
  'unsupported-media-type': 'Такой формат данных не принимается',
  'body-too-large': 'Слишком большой запрос',
  'not-found': 'Не найдено',
  'method-not-allowed': 'Здесь так нельзя',
  'not-signed-in': 'Сначала войдите',
  'password-temporary': 'Сначала выберите свой пароль',
  'wrong-credentials': 'Неверный логин или пароль',
  'second-factor-required': 'Нужен код второго фактора',
  'second-factor-wrong': 'Код неверен, устарел или уже использован',
  'second-factor-missing': 'Сначала настройте второй фактор',
  'session-not-found': 'Такого сеанса нет',
  'locked-out': 'Слишком много неудачных попыток входа',
  'not-permitted': 'У вас нет на это права',
  'login-taken': 'Такой логин уже занят',
  'operator-not-found': 'Такого сотрудника нет',
  'idempotency-key-reused':
    'Эта форма уже сработала с другими данными. Посмотрите операции, прежде чем отправить её снова',
  'unknown-number': 'Такого номера нет',
  'foreign-number': 'Это номер другого оператора',
  'subscriber-terminated': 'Договор с абонентом расторгнут',
  'subscriber-blocked': 'Абонент заблокирован',
  'subscriber-not-blocked': 'Абонент не заблокирован',
  'subscriber-moved': 'Номер переведён в другой филиал',
  'already-at-home': 'Номер уже обслуживается этим филиалом',
  'number-taken': 'Номер занят',
  'sim-not-available': 'Эта SIM-карта недоступна',
  'sim-not-found': 'Такой SIM-карты нет',
  'unknown-rate-plan': 'Такого тарифного плана нет',
  'rate-plan-unchanged': 'У абонента уже этот тарифный план',
  'unknown-service': 'Такой услуги нет',
  'service-unchanged': 'Услуга уже в этом состоянии',
  'unknown-tender': 'Такой способ оплаты здесь не принимается',
  'wrong-currency': 'Эта валюта здесь не принимается',
  'amount-out-of-limits': 'Сумма вне допустимых пределов',
  'insufficient-balance': 'На счёте недостаточно средств',
  'receipt-invalid': 'Это не код чека нашего филиала',
  'operation-not-found': 'Такой операции нет',
  'operation-conflict': 'В нынешнем состоянии операции это невозможно',
  'already-cancelled': 'Платёж уже отменён',
  'home-unreachable': 'Домашний филиал сейчас недоступен',
  recovering: 'Узел восстанавливается после отката',
  'past-uncertain': 'Узел после запуска ещё ждёт остальных: они скажут, что он мог забыть',
  'no-release': 'Справочники ещё не получены',
  'release-too-old': 'Справочники слишком старые для этого',
  'business-day-closed': 'Операционный день уже закрыт',
  'business-day-not-over': 'Операционный день пока нельзя закрыть',
  'business-day-not-next': 'Сначала нужно закрыть более ранний операционный день',
  'clock-held': 'Часам узла сейчас нельзя верить',
  'release-invalid': 'Справочные данные не согласованы между собой',
  'release-not-approved': 'Релизу не хватает подписей',
  'release-not-found': 'Такого релиза нет',
  'draft-changed': 'Черновик тем временем изменился, посмотрите ещё раз',
  'row-changed': 'Эту строку тем временем изменил кто-то другой',
  'dataset-not-found': 'Такого справочника нет',
  'window-not-found': 'Такого расчётного окна нет',
  'window-not-open': 'Расчётное окно не открыто',
  'window-not-closed': 'Расчётное окно не закрыто',
  'settlement-not-found': 'Такого расчёта нет',
  'settlement-conflict': 'В нынешнем состоянии расчёта это невозможно',
  'same-person': 'Это должен сделать другой человек',
  'case-not-found': 'Такого расхождения нет',
  'case-conflict': 'В нынешнем состоянии расхождения это невозможно',
  'backup-faulty': 'Резервная копия неисправна',
  'branch-not-found': 'Такого филиала нет',
  'enrolment-refused': 'В подключении отказано',
  'peer-refused': 'Узлу отказано',
  'stale-start': 'Известен более новый запуск этого узла',
  'set-back': 'Узел возвращён к старому состоянию',
  'broken-chain': 'Записи не продолжают известную цепочку',
  forked: 'Два разных журнала на одном месте',
  'unexpected-position': 'Ожидалась другая позиция',
  replayed: 'Этот запрос уже был',
  'peer-unreachable': 'Узел недоступен',
  'store-unavailable': 'Хранилище сейчас не принимает данные',
  overloaded: 'Слишком много запросов сразу, повторите через несколько секунд',
  internal: 'Наша ошибка, она записана',
};

/** Where the title of the API speaks of what people at a desk do not know. */
const english: Partial<Readonly<Record<ProblemCode, string>>> = {
  'idempotency-key-reused':
    'This form has done its work already, with other data. Look at the operations before you send it again',
};

/** One sentence for the person, without the detail that programs read. */
export function problemText(language: Language, { code }: Pick<DomainError, 'code'>): string {
  return `${language === 'ru' ? russian[code] : (english[code] ?? problems[code][1])}.`;
}

/** Why an operation was refused: a code, or what a newer node may say. */
export function reasonText({ language }: Pick<View, 'language'>, reason: string): string {
  return isProblemCode(reason) ? problemText(language, { code: reason }) : reason;
}
