import type { Access } from '../access/access-service.ts';
import { type DomainError, isDomainError } from '../problem/problem.ts';
import { passwordPath } from './account-paths.ts';
import { Button, Field, Heading, Notice } from './components.tsx';
import { catalogue } from './language.ts';
import type { Pages, Shown } from './pages.tsx';
import { Refusal } from './refusal.tsx';
import type { View } from './view.ts';

const passwordTexts = catalogue(
  {
    title: 'Your password',
    current: 'Present password',
    next: 'New password',
    hint: 'At least 12 characters; a few words that nobody else puts together are best.',
    change: 'Change the password',
    temporary: 'Somebody else chose this password. Choose one of your own to go on.',
    ends: 'You sign in again with it.',
  },
  {
    title: 'Ваш пароль',
    current: 'Нынешний пароль',
    next: 'Новый пароль',
    hint: 'Не меньше 12 знаков; лучше несколько слов, которые никто больше не поставит рядом.',
    change: 'Сменить пароль',
    temporary: 'Этот пароль выбрали за вас. Чтобы продолжить, выберите свой.',
    ends: 'С ним вы войдёте заново.',
  },
);

/** A password of one's own; the first thing to be done with one that somebody else chose. */
export function passwordPages({ pages, access }: { pages: Pages; access: Access }): void {
  const spec = { path: passwordPath, permission: 'signed-in' } as const;
  pages.page(spec, async (view) => show(view));

  pages.action(spec, async (view) => {
    const { current = '', password = '' } = view.form;
    const { source, trace } = view.c.get('exchange');
    try {
      const { principal } = view;
      const { traceId } = trace;
      await access.changePassword({ principal, current, password, source, traceId });
      return { goTo: '/sign-in' };
    } catch (error) {
      if (!isDomainError(error)) throw error;
      return show(view, error);
    }
  });
}

function show(view: View, error?: DomainError): Shown {
  const words = view.words(passwordTexts);
  const content = (
    <>
      <Heading title={words.title} />
      {view.principal.mustChangePassword ? <Notice tone="warn">{words.temporary}</Notice> : null}
      {error === undefined ? null : <Refusal language={view.language} error={error} />}
      <form method="post" action={passwordPath} class="panel narrow">
        <Field
          {...{ label: words.current, name: 'current', type: 'password', required: true }}
          {...{ autocomplete: 'current-password', autofocus: true }}
        />
        <Field
          {...{ label: words.next, name: 'password', type: 'password', required: true }}
          {...{ autocomplete: 'new-password', hint: words.hint }}
        />
        <p class="hint">{words.ends}</p>
        <Button>{words.change}</Button>
      </form>
    </>
  );
  return { title: words.title, content, ...(error === undefined ? {} : { status: 422 }) };
}
