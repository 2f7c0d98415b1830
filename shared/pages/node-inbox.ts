import type { AdministrationEndpoints } from '../node/administration.ts';
import type { InboxSource } from './inbox.ts';
import { catalogue } from './language.ts';

const nodeTexts = catalogue(
  {
    alarms: 'Alarms of this node',
    checks: 'Checks of this node that are not well',
    awaited: 'Nodes to hear from before money, cards and numbers are given out, and sums settled',
  },
  {
    alarms: 'Тревоги этого узла',
    checks: 'Проверки этого узла, что не в порядке',
    awaited: 'Узлы, без ответа которых не выдаются деньги, карты и номера и не проводятся расчёты',
  },
);

const href = '/node';

/** What every node tells those who look after it. */
export function nodeInbox(endpoints: AdministrationEndpoints): InboxSource[] {
  return [
    {
      permission: 'stream.read',
      async look(view) {
        const words = view.words(nodeTexts);
        const { alarms, checks } = await endpoints.getNodeState(view.c);
        const unwell = checks.filter(({ name, ok }) => !ok && name !== 'alarms');
        return [
          { text: words.alarms, href, count: alarms.length, tone: 'bad' },
          { text: words.checks, href, count: unwell.length },
        ];
      },
    },
    {
      permission: 'recovery.override',
      async look(view) {
        const { awaited } = await endpoints.getRecovery(view.c);
        return [{ text: view.words(nodeTexts).awaited, href, count: awaited.length }];
      },
    },
  ];
}
