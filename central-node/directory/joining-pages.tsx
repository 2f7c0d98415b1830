import {
  Button,
  Facts,
  Field,
  Heading,
  LinkButton,
  Notice,
  Panel,
  State,
  Table,
} from '../../shared/pages/components.tsx';
import { catalogue } from '../../shared/pages/language.ts';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import type { View } from '../../shared/pages/view.ts';
import type { NodeEndpoints } from './node-routes.ts';

const joiningTexts = catalogue(
  {
    title: 'Joining branches',
    empty: 'No invitation waits. Invite a branch below.',
    branch: 'Branch',
    by: 'Invited by',
    since: 'Invited',
    until: 'Good until',
    state: 'State',
    good: 'Waits for the branch',
    held: 'Waits for another person',
    action: 'Action',
    admit: 'Admit',
    ownHeld: 'Not by the same person',
    invite: 'Invite a branch',
    code: "The branch's code",
    codeHint: 'As MSK: two to eight capital letters. A branch that is a member gets new keys.',
    token: 'Token',
    tokenTitle: (code: string) => `Invitation of ${code}`,
    tokenOnce: 'It is shown only now. Give it to the branch by a way that you trust.',
    tokenHeld: 'It is not good before another person admits the branch.',
    command: 'The branch joins with it by',
    back: 'Joining branches',
  },
  {
    title: 'Приём филиалов',
    empty: 'Приглашений нет. Пригласите филиал ниже.',
    branch: 'Филиал',
    by: 'Пригласил',
    since: 'Приглашён',
    until: 'Действует до',
    state: 'Состояние',
    good: 'Ждём филиал',
    held: 'Ждёт второго человека',
    action: 'Действие',
    admit: 'Допустить',
    ownHeld: 'Не тот же человек',
    invite: 'Пригласить филиал',
    code: 'Код филиала',
    codeHint: 'Например, MSK: от двух до восьми заглавных букв. Уже принятый получит новые ключи.',
    token: 'Токен',
    tokenTitle: (code: string) => `Приглашение филиала ${code}`,
    tokenOnce: 'Показан только сейчас. Передайте его филиалу способом, которому доверяете.',
    tokenHeld: 'Он не действует, пока филиал не допустит другой человек.',
    command: 'Филиал подключается командой',
    back: 'Приём филиалов',
  },
);

const path = '/branches';
const permission = 'branch.enrol';

type Token = Awaited<ReturnType<NodeEndpoints['listEnrolmentTokens']>>['items'][number];

/** Who may join: invited by one person, admitted by another where the roles ask for two. */
export function joiningPages({ pages, nodes }: { pages: Pages; nodes: NodeEndpoints }): void {
  pages.page({ path, permission }, show);

  const invite = async (view: View): Promise<Shown> => {
    const code = (view.form.code ?? '').trim().toUpperCase();
    return invitation(view, await nodes.createEnrolmentToken(view.c, { body: { code } }));
  };
  pages.action({ path, permission }, invite, show);

  const admit = async (view: View): Promise<Shown> => {
    const body = { invitation: view.form.invitation ?? '' };
    await nodes.admitNode(view.c, { params: { code: view.params.code ?? '' }, body });
    return { goTo: path };
  };
  pages.action({ path: `${path}/:code/admission`, permission }, admit, show);

  async function show(view: View): Promise<Shown> {
    const words = view.words(joiningTexts);
    const { items } = await nodes.listEnrolmentTokens(view.c);
    const content = (
      <>
        <Heading title={words.title} />
        <Table
          {...{ caption: words.title, empty: words.empty, rows: items }}
          columns={[
            { label: words.branch, cell: ({ code }) => <strong>{code}</strong> },
            {
              label: words.state,
              cell: ({ isHeld }) => (
                <State tone={isHeld ? 'busy' : 'good'}>{isHeld ? words.held : words.good}</State>
              ),
            },
            { label: words.by, cell: ({ createdBy }) => createdBy },
            { label: words.since, cell: ({ createdAt }) => view.format.moment(createdAt) },
            { label: words.until, cell: ({ expiresAt }) => view.format.moment(expiresAt) },
            { label: words.action, cell: (token) => <Admission view={view} token={token} /> },
          ]}
        />
        <form method="post" action={path} class="panel narrow">
          <h2>{words.invite}</h2>
          <Field
            {...{ label: words.code, name: 'code', value: view.form.code ?? '' }}
            {...{ hint: words.codeHint, required: true, autocomplete: 'off', maxlength: 8 }}
          />
          <Button>{words.invite}</Button>
        </form>
      </>
    );
    return { title: words.title, content };
  }
}

function Admission({ view, token }: { view: View; token: Token }) {
  const words = view.words(joiningTexts);
  const { id, code, isHeld, createdBy } = token;
  if (!isHeld) return <>–</>;
  if (createdBy === view.principal.login) return <span class="soft">{words.ownHeld}</span>;
  return (
    <form method="post" action={`${path}/${code}/admission`}>
      <input type="hidden" name="invitation" value={id} />
      <Button aria-label={`${words.admit}: ${code}`}>{words.admit}</Button>
    </form>
  );
}

function invitation(
  view: View,
  made: Awaited<ReturnType<NodeEndpoints['createEnrolmentToken']>>,
): Shown {
  const words = view.words(joiningTexts);
  const { code, token, isHeld } = made;
  const title = words.tokenTitle(code);
  const content = (
    <>
      <Heading title={title}>
        <LinkButton href={path}>{words.back}</LinkButton>
      </Heading>
      <Panel>
        <Notice tone="warn">{words.tokenOnce}</Notice>
        {isHeld ? <Notice tone="busy">{words.tokenHeld}</Notice> : null}
        <Facts
          facts={[
            [words.token, <code>{token}</code>],
            [words.command, <code>sbms-branch enrol --token-file FILE</code>],
          ]}
        />
      </Panel>
    </>
  );
  return { title, content };
}
