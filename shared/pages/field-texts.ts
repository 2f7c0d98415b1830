import { sumText } from './formats.ts';
import type { Language } from './language.ts';

/** A field's name as people read it; in Russian of the same words as the forms. */
const names: Readonly<Record<string, readonly [en: string, ru: string]>> = {
  action: ['Operation', 'Операция'],
  address: ['Address', 'Адрес'],
  amount: ['Sum', 'Сумма'],
  birthDate: ['Date of birth', 'Дата рождения'],
  basisPoints: ['Basis points', 'Сотые доли процента'],
  branch: ['Branch', 'Филиал'],
  certPem: ['Certificate', 'Сертификат'],
  code: ['Code', 'Код'],
  contact: ['Contact', 'Контакт'],
  currency: ['Currency', 'Валюта'],
  customerNumber: ['Customer number', 'Номер клиента'],
  decimals: ['Decimals', 'Знаков после запятой'],
  document: ['Document', 'Документ'],
  'customer.document.type': ['Document', 'Документ'],
  'customer.document.number': ['Document number', 'Номер документа'],
  effectiveFrom: ['In force from', 'Действует с'],
  explanation: ['Explanation', 'Объяснение'],
  fee: ['Fee', 'Плата'],
  from: ['From', 'С'],
  iccid: ['SIM card (ICCID)', 'SIM-карта (ICCID)'],
  key: ['Key', 'Ключ'],
  kind: ['Kind', 'Вид'],
  login: ['Login', 'Логин'],
  maxAmount: ['Largest sum', 'Наибольшая сумма'],
  minAmount: ['Smallest sum', 'Наименьшая сумма'],
  monthlyFee: ['Monthly fee', 'Плата в месяц'],
  msisdn: ['Number', 'Номер'],
  name: ['Name', 'Имя или название'],
  'netDebitCap.amount': ['Net debit cap', 'Предел дебетовой позиции'],
  'netDebitCap.currency': ['Currency of the cap', 'Валюта предела'],
  node: ['Node', 'Узел'],
  number: ['Number', 'Номер'],
  operation: ['Operation', 'Операция'],
  operator: ['Operator', 'Оператор'],
  password: ['Password', 'Пароль'],
  payer: ['Who pays', 'Кто платит'],
  permission: ['Permission', 'Право'],
  ratePlan: ['Rate plan', 'Тарифный план'],
  reason: ['Reason', 'Причина'],
  region: ['Region', 'Регион'],
  role: ['Role', 'Роль'],
  services: ['Services', 'Услуги'],
  sha256: ['SHA-256', 'SHA-256'],
  state: ['State', 'Состояние'],
  switchFee: ['Fee for switching', 'Плата за переход'],
  tender: ['Tender', 'Способ оплаты'],
  timeZone: ['Time zone', 'Часовой пояс'],
  to: ['To', 'По'],
  type: ['Type', 'Тип'],
  unverifiedMax: ['Most while the home is away', 'Без связи с домашним — до'],
  use: ['Use', 'Назначение'],
  validFrom: ['Valid from', 'Действует с'],
  validTo: ['Valid to', 'Действует по'],
};

/** What a schema's complaint means to a person. The first that fits is taken; `$1` is of the pattern. */
const complaints: readonly (readonly [RegExp, en: string, ru: string])[] = [
  [/received undefined$/, 'is missing', 'не заполнено'],
  [/^Too small: expected string to have >=1 /, 'is missing', 'не заполнено'],
  [/^Too small: .* >=?(\S+)/, 'must be at least $1', 'меньше допустимого: $1'],
  [/^Too big: .* <=?(\d+) characters$/, 'is over $1 characters long', 'длиннее $1 знаков'],
  [/^Too big: .* <=?(\S+)/, 'must be at most $1', 'больше допустимого: $1'],
  [/^Invalid option: expected one of (.*)$/, 'must be one of $1', 'должно быть одним из: $1'],
  [/^Invalid input: expected (?:int|number)/, 'must be a whole number', 'должно быть целым числом'],
  [/^Invalid (?:input|string)/, 'is not well formed', 'заполнено неверно'],
  [/^is there twice$/, '', 'уже есть'],
  [
    /^is not a code$|^must be a code$/,
    '',
    'должно быть кодом: латинские буквы, цифры, точка и дефис',
  ],
  [
    /^is not a node code$|^must be 2 to 8 capitals$/,
    '',
    'должно быть кодом узла: 2–8 заглавных букв',
  ],
  [/E\.164/, '', 'должно быть номером телефона из цифр, без плюса'],
  [/ISO 4217 code$/, '', 'должно быть кодом валюты из трёх букв'],
  [/^is not a calendar date$|^must be a date|^must be a day/, '', 'должно быть датой, ГГГГ-ММ-ДД'],
  [/IANA time zone$/, '', 'должно быть часовым поясом, например Europe/Moscow'],
  [/^is not a permission$/, '', 'должно быть правом, например payment.take'],
  [/exactly (\d+) decimals for (\w+)$/, '', 'должно быть суммой: знаков после точки $1 ($2)'],
  [/^must be a decimal number/, '', 'должно быть суммой'],
  [/^must be from (.+) to (.+)$/, 'must be from $1 to $2', 'должно быть от $1 до $2'],
  [/^must be a customer number$/, '', 'должно быть номером клиента, например MSK-104'],
  [
    /^names a customer of this branch, and the number lives elsewhere$/,
    '',
    'это клиент этого филиала, а номер обслуживает другой',
  ],
  [/^must be more than zero$/, '', 'должно быть больше нуля'],
  [/is negative/, 'is negative', 'меньше нуля'],
  [/^is too large$/, '', 'слишком велико'],
  [/^is before validFrom$/, '', 'раньше начала'],
  [/^is before from$/, '', 'раньше начала диапазона или другой длины'],
  [/^must be at most (\d+) days after from$/, '', 'не больше $1 дней от начала'],
  [/^is in the past$/, '', 'в прошлом'],
  [/^is in the future$/, '', 'в будущем'],
  [/^is over maxAmount$/, '', 'больше наибольшей суммы'],
  [/^(.*) is not in (.*)$/, '', '$1 нет в справочнике $2'],
  [/^(.*) is still valid then$/, '', 'тогда ещё действует $1'],
  [/^overlaps (.*)$/, '', 'пересекается с $1'],
  [/^lacks (\S+): nobody could publish again$/, '', 'нет права $1: больше никто не опубликует'],
  [/^is not (\d+), as in ISO 4217$/, '', 'по ISO 4217 должно быть $1'],
  [/^must be 19 or 20 digits$/, '', 'должно быть 19 или 20 цифр'],
  [/^has a wrong check digit$/, '', 'контрольная цифра не сходится'],
  [/^is known with another ICCID or IMSI$/, '', 'уже есть с другим ICCID или IMSI'],
  [/^must be of one currency$/, '', 'должно быть в одной валюте'],
  [/^is not known here$/, '', 'здесь не бывает'],
  [/^is too short to be searched elsewhere$/, '', 'слишком коротко для поиска в других филиалах'],
  [
    /^must be 2 to 32 of /,
    '',
    'должен состоять из 2–32 знаков: a–z, 0–9, точка, дефис, подчёркивание',
  ],
  [/^must have (\d+) to (\d+) characters$/, '', 'должен быть длиной от $1 до $2 знаков'],
  [/^is one that guessers try first$/, '', 'из тех, что угадывают первыми'],
  [/^is not one of this list$/, '', 'не из этого списка'],
  [/^is not /, '', 'заполнено неверно'],
  [/^must be ([A-Z]{3})$/, '', 'должно быть $1'],
];

/** `netDebitCap.amount`, `customer.document.number`, `tenders[cash].fee`: the last part says which field it is. */
export function fieldName(language: Language, field: string): string {
  const [, row = '', path = ''] = /^(?:(.*\])\.?)?(.*)$/.exec(field) ?? [];
  const known = names[path] ?? names[path.slice(path.lastIndexOf('.') + 1)];
  const name = known?.[language === 'ru' ? 1 : 0] ?? path;
  return [row, name].filter((part) => part !== '').join(' ');
}

/** A complaint about a field; one that nobody has put into the language stays as programs read it. */
export function fieldComplaint(language: Language, message: string): string {
  for (const [pattern, en, ru] of complaints) {
    const found = pattern.exec(message);
    if (!found) continue;
    const text = language === 'ru' ? ru : en || message;
    return text.replaceAll(/\$(\d)/g, (_, group: string) =>
      sumText(language, found[Number(group)] ?? ''),
    );
  }
  return message;
}
