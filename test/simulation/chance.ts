/** Seeded chance: the only source of it in a simulation. One seed draws the same for ever. */
export interface Chance {
  /** From 0 up to, not including, 1. */
  fraction(): number;
  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number;
  /** A whole number, both ends included. */
  between(from: number, to: number): number;
  happens(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  hex(byteLength: number): string;
  /** Another source, which draws the same whatever is drawn from this one. */
  fork(name: string): Chance;
}

export function createChance(seed: string): Chance {
  // sfc32 by Chris Doty-Humphrey, started from an xmur3 hash of the seed.
  const next = hashOf(seed);
  let a = next();
  let b = next();
  let c = next();
  let counter = 1;
  function draw(): number {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  }
  for (let warm = 0; warm < 12; warm += 1) draw();

  const fraction = () => draw() / 0x1_0000_0000;
  const below = (limit: number) => Math.floor(fraction() * limit);
  return {
    fraction,
    below,
    between: (from, to) => from + below(to - from + 1),
    happens: (probability) => fraction() < probability,
    pick(list) {
      const picked = list[below(list.length)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
    hex(byteLength) {
      let text = '';
      while (text.length < byteLength * 2) text += draw().toString(16).padStart(8, '0');
      return text.slice(0, byteLength * 2);
    },
    fork: (name) => createChance(`${seed}/${name}`),
  };
}

function hashOf(text: string): () => number {
  let hash = 1_779_033_703 ^ text.length;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 3_432_918_353);
    hash = (hash << 13) | (hash >>> 19);
  }
  return () => {
    hash = Math.imul(hash ^ (hash >>> 16), 2_246_822_507);
    hash = Math.imul(hash ^ (hash >>> 13), 3_266_489_909);
    hash ^= hash >>> 16;
    return hash >>> 0;
  };
}
