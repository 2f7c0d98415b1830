import { isNewExpression, isPropertyAccessExpression } from 'typescript/unstable/ast/is';
import { eachSource, type Import, isTest } from './tree.ts';

const isDemo = (path: string) => path.startsWith('demo/');

/** A statement, not a bare word: `DELETE` alone is an HTTP method. */
const sql =
  /^[`'"]\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|PRAGMA|WITH|BEGIN|SAVEPOINT|VACUUM|ATTACH)\s+\w/;

const sqlPlace = eachSource('has SQL in stores only', ({ path, literals, lineAt }) => {
  if (isTest(path) || /-store\.ts$|^shared\/store\//.test(path)) return [];
  return literals
    .filter(({ text }) => sql.test(text))
    .map(({ start, text }) => ({ line: lineAt(start), what: `SQL: ${text.slice(0, 40).trim()}` }));
});

const honoPlaces =
  /-(routes|pages|peer-app)\.tsx?$|\/web\/|^shared\/pages\/|\/main\.ts$|^shared\/federation\/peer-[^/]+$/;
/** What the API shows is described where it is made, with the one thing that describes. */
const descriptions = /-(view|answer|card)\.ts$/;

const honoPlace = eachSource('has Hono at its borders only', ({ path, imports }) => {
  if (isTest(path) || honoPlaces.test(path)) return [];
  const describes = ({ specifier, names }: Import) =>
    descriptions.test(path) && specifier === '@hono/zod-openapi' && String(names) === 'z';
  return imports
    .filter((one) => /^@?hono\b/.test(one.specifier) && !describes(one))
    .map(({ line, specifier }) => ({ line, what: `imports ${specifier}` }));
});

const undiciPlace = eachSource('has undici in shared/federation only', ({ path, imports }) => {
  if (isTest(path) || path.startsWith('shared/federation/')) return [];
  return imports
    .filter(({ specifier }) => specifier === 'undici')
    .map(({ line }) => ({ line, what: 'imports undici' }));
});

const timePlace = eachSource(
  'has time and chance from shared/time and shared/ids only',
  ({ path, nodes, ast, lineAt }) => {
    if (isTest(path) || isDemo(path) || /^shared\/(time|ids)\//.test(path)) return [];
    return nodes.flatMap((node) => {
      const isTaken =
        (isPropertyAccessExpression(node) &&
          /^(Date\.now|Math\.random)$/.test(node.getText(ast))) ||
        (isNewExpression(node) && node.expression.getText(ast) === 'Date');
      return isTaken ? [{ line: lineAt(node.end), what: node.getText(ast) }] : [];
    });
  },
);

export const placeRules = { sqlPlace, honoPlace, undiciPlace, timePlace };
