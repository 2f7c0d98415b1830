import type { AdministrationEndpoints } from '../node/administration.ts';
import type { InboxSource } from './inbox.ts';
import { catalogue } from './language.ts';

const alarmTexts = catalogue(
  { alarms: 'Alarms of this node', checks: 'Checks of this node that are not well' },
  { alarms: 'Тревоги этого узла', checks: 'Проверки этого узла, что не в порядке' },
);

/** What every node tells those who look after it. */
export function alarmInbox(endpoints: AdministrationEndpoints): InboxSource {
  return {
    permission: 'stream.read',
    async look(view) {
      const words = view.words(alarmTexts);
      const { alarms, checks } = await endpoints.getNodeState(view.c);
      const unwell = checks.filter(({ name, ok }) => !ok && name !== 'alarms');
      const href = '/node';
      return [
        { text: words.alarms, href, count: alarms.length, tone: 'bad' },
        { text: words.checks, href, count: unwell.length },
      ];
    },
  };
}
