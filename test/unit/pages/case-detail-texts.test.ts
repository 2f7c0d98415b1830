import { expect } from 'chai';
import {
  caseDetailText,
  settlementAnswerText,
  settlementFaultText,
} from '../../../shared/pages/case-detail-texts.ts';
import { formatsFor } from '../../../shared/pages/formats.ts';
import type { View } from '../../../shared/pages/view.ts';
import { caseSentences, groupText } from '../../../shared/reconciliation/case-sentences.ts';
import { sentences } from '../../../shared/text/sentences.ts';

const view = {
  words: (texts: { ru: object }) => texts.ru,
  format: formatsFor('ru', 'Europe/Moscow'),
} as unknown as View;

/** As they stand in stores and logs since the first version. */
const told: readonly (readonly [string, string])[] = [
  ['SPB: accepted', 'SPB: принята'],
  ['SPB: accepted, MSK: executed', 'SPB: принята, MSK: исполнена'],
  [
    'SPB: accepted; nothing else since 2026-03-01T09:00:00.000Z.',
    'SPB: принята; больше ничего с 1 мар. 2026 г., 12:00.',
  ],
  [
    'A leg came after the case was adjusted. SPB: accepted, SPB: concluded',
    'Запись пришла после корректировки. SPB: принята, SPB: завершена',
  ],
  [
    'NSK told executed of 0190-a/1, SPB to MSK.',
    'NSK сообщает об операции 0190-a/1, которую обслужил SPB для MSK: исполнена.',
  ],
  [
    '2 groups differ. payment executed executed SPB RUB: 3 there, 2 here; block accepted served SPB -: 0 there, 1 here',
    'Различается групп: 2. Платёж, исполнена, исполнено с SPB, RUB: 3 в филиале, 2 в головном офисе; Блокировка или разблокировка, принята, обслужено с SPB: 0 в филиале, 1 в головном офисе',
  ],
  ['The legs agree now.', 'Записи сошлись.'],
  [
    'It is a case of legs-differ now.',
    'Теперь это другое расхождение: Записи двух филиалов различаются.',
  ],
  ['Adjusted: по акту № 7', 'Скорректировано: по акту № 7'],
  ['MSK переезжает', 'MSK переезжает'],
];

describe('what head office says of a case', () => {
  for (const [text, russian] of told) {
    it(`is said in Russian: ${text}`, () => {
      expect(caseDetailText(view, text).replaceAll('\u00A0', ' ')).to.equal(russian);
    });
  }

  it('is stored word for word as it always was', () => {
    expect(caseSentences.say('nothingSince', { legs: 'SPB: accepted', since: 'now' })).to.equal(
      'SPB: accepted; nothing else since now.',
    );
    const group = { group: 'payment accepted served SPB RUB', branch: null, headOffice: null };
    expect(groupText(group)).to.equal('payment accepted served SPB RUB: 0 there, 0 here');
  });

  it('is told of settlements as well, each fault by itself', () => {
    expect(settlementFaultText(view, '0190-a/1 is about another sum')).to.equal(
      'операция 0190-a/1 на другую сумму',
    );
    expect(settlementAnswerText(view, '12 operations')).to.equal('Операций: 12');
    const disputed =
      '2: the position with SPB is not what its operations come to; 0190-a/2 was refused';
    expect(settlementAnswerText(view, disputed)).to.equal(
      '2: позиция с SPB не равна сумме своих операций; операция 0190-a/2 получила отказ',
    );
    expect(settlementAnswerText(view, 'of a newer node')).to.equal('of a newer node');
  });
});

describe('sentences with blanks', () => {
  const { say, read } = sentences({ owes: '{debtor} owes {sum} (so far).' }, { debtor: '[A-Z]+' });

  it('are known again by what they say, special signs and line ends included', () => {
    const values = { debtor: 'MSK', sum: 'a $1\nb' };
    expect(read(say('owes', values))).to.deep.equal({ key: 'owes', values });
    expect(read('nobody owes it (so far).')).to.equal(undefined);
    expect(read(`MSK owes ${'x'.repeat(100_000)}`)).to.equal(undefined);
  });
});
