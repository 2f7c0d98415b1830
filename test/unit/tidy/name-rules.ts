import { isExportDeclaration } from 'typescript/unstable/ast/is';
import { eachSource, type Finding, type Rule } from './tree.ts';

const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.[a-z]+$/;
const saysNothing = /(^|[/.-])(utils?|helpers?|common|managers?)([/.-]|$)|(^|\/)index\./;
const migrationName = /^\d{4}-[a-z]+(-[a-z0-9]+)+\.sql$/;

function eachPath(says: string, isWrong: (path: string, name: string) => boolean): Rule {
  return {
    says,
    findings: ({ paths }) =>
      paths
        .filter((path) => isWrong(path, path.slice(path.lastIndexOf('/') + 1)))
        .map((path) => ({ path, line: 1, what: 'is not so named' })),
  };
}

const kebab = eachPath('names files in kebab-case', (_, name) => !kebabCase.test(name));

const telling = eachPath('names no file or folder for nothing', (path) => saysNothing.test(path));

const migrations: Rule = {
  says: 'numbers the migrations of a room from 0001, without a gap',
  findings({ paths }): Finding[] {
    const rooms = new Map<string, string[]>();
    for (const path of paths.filter((one) => one.includes('/migrations/'))) {
      const [room = '', name = ''] = path.split('/migrations/');
      rooms.set(room, [...(rooms.get(room) ?? []), name]);
    }
    return [...rooms].flatMap(([room, names]) =>
      names.sort().flatMap((name, index) => {
        const number = String(index + 1).padStart(4, '0');
        const isRight = migrationName.test(name) && name.startsWith(number);
        const what = `is not a ${number}-verb-noun.sql`;
        return isRight ? [] : [{ path: `${room}/migrations/${name}`, line: 1, what }];
      }),
    );
  },
};

const barrels = eachSource('has no file that only exports others', ({ ast }) => {
  const isBarrel = ast.statements.every((one) => isExportDeclaration(one) && one.moduleSpecifier);
  return isBarrel ? [{ line: 1, what: 'is a barrel' }] : [];
});

export const nameRules = { kebab, telling, migrations, barrels };
