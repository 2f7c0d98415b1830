import { expect } from 'chai';
import { send } from '../support/federation.ts';

/** Texts that mean something to SQL, shells, headers, terminals, spreadsheets and templates. */
export const payloads: readonly string[] = [
  "' OR '1'='1",
  '" OR "1"="1',
  "x'; DROP TABLE operators; --",
  "x' UNION SELECT login, password_hash FROM operators --",
  "%' OR login LIKE '%",
  '%',
  '_',
  '*',
  'NULL',
  '1; ATTACH DATABASE "/tmp/x" AS x',
  "'||(SELECT password_hash FROM operators LIMIT 1)||'",
  '\u0000',
  'a\r\nset-cookie: injected=1',
  '\u001b[31mred\u001b[0m',
  '=HYPERLINK("https://evil.example";"x")',
  '@SUM(1+1)*cmd|calc',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is to stay as it is
  '${7*7}{{7*7}}<%= 7*7 %>',
  '<script>alert(1)</script>',
  '../../../../etc/passwd',
  '__proto__',
];

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      Record<string, { parameters?: readonly { name: string; in: string; schema?: object }[] }>
    >
  >;
}

/** Every text parameter of every list, search and look-up of a node, with every payload. */
export async function injectEverywhere(url: string, token: string): Promise<number> {
  const { body } = await send(url, 'GET', '/openapi.json');
  const document: Document = body;
  const headers = { authorization: `Bearer ${token}` };
  let asked = 0;
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const { name, in: place } of methods.get?.parameters ?? []) {
      for (const payload of payloads) {
        const text = encodeURIComponent(payload);
        const filled = path.replaceAll(/\{(\w+)\}/g, (_, each: string) =>
          each === name && place === 'path' ? text : '01900000-0000-7000-8000-000000000000',
        );
        const query = place === 'query' ? `?${name}=${text}` : '';
        const answer = await send(url, 'GET', filled + query, { headers });
        const what = `${path} ${name}=${JSON.stringify(payload)}: ${answer.status}`;
        expect([200, 400, 404, 409, 422], what).to.include(answer.status);
        const said = JSON.stringify(answer.body);
        expect(said, what).not.to.match(/scrypt\$|sqlite|SELECT |no such column|near "/i);
        expect(answer.headers.get('set-cookie'), what).to.equal(null);
        // What is put in front of a filter may let less through, never more.
        if (answer.status === 200 && place === 'query') {
          expect(answer.body.items ?? [], what).to.deep.equal([]);
        }
        asked += 1;
      }
    }
  }
  return asked;
}
