import { readFileSync } from 'node:fs';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { assetPath } from '../store/assets.ts';
import { type DocumentedOperation, operationsByTag, type Schema } from './docs-model.ts';
import { Parameters, Part, SchemaTable } from './docs-schema-pages.tsx';
import type { FrameEnv } from './exchange.ts';
import type { ApiDocument } from './openapi.ts';
import { answer } from './response.ts';

const stylePath = '/docs/docs.css';
const policy = [
  "default-src 'none'",
  "style-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * `/openapi.json`, and the same for people at `/docs`: made once, at the first request, when all
 * endpoints are there.
 */
export function registerDocs(app: OpenAPIHono<FrameEnv>, document: () => ApiDocument): void {
  const style = readFileSync(assetPath('shared/web/assets/docs.css'), 'utf8');
  let made: { json: string; page: string } | undefined;
  function documents() {
    if (made) return made;
    made = {
      json: JSON.stringify(document()),
      page: `<!doctype html>${(<Page document={document()} />).toString()}`,
    };
    return made;
  }

  app.get('/openapi.json', (c) => answer(c, { status: 200, text: documents().json }));
  app.get('/docs', (c) =>
    answer(c, {
      ...{ status: 200, text: documents().page, contentType: 'text/html; charset=utf-8' },
      headers: { 'content-security-policy': policy },
    }),
  );
  app.get(stylePath, (c) =>
    answer(c, {
      ...{ status: 200, text: style, contentType: 'text/css; charset=utf-8' },
      headers: { 'cache-control': 'max-age=300' },
    }),
  );
}

function Page({ document }: { document: ApiDocument }) {
  const tags = [...operationsByTag(document)];
  const schemas = Object.entries(document.components?.schemas ?? {}).sort(byName);
  const { title, version } = document.info;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}: API</title>
        <link rel="stylesheet" href={stylePath} />
      </head>
      <body>
        <Contents title={title} tags={tags} schemas={schemas} />
        <main>
          <Introduction title={title} version={version} />
          {tags.map(([tag, operations]) => (
            <section>
              <h2>{tag}</h2>
              {operations.map((documented) => (
                <Endpoint {...documented} />
              ))}
            </section>
          ))}
          <section>
            <h2>Schemas</h2>
            {schemas.map(([name, schema]) => (
              <article id={`schema-${name}`}>
                <h3>{name}</h3>
                <SchemaTable schema={schema} />
              </article>
            ))}
          </section>
        </main>
      </body>
    </html>
  );
}

interface ContentsProps {
  readonly title: string;
  readonly tags: readonly [string, readonly DocumentedOperation[]][];
  readonly schemas: readonly [string, Schema][];
}

function Contents({ title, tags, schemas }: ContentsProps) {
  return (
    <nav aria-label="Contents">
      <p class="brand">{title}</p>
      {tags.map(([tag, operations]) => (
        <section>
          <h2>{tag}</h2>
          <ul>
            {operations.map(({ operation }) => (
              <li>
                <a href={`#${operation.operationId}`}>{operation.summary}</a>
              </li>
            ))}
          </ul>
        </section>
      ))}
      <section>
        <h2>Schemas</h2>
        <ul>
          {schemas.map(([name]) => (
            <li>
              <a href={`#schema-${name}`}>{name}</a>
            </li>
          ))}
        </ul>
      </section>
    </nav>
  );
}

function byName([one]: [string, Schema], [other]: [string, Schema]): number {
  return one < other ? -1 : 1;
}

function Introduction({ title, version }: { title: string; version: string }) {
  return (
    <header>
      <h1>{title}</h1>
      <p class="version">
        Version {version} · <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1)
      </p>
      <ul class="rules">
        <li>
          Sign in with <code>POST /api/v1/sessions</code> and send{' '}
          <code>Authorization: Bearer …</code> from then on.
        </li>
        <li>
          Bodies are JSON in UTF-8; unknown fields are refused. Money is a decimal in quotes with
          exactly its currency’s decimals; times are UTC; ids are UUIDv7.
        </li>
        <li>
          Name every write with an <code>Idempotency-Key</code>: repeated, it gets the same answer
          and does nothing twice.
        </li>
        <li>
          A refusal is a <a href="#schema-Problem">Problem</a> (RFC 9457); match on its{' '}
          <code>code</code>.
        </li>
        <li>
          Lists come in pages: pass <code>next</code> back as <code>cursor</code> until it is null.
        </li>
      </ul>
    </header>
  );
}

function Endpoint({ method, path, operation }: DocumentedOperation) {
  const body = operation.requestBody;
  const bodySchema = body && 'content' in body ? jsonSchema(body.content) : undefined;
  const responses = Object.entries(operation.responses ?? {}).filter(
    ([code]) => code !== 'default',
  );
  return (
    <article id={operation.operationId}>
      <h3>{operation.summary}</h3>
      <p class="request">
        <span class={`method ${method.toLowerCase()}`}>{method}</span>
        <code>{path}</code>
        <span class="permission">{String(operation['x-permission'])}</span>
      </p>
      {operation.description ? <p>{operation.description}</p> : null}
      <Parameters operation={operation} />
      {bodySchema ? <Part title="Body" schema={bodySchema} /> : null}
      {responses.map(([code, response]) => {
        const schema = jsonSchema('content' in response ? response.content : undefined);
        return schema ? (
          <Part title={`Answer ${code}`} schema={schema} />
        ) : (
          <h4>Answer {code}, no body</h4>
        );
      })}
    </article>
  );
}

type Content = Readonly<Record<string, { schema?: Schema | undefined }>> | undefined;

function jsonSchema(content: Content): Schema | undefined {
  return content?.['application/json']?.schema;
}
