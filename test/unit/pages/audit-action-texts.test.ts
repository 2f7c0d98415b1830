import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { isPermission } from '../../../shared/access/permissions.ts';
import { actionChoices, actionText } from '../../../shared/pages/audit-action-texts.ts';
import { projectRoot } from '../../../shared/store/assets.ts';

const named = /(?:\baction(?:: | = )(?:\w+ \? )?|\bnot(?:e|ing)\(principal, )'([a-z-]+\.[a-z-]+)'/g;
const dotted = /'([a-z-]+\.[a-z-]+)'/g;

/** Entries of the log are told in the past (`payment.accepted`), and files have their endings. */
const noAction = /ed$|\.(?:css|db|js|json|jwk|pem|pid|svg)$/;
const fields = ['customer.name', 'money.amount', 'money.currency', 'owes.debtor', 'owes.money'];
const others = new Set([...fields, 'anna.petrova', 'tender.kind']);

/** What the code writes into audit entries: all that is called an action, and what looks like one. */
function actionsInCode(): string[] {
  const found = ['shared', 'branch-node', 'central-node'].flatMap((room) => {
    const folder = join(projectRoot(), room);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return files
      .filter((file) => /\.ts$/.test(file) && !file.includes('-texts'))
      .flatMap((file) => {
        const source = readFileSync(join(folder, file), 'utf8');
        const alike = [...source.matchAll(dotted)].map(([, name = '']) => name);
        const isAlike = (name: string) =>
          !(isPermission(name) || noAction.test(name) || others.has(name));
        return [
          ...[...source.matchAll(named)].map(([, name = '']) => name),
          ...alike.filter(isAlike),
        ];
      });
  });
  return [...new Set(found)];
}

describe('the words for audited actions', () => {
  const inCode = actionsInCode();

  it('name every action that the code writes', () => {
    expect(inCode.length).to.be.greaterThan(50);
    const wordless = inCode.filter((action) => actionText({ language: 'ru' }, action) === action);
    expect(wordless).to.deep.equal([]);
  });

  it('name no action that the code does not write', () => {
    const known = actionChoices({ language: 'en' }).map(({ value }) => value);
    expect(known.filter((action) => !inCode.includes(action))).to.deep.equal([]);
  });

  it('differ from one another, and leave an unknown action as it was written', () => {
    for (const language of ['en', 'ru'] as const) {
      const labels = actionChoices({ language }).map(({ label }) => label);
      expect(new Set(labels).size).to.equal(labels.length);
      expect(actionText({ language }, 'moon.paint')).to.equal('moon.paint');
    }
  });
});
