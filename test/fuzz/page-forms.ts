/** What a page lets a person do next: its forms and its links. Nodes write every attribute in double quotes. */

export interface PageForm {
  readonly method: string;
  readonly action: string;
  /** What stands in each field or may be chosen there. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

const signs: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', amp: '&' };

export function formsIn(html: string): PageForm[] {
  return [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, head = '', inside = '']) => ({
    method: (attribute(head, 'method') ?? 'get').toUpperCase(),
    action: attribute(head, 'action') ?? '',
    fields: fieldsIn(inside),
  }));
}

export function linksIn(html: string): string[] {
  const found = [...html.matchAll(/\s(?:href|hx-get)="([^"]*)"/g)];
  return found.map(([, link = '']) => unescaped(link));
}

function fieldsIn(html: string): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  const add = (name: string | undefined, ...values: readonly (string | undefined)[]) => {
    if (name === undefined) return;
    const known = fields.get(name) ?? [];
    fields.set(name, [...known, ...values.flatMap((value) => value ?? [])]);
  };
  for (const [, head = ''] of html.matchAll(/<(?:input|button|textarea)\b([^>]*)>/g)) {
    add(attribute(head, 'name'), attribute(head, 'value'));
  }
  for (const [, head = '', inside = ''] of html.matchAll(/<select\b([^>]*)>(.*?)<\/select>/gs)) {
    const options = [...inside.matchAll(/<option\b([^>]*)>/g)];
    add(attribute(head, 'name'), ...options.map(([, option = '']) => attribute(option, 'value')));
  }
  return fields;
}

function attribute(head: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(head)?.[1];
  return found === undefined ? undefined : unescaped(found);
}

function unescaped(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|(\w+));/g, (whole, code, name) =>
    code === undefined ? (signs[name] ?? whole) : String.fromCodePoint(Number(code)),
  );
}
