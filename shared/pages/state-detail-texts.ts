import { stateSentences } from '../text/state-sentences.ts';
import { caseDetailText } from './case-detail-texts.ts';
import { sumText } from './formats.ts';
import type { Language } from './language.ts';
import type { View } from './view.ts';

type Key = NonNullable<ReturnType<typeof stateSentences.read>>['key'];

const russian: Readonly<Record<Key, string>> = {
  takesNothing: 'ничего не принимает: {cause}',
  storeSilent: 'ничего не принимает: не отвечает {seconds} с',
  diskFree: 'свободно {mebibytes} МиБ',
  behindLog: 'отстают на {seconds} с от последней записи собственного журнала',
  behindPeer: 'отстают на {seconds} с от {peer}',
  aheadOfPeer: 'спешат на {seconds} с против {peer}',
  noRelease: 'ни один релиз справочников ещё не применён',
  releaseUnconfirmed: 'релиз {version}, головной офис не подтверждал его {hours} ч',
  release: 'релиз {version}',
  recovering: 'восстанавливается: деньги принимает, ничего не решает и не выплачивает',
  expires: 'действует до {at}',
  expired: 'истёк {at}',
  noBackup: 'копии этого хранилища здесь ещё не делали',
  backupAge: 'возраст последней копии: {hours} ч',
  noAnswerWhy: 'узел {peer} не ответил: {told}.',
  noAnswer: 'узел {peer} не ответил.',
  silent: 'не отвечает',
  answeredStatus: 'узел {peer} ответил кодом {status}.',
  answeredOther: 'узел {peer} ответил не то, о чём его спрашивали.',
  noName: 'его имя не найдено',
  noNameServer: 'серверы имён не отвечают',
  nobodyListens: 'по его адресу никто не слушает',
  noWay: 'нет пути к его адресу',
  peerExpired: 'его сертификат истёк',
  peerNotYet: 'его сертификат ещё не действует',
  otherDay:
    'сертификат, который выдал головной офис, сегодня не действует: одни из двух часов неверны',
  twoHistories: '{peer} подписал две истории: {place}',
  otherHeld: '{peer} говорит, что хранит другую запись {place}',
  historiesWith: 'две истории с {peer}: {place}',
  ownEntry: 'собственная запись {place}',
  holdsEntries: 'хранит записей: {count}, запуск {place}',
  startForgotten: 'знает запуск, который здесь забыт',
  olderStore: 'хранилище старше своей отметки',
  gaveBackUnknown: '{peer} вернул то, что здесь неизвестно',
  sendsUnknown: '{peer} присылает {kind}',
  clocksDisagree: 'часы {one} и {peer} расходятся',
  dayHeld: 'закрытие дня задержано',
  retold: 'головной офис рассказал о расчёте {id} иначе, чем прежде',
  takenBack: 'головной офис отзывает {peer} из расчёта {id}, который был подтверждён',
  otherPosition: 'филиалу {peer} сообщена другая позиция в расчёте {id}',
  otherRelease: 'филиал {peer} получил другой релиз {version}',
  disputes: '{peer} оспаривает расчёт {id}',
  notBack: 'расчёт {id} ещё не восстановлен',
  otherTerms: 'расчёт {id} ещё не восстановлен: названное между {one} и {peer} не одно и то же',
  unknownTerms:
    'расчёт {id} ещё не восстановлен: ни в одном известном релизе нет условий, по которым рассчитались {one} и {peer}',
  notThere: 'расчёт {id} ещё не восстановлен: из названного между {one} и {peer} есть не всё',
  strangeNames:
    'расчёт {id} ещё не восстановлен: названное между {one} и {peer} известно как другое',
  needsApproval: 'состав узлов или ключи ждут подписанного релиза',
  overCap: '{peer} должен больше своего предела, {currency}',
  nearCap: '{peer} должен больше {percent} % своего предела, {currency}',
  unheard:
    'Пока с запуска не ответят {peers}, SIM-карты, номера и деньги не выдаются, расчёты не проводятся. Ждать дальше могут отменить двое, у кого есть на это право.',
  awayMax: 'Пока связи с ним нет, принять можно не больше {max}.',
  oldMax:
    'Пока головной офис не подтвердит пределы, для другого филиала можно принять не больше {max}.',
  takesNothingYet: 'ничего не принимает, пока не узнает, что мог забыть',
  told: '{peer}: {told}',
};

/** Where a title stands above, what it says is not said again. */
const english: Partial<Readonly<Record<Key, string>>> = {
  awayMax: 'Until it can, a payment may be up to {max}.',
};

const separator = /(; |, )(?=\d|[A-Z]+: )/;

/** The detail of a check or of an alarm in the reader's language; what others say stays as they say it. */
export function stateDetailText(view: View, text: string): string {
  const isWhole = stateSentences.read(text);
  if (isWhole && isWhole.key !== 'told') return sentenceText(view, text);
  const parts = text.split(separator);
  return parts.map((part, at) => (at % 2 === 1 ? part : sentenceText(view, part))).join('');
}

function sentenceText(view: View, text: string): string {
  const known = stateSentences.read(text);
  if (!known) return caseDetailText(view, text);
  const { told, at } = known.values;
  const values: Readonly<Record<string, string>> = {
    ...known.values,
    ...(told === undefined ? {} : { told: sentenceText(view, told) }),
    ...(at === undefined || Number.isNaN(Date.parse(at)) ? {} : { at: view.format.moment(at) }),
  };
  return said(view.language, known.key, values);
}

const refusing: ReadonlySet<string> = new Set<Key>(['unheard', 'awayMax', 'oldMax']);

/** What a refusal says of the node's state, in the reader's language; undefined for anything else. */
export function refusalDetail(language: Language, text: string): string | undefined {
  const known = stateSentences.read(text);
  return known && refusing.has(known.key) ? said(language, known.key, known.values) : undefined;
}

function said(language: Language, key: Key, values: Readonly<Record<string, string>>): string {
  const text = language === 'ru' ? russian[key] : (english[key] ?? stateSentences.say(key, values));
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => sumText(language, values[name] ?? ''));
}
