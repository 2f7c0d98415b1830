import { expect } from 'chai';
import { formatsFor } from '../../../shared/pages/formats.ts';
import { refusalDetail, stateDetailText } from '../../../shared/pages/state-detail-texts.ts';
import type { View } from '../../../shared/pages/view.ts';
import { describeRelease } from '../../../shared/reference/release-policy.ts';
import { stateSentences } from '../../../shared/text/state-sentences.ts';

const viewIn = (language: 'en' | 'ru') =>
  ({
    language,
    words: (texts: { en: object; ru: object }) => texts[language],
    format: formatsFor(language, 'Europe/Moscow'),
  }) as unknown as View;

/** As nodes send them since the first version. */
const told: readonly (readonly [string, string])[] = [
  ['74464 MiB free', 'свободно 74464 МиБ'],
  [describeRelease(3, 0), 'релиз 3'],
  [describeRelease(3, 100 * 3_600_000), 'релиз 3, головной офис не подтверждал его 100 ч'],
  ['expires 2026-12-23T06:31:07.000Z', 'действует до 23 дек. 2026 г., 09:31'],
  ['the newest backup is 0 h old', 'возраст последней копии: 0 ч'],
  [
    'SPB: SPB did not answer: nobody listens at its address.; NSK: does not answer',
    'SPB: узел SPB не ответил: по его адресу никто не слушает.; NSK: не отвечает',
  ],
  ['12 s behind SPB, 7 s ahead of NSK', 'отстают на 12 с от SPB, спешат на 7 с против NSK'],
  ['takes nothing: disk is full', 'ничего не принимает: disk is full'],
  ['SPB: it holds 4 entries of 01a20719', 'SPB: хранит записей: 4, запуск 01a20719'],
  ['the clocks of MSK and SPB disagree', 'часы MSK и SPB расходятся'],
  ['SPB disputes 01a2-b', 'SPB оспаривает расчёт 01a2-b'],
  [
    'takes nothing until it knows what it may have forgotten',
    'ничего не принимает, пока не узнает, что мог забыть',
  ],
  ['SPB owes over 80 % of its cap in RUB', 'SPB должен больше 80 % своего предела, RUB'],
  [
    'NSK told executed of 0190-a/1, SPB to MSK.',
    'NSK сообщает об операции 0190-a/1, которую обслужил SPB для MSK: исполнена.',
  ],
];

describe('what a node says of its own state', () => {
  for (const [english, russian] of told) {
    it(`is said in Russian: ${english}`, () => {
      expect(stateDetailText(viewIn('ru'), english).replaceAll(/\s/g, ' ')).to.equal(russian);
    });
  }

  it('says in a refusal, in both languages, whom the node waits for; of others it is silent', () => {
    const text = stateSentences.say('unheard', { peers: 'HQ, SPB' });
    expect(refusalDetail('en', text)).to.equal(text);
    expect(refusalDetail('ru', text)).to.include('не ответят HQ, SPB, SIM-карты');
    expect(refusalDetail('ru', 'The SIM card is in-use.')).to.equal(undefined);
  });

  it('is left as it was told where that is not known, and in English', () => {
    expect(stateDetailText(viewIn('ru'), 'SQLITE_FULL: no room')).to.equal('SQLITE_FULL: no room');
    const [[free = ''] = []] = told;
    expect(stateDetailText(viewIn('en'), free)).to.equal(free);
  });
});
