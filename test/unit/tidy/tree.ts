import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { type Node, type SourceFile, SyntaxKind } from 'typescript/unstable/ast';
import {
  isExportDeclaration,
  isImportDeclaration,
  isImportTypeNode,
  isNamedExports,
  isNamedImports,
  isStringLiteral,
} from 'typescript/unstable/ast/is';
import { API, type Program } from 'typescript/unstable/sync';

const sourceFolders = ['branch-node', 'central-node', 'shared', 'demo', 'test'];

export const isTest = (path: string) => path.startsWith('test/');

/** Where rooms are put together: a node's own files, and what both nodes are made of. */
export const composes = (path: string) =>
  /^(branch-node|central-node)\/[^/]+$|^shared\/node\//.test(path);

export interface Literal {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export interface Comment {
  readonly line: number;
  readonly text: string;
}

export interface Import {
  readonly specifier: string;
  /** The imported file's path in the project; undefined for a package. */
  readonly target: string | undefined;
  readonly line: number;
  readonly isTypeOnly: boolean;
  readonly names: readonly string[];
}

export interface Source {
  /** From the project's root, with `/`. */
  readonly path: string;
  readonly ast: SourceFile;
  readonly lines: readonly string[];
  /** Every node, in the order of the text. */
  readonly nodes: readonly Node[];
  readonly imports: readonly Import[];
  /** Strings, the parts of templates, regular expressions and the text between JSX tags. */
  readonly literals: readonly Literal[];
  readonly comments: readonly Comment[];
  /** The line, counted from 1, of a position in the text. */
  lineAt(position: number): number;
}

export interface Tree {
  /** Every file of the source folders, the sources among them. */
  readonly paths: readonly string[];
  readonly sources: readonly Source[];
}

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

export interface Rule {
  /** What holds, as the end of a sentence that begins with "the tree". */
  readonly says: string;
  findings(tree: Tree): Finding[];
}

/** A rule that looks at one source at a time, at a place and what is wrong there. */
export function eachSource(
  says: string,
  find: (source: Source) => Iterable<{ line: number; what: string }>,
): Rule {
  return {
    says,
    findings: ({ sources }) =>
      sources.flatMap((source) => [...find(source)].map((at) => ({ path: source.path, ...at }))),
  };
}

const literalKinds: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.StringLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateHead,
  SyntaxKind.TemplateMiddle,
  SyntaxKind.TemplateTail,
  SyntaxKind.RegularExpressionLiteral,
  SyntaxKind.JsxText,
]);

/**
 * Reads the source folders of each root. The compiler only parses: it resolves no import and loads
 * no library, which takes a third of the time.
 */
export function readTrees(roots: readonly string[]): Tree[] {
  const trees = roots.map((root) => ({
    root,
    paths: sourceFolders.flatMap((folder) => filesOf(root, folder)),
  }));
  const sourcesOf = ({ paths }: { paths: string[] }) =>
    paths.filter((path) => /\.tsx?$/.test(path));
  const files = trees.flatMap((tree) => sourcesOf(tree).map((path) => join(tree.root, path)));
  return parsed(files, (program) =>
    trees.map((tree) => ({
      paths: tree.paths,
      sources: sourcesOf(tree).flatMap((path) => {
        const ast = program.getSourceFile(join(tree.root, path));
        return ast ? [sourceOf(path, ast)] : [];
      }),
    })),
  );
}

function parsed<T>(files: readonly string[], read: (program: Program) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'tidy-'));
  const configFile = join(folder, 'tsconfig.json');
  const compilerOptions = { noLib: true, noResolve: true, types: [], jsx: 'preserve' };
  writeFileSync(configFile, JSON.stringify({ compilerOptions, files }));
  const api = new API({ cwd: folder });
  try {
    const [project] = api.updateSnapshot({ openProjects: [configFile] }).getProjects();
    if (!project) throw new Error('the compiler opened no project');
    return read(project.program);
  } finally {
    api.close();
    rmSync(folder, { recursive: true });
  }
}

function filesOf(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesOf(root, path) : [path];
  });
}

function sourceOf(path: string, ast: SourceFile): Source {
  const nodes = addDescendants(ast, []);
  const literals = nodes
    .filter(({ kind }) => literalKinds.has(kind))
    .map((node) => {
      const start = node.kind === SyntaxKind.JsxText ? node.pos : node.getStart(ast);
      return { start, end: node.end, text: ast.text.slice(start, node.end) };
    });
  const lineAt = (position: number) => ast.getLineAndCharacterOfPosition(position).line + 1;
  return {
    ...{ path, ast, nodes, literals, lineAt },
    lines: ast.text.split('\n'),
    imports: ast.imports.flatMap((node) => importOf(path, node, lineAt)),
    comments: commentsOf(ast.text, literals, lineAt),
  };
}

function addDescendants(node: Node, to: Node[]): Node[] {
  node.forEachChild((child) => {
    to.push(child);
    addDescendants(child, to);
  });
  return to;
}

function importOf(path: string, node: Node, lineAt: Source['lineAt']): Import[] {
  if (!isStringLiteral(node)) return [];
  const specifier = node.text;
  const isRelative = specifier.startsWith('.');
  return [
    {
      ...{ specifier, line: lineAt(node.end) },
      target: isRelative ? posix.join(posix.dirname(path), specifier) : undefined,
      ...namesOf(node.parent),
    },
  ];
}

function namesOf(declaration: Node): Pick<Import, 'isTypeOnly' | 'names'> {
  if (isImportTypeNode(declaration.parent)) return { isTypeOnly: true, names: [] };
  if (isImportDeclaration(declaration)) {
    const clause = declaration.importClause;
    const named = clause?.namedBindings;
    const elements = named && isNamedImports(named) ? [...named.elements] : [];
    return {
      isTypeOnly:
        clause?.phaseModifier === SyntaxKind.TypeKeyword ||
        (elements.length > 0 && !clause?.name && elements.every((element) => element.isTypeOnly)),
      names: elements.map(({ propertyName, name }) => (propertyName ?? name).text),
    };
  }
  if (isExportDeclaration(declaration)) {
    const clause = declaration.exportClause;
    const elements = clause && isNamedExports(clause) ? [...clause.elements] : [];
    return {
      isTypeOnly:
        declaration.isTypeOnly ||
        (elements.length > 0 && elements.every((element) => element.isTypeOnly)),
      names: elements.map(({ propertyName, name }) => (propertyName ?? name).text),
    };
  }
  return { isTypeOnly: false, names: [] };
}

/** Comments are no nodes: they are what looks like one outside of every literal, line by line. */
function commentsOf(
  text: string,
  literals: readonly Literal[],
  lineAt: Source['lineAt'],
): Comment[] {
  const comments: Comment[] = [];
  const opening = /\/\/.*|\/\*[\s\S]*?\*\//g;
  let next = 0;
  for (let found = opening.exec(text); found; found = opening.exec(text)) {
    while ((literals[next]?.end ?? Number.POSITIVE_INFINITY) <= found.index) next += 1;
    const literal = literals[next];
    if (literal && literal.start <= found.index) {
      opening.lastIndex = literal.end;
      continue;
    }
    const first = lineAt(found.index);
    const lines = found[0].replace(/\*\/$/, '').split('\n');
    comments.push(
      ...lines.map((line, index) => ({
        line: first + index,
        text: line.replace(/^\s*(\/\/+|\/\*+|\*)?\s?/, '').trimEnd(),
      })),
    );
  }
  return comments;
}
