import { isPermission, type Permission, permissions } from '../access/permissions.ts';
import type { Duty } from '../access/roles.ts';
import type { View } from './view.ts';

const russian: Readonly<Record<Permission, string>> = {
  'subscriber.read': 'Находить абонентов и видеть их карточки, данные скрыты',
  'subscriber.register': 'Подключать клиентов и абонентов',
  'subscriber.personal': 'Видеть и менять персональные данные, искать по документу',
  'subscriber.block': 'Блокировать и разблокировать абонентов',
  'subscriber.terminate': 'Расторгать договоры',
  'payment.take': 'Принимать платежи',
  'payment.cancel': 'Отменять платежи',
  'suspense.read': 'Видеть невыясненные платежи',
  'suspense.resolve': 'Возвращать и перенаправлять невыясненные платежи',
  'sim.replace': 'Заменять SIM-карты',
  'sim.stock': 'Принимать и выдавать SIM-карты и номера',
  'rate-plan.change': 'Менять тарифные планы',
  'service.change': 'Включать и выключать услуги',
  'number.move': 'Переводить номера между филиалами',
  'operation.read': 'Видеть операции и их ход',
  'day.close': 'Закрывать операционный день',
  'settlement.recheck': 'Проверять оспоренный расчёт снова',
  'node.read': 'Видеть состояние всех узлов',
  'branch.enrol': 'Принимать филиалы в федерацию',
  'branch.revoke': 'Отключать филиал и его сертификаты',
  'branch.rekey': 'Заменять ключи филиала',
  'reference.edit': 'Править черновик справочников',
  'reference.publish': 'Подписывать и публиковать релиз',
  'reconciliation.read': 'Видеть сверку и записи обеих сторон',
  'case.work': 'Разбирать расхождения',
  'settlement.make': 'Готовить взаиморасчёты',
  'settlement.check': 'Утверждать взаиморасчёты, подготовленные другим',
  'audit.export': 'Передавать доказательства третьей стороне',
  'reference.read': 'Видеть действующие справочники',
  'case.read': 'Видеть расхождения',
  'settlement.read': 'Видеть окна, позиции и выписки взаиморасчётов',
  'ledger.read': 'Видеть счета и проводки',
  'stream.read': 'Видеть журнал федерации и его потоки',
  'stream.retry': 'Отправлять сразу то, что ждёт другого узла',
  'operator.manage': 'Добавлять и отключать сотрудников, задавать им пароли',
  'audit.read': 'Читать журнал действий',
  'keys.manage': 'Видеть и менять ключи узла',
  'backup.take': 'Делать резервную копию',
  'recovery.override': 'Решать, как продолжает узел при восстановлении',
};

const duties: Readonly<Record<Duty, Readonly<Record<View['language'], string>>>> = {
  'second-factor.required': {
    en: 'Has to have a second factor',
    ru: 'Обязан иметь второй фактор',
  },
  'second-person.required': {
    en: 'Lets people and branches in only together with another person',
    ru: 'Допускает людей и филиалы только вместе с другим человеком',
  },
};

/** What a row of the roles allows or asks for; one that only newer software knows is shown as it is. */
export function permissionText({ language }: Pick<View, 'language'>, name: string): string {
  if (isPermission(name)) return language === 'ru' ? russian[name] : permissions[name][1];
  const duty = Object.entries(duties).find(([known]) => known === name);
  return duty?.[1][language] ?? name;
}
