import { caseSentences, groupSentence } from '../reconciliation/case-sentences.ts';
import { faultSentences, settlementFaults } from '../settlement/fault-sentences.ts';
import { caseKindText, operationKindText, pointText } from './kind-texts.ts';
import { catalogue } from './language.ts';
import type { View } from './view.ts';

type Values = Readonly<Record<string, string>>;
type Said = (values: Values) => string;
type Keys<Of extends { read(text: string): { key: string } | undefined }> = NonNullable<
  ReturnType<Of['read']>
>['key'];
type CaseTexts = Readonly<Record<Keys<typeof caseSentences>, Said>>;
type FaultTexts = Readonly<
  Record<Keys<typeof faultSentences> | Keys<typeof settlementFaults>, Said>
>;

const casesInEnglish: CaseTexts = {
  strangerTold: ({ branch, point, operation, serving, home }) =>
    `${branch} told of ${operation}, served by ${serving} for ${home}: ${point}.`,
  lateLeg: ({ legs }) => `A record came after the case was adjusted. ${legs}`,
  nothingSince: ({ legs, since }) => `${legs}; nothing else since ${since}.`,
  groupsDiffer: ({ count, groups }) => `Groups that differ: ${count}. ${groups}`,
  twoHistories: ({ branch, epoch }) => `${branch} signed two histories in its start ${epoch}.`,
  legsAgree: () => 'The records agree now.',
  totalsEqual: () => 'The totals are equal now.',
  otherKind: ({ kind }) => `It is another case now: ${kind}.`,
  forgotten: ({ id }) => `It is the case ${id}, which had been forgotten.`,
  received: () => 'A branch has received it.',
  restored: () => 'Restored from the log.',
  proposed: ({ reason }) => `Proposed: ${reason}`,
  approved: ({ reason }) => `Approved: ${reason}`,
  adjusted: ({ reason }) => `Adjusted: ${reason}`,
  legs: ({ legs }) => `${legs}`,
};

const casesInRussian: CaseTexts = {
  strangerTold: ({ branch, point, operation, serving, home }) =>
    `${branch} сообщает об операции ${operation}, которую обслужил ${serving} для ${home}: ${point}.`,
  lateLeg: ({ legs }) => `Запись пришла после корректировки. ${legs}`,
  nothingSince: ({ legs, since }) => `${legs}; больше ничего с ${since}.`,
  groupsDiffer: ({ count, groups }) => `Различается групп: ${count}. ${groups}`,
  twoHistories: ({ branch, epoch }) => `${branch} подписал две истории в своём запуске ${epoch}.`,
  legsAgree: () => 'Записи сошлись.',
  totalsEqual: () => 'Итоги сошлись.',
  otherKind: ({ kind }) => `Теперь это другое расхождение: ${kind}.`,
  forgotten: ({ id }) => `Это расхождение ${id}, которое было забыто.`,
  received: () => 'Филиал получил сообщение.',
  restored: () => 'Восстановлено из журнала.',
  proposed: ({ reason }) => `Предложено: ${reason}`,
  approved: ({ reason }) => `Утверждено: ${reason}`,
  adjusted: ({ reason }) => `Скорректировано: ${reason}`,
  legs: ({ legs }) => `${legs}`,
};

const faultsInEnglish: FaultTexts = {
  settledBefore: ({ settlement }) => `was settled in ${settlement}`,
  doesNotAddUp: () => 'does not add up',
  unknown: () => 'is not known at the branch',
  otherPeer: ({ peer }) => `was not with ${peer} in this attempt`,
  refused: () => 'was refused',
  unanswered: ({ peer }) => `was not answered: ${peer} is cut off`,
  noAdjustment: () => 'is not an adjustment that the branch knows',
  otherAdjustment: () => 'is another adjustment',
  otherSum: () => 'is about another sum',
  otherCurrency: ({ currency }) => `is not in ${currency}`,
  position: ({ peer }) => `the position with ${peer} is not what its operations come to`,
  operation: ({ operation, fault }) => `${operation} ${fault}`,
};

const faultsInRussian: FaultTexts = {
  settledBefore: ({ settlement }) => `уже вошла в расчёт ${settlement}`,
  doesNotAddUp: () => 'не сходится сама с собой',
  unknown: () => 'филиалу не известна',
  otherPeer: ({ peer }) => `в этой попытке была не с ${peer}`,
  refused: () => 'получила отказ',
  unanswered: ({ peer }) => `осталась без ответа: филиал ${peer} отключён`,
  noAdjustment: () => 'не та корректировка, что известна филиалу',
  otherAdjustment: () => 'другая корректировка',
  otherSum: () => 'на другую сумму',
  otherCurrency: ({ currency }) => `не в ${currency}`,
  position: ({ peer }) => `позиция с ${peer} не равна сумме своих операций`,
  operation: ({ operation, fault }) => `операция ${operation} ${fault}`,
};

const detailTexts = catalogue(
  {
    cases: casesInEnglish,
    faults: faultsInEnglish,
    groups: {
      served: 'served with',
      executed: 'executed with',
      counts: ({ there, here }: Values) => `${there} at the branch, ${here} at head office`,
    },
    answers: { confirmed: (count: string) => `Operations: ${count}` },
  },
  {
    cases: casesInRussian,
    faults: faultsInRussian,
    groups: {
      served: 'обслужено с',
      executed: 'исполнено с',
      counts: ({ there, here }: Values) => `${there} в филиале, ${here} в головном офисе`,
    },
    answers: { confirmed: (count: string) => `Операций: ${count}` },
  },
);

/** What head office's node said of a case, in the reader's language; what people wrote stays as they wrote it. */
export function caseDetailText(view: View, text: string): string {
  const known = caseSentences.read(text);
  if (!known) return text;
  const said = Object.entries(known.values).map(([name, value]) => [
    name,
    blankTexts[name]?.(view, value) ?? value,
  ]);
  return view.words(detailTexts).cases[known.key](Object.fromEntries(said));
}

/** What fills a sentence's blanks is said in words as well. */
const blankTexts: Readonly<Record<string, (view: View, value: string) => string>> = {
  point: pointText,
  kind: caseKindText,
  since: (view, value) => (isInstant(value) ? view.format.moment(value) : value),
  legs: (view, value) =>
    value.replaceAll(/: ([a-z]+)/g, (_, point: string) => `: ${pointText(view, point)}`),
  groups: (view, value) =>
    value
      .split('; ')
      .map((each) => groupText(view, each))
      .join('; '),
};

const isInstant = (text: string) => !Number.isNaN(Date.parse(text));

function groupText(view: View, text: string): string {
  const values: Values = groupSentence.read(text)?.values ?? {};
  const { kind, point, direction, peer, currency } = values;
  if (kind === undefined || point === undefined) return text;
  const { groups } = view.words(detailTexts);
  const way = direction === 'served' ? groups.served : groups.executed;
  const money = currency === '-' ? '' : `, ${currency}`;
  const what = `${operationKindText(view, kind)}, ${pointText(view, point)}`;
  return `${what}, ${way} ${peer}${money}: ${groups.counts(values)}`;
}

/** What a branch found wrong with a settlement, in the reader's language. */
export function settlementFaultText(view: View, text: string): string {
  const known = settlementFaults.read(text) ?? faultSentences.read(text);
  if (!known) return text;
  const { fault } = known.values;
  const inner = fault === undefined ? {} : { fault: settlementFaultText(view, fault) };
  return view.words(detailTexts).faults[known.key]({ ...known.values, ...inner });
}

/** What a branch answered to a settlement, as head office keeps it. */
export function settlementAnswerText(view: View, text: string): string {
  const [, operations] = /^(\d+) operations$/.exec(text) ?? [];
  if (operations !== undefined) return view.words(detailTexts).answers.confirmed(operations);
  const [, count, faults] = /^(\d+): (.*)$/s.exec(text) ?? [];
  if (count === undefined || faults === undefined) return text;
  const said = faults.split('; ').map((fault) => settlementFaultText(view, fault));
  return `${count}: ${said.join('; ')}`;
}
