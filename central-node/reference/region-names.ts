/** Words that say what kind of place it is; the rest of a name tells regions apart without them. */
const kinds = new Set(
  `г город гор обл область край республика респ ао автономный автономная аобл округ окр
   федеральная территория федерального значения`.split(/\s+/),
);

/** Second names that some editions add: «Чувашская Республика - Чувашия». */
const secondNames = /-(?:чувашия|алания|югра|кузбасс|якутия)(?=$|[\s-])/g;

/**
 * One key for all spellings of a region. The registry writes a place as `town|region`, joins
 * regions by `*` or `и` in any order, and spells each in several ways.
 */
export function regionKey(spelling: string): string {
  const region = spelling.split('|').at(-1) ?? '';
  const parts = region
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('ё', 'е')
    .split(/\*|,|\sи\s/)
    .map(partKey)
    .filter((part) => part !== '');
  return [...new Set(parts)].sort().join(' + ');
}

function partKey(part: string): string {
  const words = part
    .replace(/\/[^/]*\/|\([^)]*\)/g, ' ')
    .replace(/(^|\s)р-н(?=$|[\s.])/g, '$1район')
    .replace(/[‐‑‒–—−]/g, '-')
    .replace(/\s*-\s*/g, '-')
    .replace(secondNames, '')
    .replace(/[."«»]/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '' && !kinds.has(word));
  return [...new Set(words)].sort().join(' ');
}
