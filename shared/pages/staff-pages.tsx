import type { Api } from '../web/api.ts';
import { Button, Field, Heading, Select, State, Table } from './components.tsx';
import { catalogue } from './language.ts';
import type { Pages, Shown } from './pages.tsx';
import { permissionText } from './permission-texts.ts';
import type { View } from './view.ts';

const staffTexts = catalogue(
  {
    title: 'Staff',
    empty: 'Nobody yet.',
    login: 'Login',
    name: 'Name',
    role: 'Role',
    state: 'State',
    active: 'Active',
    disabled: 'Disabled',
    held: 'Waits for another person',
    approve: 'Approve',
    since: 'Since',
    action: 'Action',
    disable: 'Disable',
    add: 'Add a person',
    password: 'First password',
    passwordHint: 'The person chooses another one at the first sign-in.',
    reset: 'New password',
    factor: 'Second factor',
    hasFactor: 'Set up',
    dropFactor: 'Remove the second factor',
    roles: 'What roles may do',
    rolesHint: 'Roles are reference data: head office changes them without code.',
    permission: 'Permission',
    may: 'Yes',
  },
  {
    title: 'Сотрудники',
    empty: 'Пока никого.',
    login: 'Логин',
    name: 'Имя',
    role: 'Роль',
    state: 'Состояние',
    active: 'Работает',
    disabled: 'Отключён',
    held: 'Ждёт второго сотрудника',
    approve: 'Подтвердить',
    since: 'С',
    action: 'Действие',
    disable: 'Отключить',
    add: 'Добавить сотрудника',
    password: 'Первый пароль',
    passwordHint: 'При первом входе сотрудник выберет свой.',
    reset: 'Новый пароль',
    factor: 'Второй фактор',
    hasFactor: 'Настроен',
    dropFactor: 'Убрать второй фактор',
    roles: 'Что могут роли',
    rolesHint: 'Роли — часть справочников: головной офис меняет их без программирования.',
    permission: 'Право',
    may: 'Да',
  },
);

const path = '/staff';
const permission = 'operator.manage';
const shown = 100;

export interface StaffPagesDeps {
  readonly pages: Pages;
  readonly endpoints: Api['common'];
  /** The roles of this kind of node, with what each may do. */
  readonly roles: () => ReadonlyMap<string, readonly string[]>;
}

/** Who works at this node, in which role, and what the roles may do. */
export function staffPages({ pages, endpoints, roles }: StaffPagesDeps): void {
  pages.page({ path, permission }, show);

  function work(spec: string, act: (view: View) => Promise<unknown>): void {
    const done = async (view: View): Promise<Shown> => {
      await act(view);
      return { goTo: path };
    };
    pages.action({ path: spec, permission }, done, show);
  }
  const loginOf = ({ params }: View) => ({ login: params.login ?? '' });

  work(path, (view) => {
    const { login = '', name = '', role = '', password = '' } = view.form;
    return endpoints.addOperator(view.c, { body: { login, name, role, password } });
  });
  work(`${path}/:login/disablement`, (view) =>
    endpoints.disableOperator(view.c, { params: loginOf(view) }),
  );
  work(`${path}/:login/password`, (view) =>
    endpoints.setPassword(view.c, {
      ...{ params: loginOf(view), body: { password: view.form.password ?? '' } },
    }),
  );

  work(`${path}/:login/approval`, (view) =>
    endpoints.approveOperator(view.c, { params: loginOf(view) }),
  );
  work(`${path}/:login/second-factor-removal`, (view) =>
    endpoints.dropSecondFactor(view.c, { params: loginOf(view) }),
  );

  async function show(view: View): Promise<Shown> {
    const words = view.words(staffTexts);
    const { items } = await endpoints.listOperators(view.c, { query: { limit: String(shown) } });
    const typed = (name: string) => ({ name, value: view.form[name] ?? '' });
    const content = (
      <>
        <Heading title={words.title} />
        <Table
          {...{ caption: words.title, empty: words.empty, rows: items }}
          columns={[
            { label: words.login, cell: ({ login }) => login },
            { label: words.name, cell: ({ name }) => name },
            { label: words.role, cell: ({ role }) => role },
            {
              label: words.state,
              cell: ({ disabled, isHeld }) =>
                disabled ? (
                  <State tone="plain">{words.disabled}</State>
                ) : (
                  <State tone={isHeld ? 'busy' : 'good'}>
                    {isHeld ? words.held : words.active}
                  </State>
                ),
            },
            {
              label: words.factor,
              cell: ({ hasSecondFactor }) => (hasSecondFactor ? words.hasFactor : '–'),
            },
            { label: words.since, cell: ({ createdAt }) => view.format.moment(createdAt) },
            {
              label: words.action,
              cell: (operator) => (operator.disabled ? '–' : <Actions view={view} {...operator} />),
            },
          ]}
        />
        <form method="post" action={path} class="panel narrow">
          <h2>{words.add}</h2>
          <Field label={words.login} {...typed('login')} required autocomplete="off" />
          <Field label={words.name} {...typed('name')} required autocomplete="off" />
          <Select
            {...{ label: words.role, name: 'role' }}
            choices={[...roles().keys()].map((value) => ({ value, label: value }))}
          />
          <Field
            {...{ label: words.password, name: 'password', type: 'password' }}
            {...{ hint: words.passwordHint, required: true, autocomplete: 'new-password' }}
          />
          <Button>{words.add}</Button>
        </form>
        <Roles view={view} roles={roles()} />
        <p class="hint">{words.rolesHint}</p>
      </>
    );
    return { title: words.title, content };
  }
}

/** What each role may do: an operation and the elements of pages that lead to it are one line. */
function Roles({ view, roles }: { view: View; roles: ReadonlyMap<string, readonly string[]> }) {
  const words = view.words(staffTexts);
  const rows = [...new Set([...roles.values()].flat())];
  const columns = [...roles].map(([role, permissions]) => ({
    label: role,
    cell: (name: string) =>
      permissions.includes(name) ? <State tone="good">{words.may}</State> : '–',
  }));
  const what = {
    label: words.permission,
    cell: (name: string) => (
      <div>
        {permissionText(view, name)} <code class="soft">{name}</code>
      </div>
    ),
  };
  const all = [what, ...columns];
  return (
    <Table {...{ caption: words.roles, empty: words.empty, rows, columns: all, isMatrix: true }} />
  );
}

interface ActionsProps {
  readonly view: View;
  readonly login: string;
  readonly hasSecondFactor: boolean;
  readonly isHeld: boolean;
}

function Actions({ view, login, hasSecondFactor, isHeld }: ActionsProps) {
  const words = view.words(staffTexts);
  return (
    <div class="actions">
      {isHeld ? (
        <form method="post" action={`${path}/${login}/approval`}>
          <Button aria-label={`${words.approve}: ${login}`}>{words.approve}</Button>
        </form>
      ) : null}
      <form method="post" action={`${path}/${login}/disablement`}>
        <Button kind="danger" aria-label={`${words.disable}: ${login}`}>
          {words.disable}
        </Button>
      </form>
      {hasSecondFactor ? (
        <form method="post" action={`${path}/${login}/second-factor-removal`}>
          <Button kind="danger" aria-label={`${words.dropFactor}: ${login}`}>
            {words.dropFactor}
          </Button>
        </form>
      ) : null}
      <details>
        <summary>{words.reset}</summary>
        <form method="post" action={`${path}/${login}/password`}>
          <Field
            {...{ label: words.password, name: 'password', id: `password-${login}` }}
            {...{ type: 'password', autocomplete: 'new-password', required: true }}
          />
          <Button kind="plain">{words.reset}</Button>
        </form>
      </details>
    </div>
  );
}
