import type { Node } from 'typescript/unstable/ast';
import {
  isArrowFunction,
  isCallExpression,
  isFunctionExpression,
  isFunctionLikeDeclaration,
  isIdentifier,
  isPropertyAssignment,
  isVariableDeclaration,
  isVariableDeclarationList,
  isVariableStatement,
} from 'typescript/unstable/ast/is';
import { composes, eachSource, isTest, type Source } from './tree.ts';

const maxFileLines = 500;
const maxFunctionLines = 70;
/** Putting rooms together is one list of what is given to what: cut up, it says less. */
const maxComposingLines = 120;
const maxColumns = 100;
const maxCommentColumns = 125;

const files = eachSource(`has no file over ${maxFileLines} lines`, ({ lines }) => {
  const count = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  return count > maxFileLines ? [{ line: count, what: `${count} lines` }] : [];
});

/**
 * A factory is as long as the functions that it makes; what is measured is what each function says
 * itself. A function that is handed to a call at once is a part of what is said, unless the call
 * makes an endpoint or a test of it.
 */
function standsAlone(node: Node, { path, ast }: Source): boolean {
  if (!isFunctionLikeDeclaration(node) || !('body' in node) || !node.body) return false;
  const isExpression = isArrowFunction(node) || isFunctionExpression(node);
  if (!isExpression || !isCallExpression(node.parent)) return true;
  const call = node.parent.expression.getText(ast);
  return (isTest(path) && /^(it|(before|after)(Each)?)$/.test(call)) || call === 'endpoint';
}

/** The whole of what declares the function, with its doc comment. */
function declarationOf(node: Node): Node {
  const { parent } = node;
  const belongs =
    (isVariableDeclaration(parent) && parent.initializer === node) ||
    (isPropertyAssignment(parent) && parent.initializer === node) ||
    isVariableDeclarationList(parent) ||
    isVariableStatement(parent);
  return belongs ? declarationOf(parent) : node;
}

function nameOf(node: Node): string {
  const named = [node, node.parent].find(
    (one): one is Node & { name: Node } => 'name' in one && one.name !== undefined,
  );
  return named && isIdentifier(named.name) ? named.name.text : 'function';
}

const functions = eachSource(
  `has no function over ${maxFunctionLines} lines of its own`,
  (source) => {
    const { lines, lineAt, ast } = source;
    const alone = source.nodes.filter((node) => standsAlone(node, source));
    return alone.flatMap((node) => {
      const [first, last] = [lineAt(node.getStart(ast)), lineAt(node.end)];
      // Functions nest: a line is taken away once.
      const others = new Set<number>();
      for (const inner of alone) {
        if (inner.pos <= node.pos || inner.end > node.end || inner === node) continue;
        const from = lineAt(declarationOf(inner).getFullStart()) + 1;
        for (let line = from; line <= lineAt(inner.end); line += 1) others.add(line);
      }
      const own = lines
        .slice(first - 1, last)
        .filter((text, index) => text.trim() !== '' && !others.has(first + index)).length;
      const what = `${nameOf(node)} has ${own} lines of its own`;
      return own > (composes(source.path) ? maxComposingLines : maxFunctionLines)
        ? [{ line: first, what }]
        : [];
    });
  },
);

const columns = eachSource(
  `has no line over ${maxColumns} columns but what cannot be broken`,
  ({ path, lines, comments, imports, literals, ast }) => {
    const commented = new Set(comments.map(({ line }) => line));
    const imported = new Set(imports.map(({ line }) => line));
    return lines.flatMap((text, index) => {
      const width = [...text].length;
      if (width <= maxColumns) return [];
      const [line, start] = [index + 1, ast.getPositionOfLineAndCharacter(index, 0)];
      const edge = start + maxColumns;
      const isText = literals.some((literal) => literal.start < edge && literal.end >= edge);
      const isTitle = isTest(path) && /^\s*(describe|it)\(/.test(text);
      const isFree = imported.has(line) || isText || isTitle || /https?:\/\//.test(text);
      const isWithin = commented.has(line) && width <= maxCommentColumns;
      return isFree || isWithin ? [] : [{ line, what: `${width} columns` }];
    });
  },
);

export const lengthRules = { files, functions, columns };
