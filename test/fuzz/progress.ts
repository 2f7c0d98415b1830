import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { outcomesText, type Report, type Target } from './campaign.ts';

const done = z.object({ name: z.string(), kind: z.string(), inputs: z.int() });

/** Which targets are through, in a file of one JSON object a line: a campaign may be stopped and go on. */
export function openProgress(path: string | undefined) {
  const text = path !== undefined && existsSync(path) ? readFileSync(path, 'utf8') : '';
  const rows = text
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [done.parse(JSON.parse(line))]));
  const names = new Set(rows.map(nameOf));

  return {
    has: (target: Pick<Target, 'name' | 'kind'>) => names.has(nameOf(target)),
    note({ outcomes, ...report }: Report, seed: number): void {
      names.add(nameOf(report));
      if (path === undefined) return;
      const row = { ...report, seed, outcomes: outcomesText(outcomes) };
      appendFileSync(path, `${JSON.stringify(row)}\n`);
    },
    inputs: () => rows.reduce((sum, { inputs }) => sum + inputs, 0),
  };
}

export function nameOf({ name, kind }: { name: string; kind: string }): string {
  return `${name} ${kind}`;
}
