const maxFieldLength = 64;

interface Level {
  /** Absent in an array. */
  readonly names?: Set<string>;
  readonly field: string;
}

/**
 * The dotted path of a member that readers of the same JSON may take for different things: named
 * twice in its object (RFC 8259, 4: "unpredictable"), or `__proto__`. Undefined if there is none.
 * `text` must be valid JSON; time grows with its length only.
 */
export function misleadingMember(text: string): string | undefined {
  const mark = /["{}[\]]/g;
  const levels: Level[] = [];
  let field = '';
  for (let found = mark.exec(text); found; found = mark.exec(text)) {
    if (found[0] === '{') levels.push({ names: new Set(), field });
    else if (found[0] === '[') levels.push({ field });
    else if (found[0] !== '"') levels.pop();
    else {
      const end = endOfString(text, found.index);
      mark.lastIndex = end;
      if (!isName(text, end)) continue;
      const level = levels.at(-1);
      const name = String(JSON.parse(text.slice(found.index, end)));
      field = [level?.field, name].filter(Boolean).join('.').slice(0, maxFieldLength);
      if (name === '__proto__' || level?.names?.has(name)) return field;
      level?.names?.add(name);
    }
  }
  return undefined;
}

/** Past the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0;
  while (text[index - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

function isName(text: string, end: number): boolean {
  const colon = /\s*:/y;
  colon.lastIndex = end;
  return colon.test(text);
}
