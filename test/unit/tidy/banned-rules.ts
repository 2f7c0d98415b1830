import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import {
  isCallExpression,
  isClassDeclaration,
  isPrefixUnaryExpression,
} from 'typescript/unstable/ast/is';
import { eachSource, isTest, type Source } from './tree.ts';

// `any` and the non-null `!` are Biome's to find.

const silenced = eachSource(
  'silences the compiler nowhere, but where a test means what it refuses, and says so',
  ({ path, comments }) =>
    comments
      .filter(({ text }) => /^@ts-(ignore|nocheck|expect-error)\b/.test(text))
      .filter(({ text }) => !(isTest(path) && /^@ts-expect-error\W+\w{3}/.test(text)))
      .map(({ line, text }) => ({ line, what: text })),
);

const unfinished = eachSource('leaves nothing to be done', ({ comments }) =>
  comments
    .filter(({ text }) => /\b(TODO|FIXME|XXX|HACK)\b/.test(text))
    .map(({ line, text }) => ({ line, what: text })),
);

const code = new RegExp(
  [
    /^(import|export|const|let|var|return|throw|await|if|for|while|function|async)\b.*[;{]$/,
    /^[\w.]+\(.*\);$/,
    /^[\w.]+ = .*;$/,
    /^\}[;)]*$/,
  ]
    .map(({ source }) => source)
    .join('|'),
);

const commentedOut = eachSource('keeps no code in comments', ({ comments }) =>
  comments
    .filter(({ text }) => code.test(text.trim()))
    .map(({ line, text }) => ({ line, what: text })),
);

function calls({ nodes, ast, lineAt }: Source, isBanned: (callee: string) => boolean) {
  return nodes.filter(isCallExpression).flatMap((node) => {
    const callee = node.expression.getText(ast);
    return isBanned(callee) ? [{ line: lineAt(node.end), what: `${callee}()` }] : [];
  });
}

// A test that cannot run where it stands says why and calls `this.skip()`.
const leftOut = eachSource('leaves out no test', (source) => {
  const left = /^(describe|it|context|suite|specify|test)\.(only|skip)$|^x(describe|it|context)$/;
  return isTest(source.path) ? calls(source, (callee) => left.test(callee)) : [];
});

const printed = eachSource('prints to the console in tests only', (source) =>
  isTest(source.path) ? [] : calls(source, (callee) => callee.startsWith('console.')),
);

const money = /amount|balance|money|price|debt|sums?(?![a-z])/i;

/** What a node makes a number of, if it makes one. */
function counted(node: Node, { ast }: Source): string | undefined {
  if (isPrefixUnaryExpression(node) && node.operator === SyntaxKind.PlusToken) {
    return node.operand.getText(ast);
  }
  if (!isCallExpression(node)) return undefined;
  const isNumber = /^(Number|(Number\.)?parse(Float|Int))$/.test(node.expression.getText(ast));
  return isNumber ? node.arguments.map((one) => one.getText(ast)).join() : undefined;
}

const moneyNumbers = eachSource('makes no number of money', (source) => {
  if (isTest(source.path)) return [];
  return source.nodes.flatMap((node) => {
    const what = counted(node, source);
    return what !== undefined && money.test(what)
      ? [{ line: source.lineAt(node.end), what: node.getText(source.ast) }]
      : [];
  });
});

const floats = eachSource('parses no floating-point numbers', (source) =>
  isTest(source.path) ? [] : calls(source, (callee) => /^(Number\.)?parseFloat$/.test(callee)),
);

const classes = eachSource('has no classes but errors', ({ path, nodes, ast, lineAt }) =>
  nodes
    .filter(isClassDeclaration)
    .filter((node) => !isTest(path) && !/\bextends (\w*Error)\b/.test(node.getText(ast)))
    .map((node) => ({ line: lineAt(node.getStart(ast)), what: `class ${node.name?.text}` })),
);

export const bannedRules = {
  silenced,
  unfinished,
  commentedOut,
  leftOut,
  printed,
  moneyNumbers,
  floats,
  classes,
};
