import { password } from './federation.ts';

/** What a page of a node says to somebody who signs in there, without its marks. */
export async function pageText(
  url: string,
  { path, login = 'manager' }: { path: string; login?: string },
): Promise<string> {
  const session = await fetch(`${url}/sign-in`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: url },
    body: new URLSearchParams({ login, password }),
  });
  const cookie = (session.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '';
  const answer = await fetch(url + path, { headers: { cookie } });
  return (await answer.text()).replaceAll(/<[^>]*>/g, '');
}
