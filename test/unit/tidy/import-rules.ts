import {
  composes,
  eachSource,
  type Finding,
  type Import,
  isTest,
  type Rule,
  type Source,
  type Tree,
} from './tree.ts';

/** The folders at the root that may import from each; packages and their own folder aside. */
const mayImport: Record<string, readonly string[]> = {
  shared: [],
  'branch-node': ['shared'],
  'central-node': ['shared'],
  demo: ['shared'],
  test: ['shared', 'branch-node', 'central-node', 'demo'],
};

/** A room is a folder of a node or of `shared/`; a node's own files compose its rooms. */
function roomOf(path: string): string {
  return path.split('/').slice(0, -1).slice(0, 2).join('/');
}

const layers = eachSource(
  'keeps shared/ free of the nodes, the nodes of each other and the demo of both',
  ({ path, imports }) => {
    const root = path.slice(0, path.indexOf('/'));
    return imports
      .filter(({ target }) => {
        const other = target?.slice(0, target.indexOf('/'));
        return other !== undefined && other !== root && !mayImport[root]?.includes(other);
      })
      .map(({ line, target }) => ({ line, what: `imports ${target}` }));
  },
);

const privateParts = eachSource(
  "imports no other room's stores, routes and pages, but to compose them",
  ({ path, imports }) => {
    if (isTest(path) || composes(path)) return [];
    const isForeign = ({ target, isTypeOnly }: Import) => {
      // A type only names what the composition hands over.
      if (target === undefined || isTypeOnly || roomOf(target) === roomOf(path)) return false;
      const part = /-(store|routes|pages)\.tsx?$/.exec(target)?.[1];
      // Both nodes are made of shared/: its stores are their parts.
      const isOfNode = part === 'store' && /^shared\//.test(target) && !/^shared\//.test(path);
      return part !== undefined && !isOfNode;
    };
    return imports
      .filter(isForeign)
      .map(({ line, target }) => ({ line, what: `imports ${target} of another room` }));
  },
);

/** A type costs nothing at run time and ties no order of making: only values make circles. */
function valueImports({ imports }: Source): (Import & { target: string })[] {
  return imports.flatMap((one) =>
    one.target !== undefined && !one.isTypeOnly ? [{ ...one, target: one.target }] : [],
  );
}

function noCircles(says: string, nameOf: (path: string) => string): Rule {
  return {
    says,
    findings({ sources }: Tree): Finding[] {
      const edges = new Map<string, Map<string, Finding>>();
      for (const source of sources.filter(({ path }) => !isTest(path))) {
        for (const { target, line } of valueImports(source)) {
          const [from, to] = [nameOf(source.path), nameOf(target)];
          if (from === to && source.path !== target) continue;
          const known = edges.get(from) ?? new Map<string, Finding>();
          if (!known.has(to)) known.set(to, { path: source.path, line, what: `imports ${target}` });
          edges.set(from, known);
        }
      }
      return [...edges].flatMap(([from, known]) =>
        [...known].flatMap(([to, { path, line, what }]) => {
          const way = wayBetween(edges, to, from);
          if (!way) return [];
          const circle = [from, ...way].join(' → ');
          return [{ path, line, what: `${what} in the circle ${circle}` }];
        }),
      );
    },
  };
}

/** The shortest way from one to the other, both named. */
function wayBetween(
  edges: ReadonlyMap<string, ReadonlyMap<string, unknown>>,
  from: string,
  to: string,
): string[] | undefined {
  const cameFrom = new Map<string, string | undefined>([[from, undefined]]);
  for (const name of cameFrom.keys()) {
    if (name === to) {
      const way: string[] = [];
      for (let at: string | undefined = to; at !== undefined; at = cameFrom.get(at)) {
        way.unshift(at);
      }
      return way;
    }
    for (const next of edges.get(name)?.keys() ?? []) {
      if (!cameFrom.has(next)) cameFrom.set(next, name);
    }
  }
  return undefined;
}

const roomCircles = noCircles('has no circles between rooms', roomOf);
const fileCircles = noCircles('has no circles between files', (path) => path);

export const importRules = { layers, privateParts, roomCircles, fileCircles };
