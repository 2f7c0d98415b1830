import type { FieldError } from '../problem/problem.ts';

const maxFieldLength = 64;
/** Levels of objects and arrays; no body of ours has ten. Each costs memory long before it is parsed. */
export const maxBodyDepth = 64;

interface Level {
  /** Absent in an array. */
  readonly names?: Set<string>;
  readonly field: string;
}

/**
 * What is wrong with a JSON text before it is parsed: a member that readers may take for different things, as it is
 * named twice in its object (RFC 8259, 4: "unpredictable") or `__proto__`; more than 64 levels. Says nothing of a text
 * that is no JSON. Time grows with the text's length only.
 */
export function memberFault(text: string): FieldError | undefined {
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
      const name = nameIn(text.slice(found.index, end));
      field = [level?.field, name].filter(Boolean).join('.').slice(0, maxFieldLength);
      if (level?.names?.has(name)) return { field, message: 'is there twice' };
      if (name === '__proto__') return { field, message: 'is not known here' };
      level?.names?.add(name);
    }
    if (levels.length > maxBodyDepth) {
      return { field: levels[1]?.field || 'body', message: `has over ${maxBodyDepth} levels` };
    }
  }
  return undefined;
}

/** Past the closing quote of the string that opens at `start`; the end of a text that has none. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end + 1;
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

/** `"a"` and `"\u0061"` are the same name. */
function nameIn(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted;
  }
}
