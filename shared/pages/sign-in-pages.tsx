import { deleteCookie, setCookie } from 'hono/cookie';
import type { Access } from '../access/access-service.ts';
import type { Ids } from '../ids/ids.ts';
import { DomainError, isDomainError } from '../problem/problem.ts';
import type { Clock } from '../time/clock.ts';
import type { Api } from '../web/api.ts';
import type { FrameContext } from '../web/exchange.ts';
import {
  presentedToken,
  requireSameOrigin,
  sessionCookie,
  sessionCookieOptions,
} from '../web/guard.ts';
import { readForm } from '../web/request-body.ts';
import { createCodeStep } from './code-step.ts';
import { Button, Field, Notice } from './components.tsx';
import { frameTexts } from './frame-texts.ts';
import type { Pages } from './pages.tsx';
import { keepPreferences, preferencesOf } from './preferences.ts';
import { problemText } from './problem-texts.ts';

const maxFormBytes = 4 * 1024;
const maxTypedLength = 200;
const path = '/sign-in';
const secondsPerMinute = 60;

/** The door: signing in and out, and how the pages look to this browser. */
export function signInPages(
  { app }: Pick<Api, 'app'>,
  deps: { pages: Pages; access: Access; clock: Clock; ids: Ids; nodeName: () => string },
): void {
  const { pages, access, nodeName } = deps;
  const codeStep = createCodeStep(deps);

  function door(
    c: FrameContext,
    made: { login?: string; next: string; error?: string; status?: number },
  ) {
    const words = frameTexts[preferencesOf(c).language];
    const { login = '', next, error, status = 200 } = made;
    const content = (
      <form method="post" action={path} class="panel door-form">
        <h1>{nodeName()}</h1>
        {error === undefined ? null : <Notice tone="bad">{error}</Notice>}
        <input type="hidden" name="next" value={next} />
        <Field
          {...{ label: words.login, name: 'login', value: login, required: true }}
          {...{ autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false' }}
          autofocus={login === ''}
        />
        <Field
          {...{ label: words.password, name: 'password', type: 'password', required: true }}
          autocomplete="current-password"
          autofocus={login !== ''}
        />
        <Button>{words.signIn}</Button>
      </form>
    );
    return pages.document(c, { title: words.signIn, content, status });
  }

  app.get(path, (c) => {
    c.get('exchange').route = path;
    return door(c, { next: localPath(c.req.query('next')) });
  });

  function codeDoor(c: FrameContext, made: { ticket: string; next: string; isWrong: boolean }) {
    const words = frameTexts[preferencesOf(c).language];
    const content = (
      <form method="post" action={path} class="panel door-form">
        <h1>{nodeName()}</h1>
        {made.isWrong ? <Notice tone="bad">{words.codeWrong}</Notice> : null}
        <input type="hidden" name="next" value={made.next} />
        <input type="hidden" name="ticket" value={made.ticket} />
        <Field
          {...{ label: words.code, name: 'code', hint: words.codeHint, required: true }}
          {...{ autocomplete: 'one-time-code', autocapitalize: 'none', spellcheck: 'false' }}
          autofocus
        />
        <Button>{words.signIn}</Button>
      </form>
    );
    return pages.document(c, { title: words.signIn, content, status: 401 });
  }

  app.post(path, async (c) => {
    c.get('exchange').route = path;
    requireSameOrigin(c);
    const { ticket, code, ...form } = await readForm(c, maxFormBytes);
    const next = localPath(form.next);
    const known = ticket === undefined ? undefined : codeStep.typedOf(ticket);
    if (ticket !== undefined && !known) {
      const { codeLate } = frameTexts[preferencesOf(c).language];
      return door(c, { next, error: codeLate, status: 401 });
    }
    const login = (form.login ?? '').slice(0, maxTypedLength);
    const typed = known ?? { login, password: (form.password ?? '').slice(0, maxTypedLength) };
    try {
      const { token } = await access.signIn({
        ...{ ...typed, code: code?.slice(0, maxTypedLength) },
        ...{ source: c.get('exchange').source, traceId: c.get('exchange').trace.traceId },
      });
      if (ticket !== undefined) codeStep.end(ticket);
      setCookie(c, sessionCookie, token, sessionCookieOptions);
      return c.redirect(next, 303);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const isWrong = isDomainError(error, 'second-factor-wrong');
      if (!isWrong && !isDomainError(error, 'second-factor-required')) {
        return door(c, { login: typed.login, next, error: reasonOf(c, error), status: 401 });
      }
      return codeDoor(c, { ticket: ticket ?? codeStep.begin(typed), next, isWrong });
    }
  });

  app.post('/sign-out', async (c) => {
    c.get('exchange').route = '/sign-out';
    requireSameOrigin(c);
    const token = presentedToken(c)?.token;
    if (token) await access.signOut(token, c.get('exchange').trace.traceId);
    deleteCookie(c, sessionCookie, sessionCookieOptions);
    return c.redirect(path, 303);
  });

  app.post('/preferences', async (c) => {
    c.get('exchange').route = '/preferences';
    requireSameOrigin(c);
    const form = await readForm(c, maxFormBytes);
    keepPreferences(c, form);
    return c.redirect(localPath(form.back), 303);
  });
}

function reasonOf(c: FrameContext, error: DomainError): string {
  const { language } = preferencesOf(c);
  const words = frameTexts[language];
  const { retryAfterSeconds } = error.members;
  if (isDomainError(error, 'locked-out') && typeof retryAfterSeconds === 'number') {
    return words.lockedOut(Math.ceil(retryAfterSeconds / secondsPerMinute));
  }
  if (isDomainError(error, 'wrong-credentials')) return words.wrongCredentials;
  if (isDomainError(error, 'overloaded')) return words.overloaded;
  return problemText(language, error);
}

/** A path of this node; anything else, an address of another host among it, is the first page. */
function localPath(wish: string | undefined): string {
  return wish !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/.test(wish) ? wish : '/';
}
