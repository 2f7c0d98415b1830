import { readFile, stat } from 'node:fs/promises';
import { DomainError } from '../../shared/problem/problem.ts';
import {
  importNumbering,
  maxRegionsBytes,
  type NumberingImport,
  type NumberingSummary,
} from './numbering-import.ts';
import { maxRegistryBytes } from './numbering-registry.ts';

export interface ImportNumberingOptions {
  readonly file: string;
  readonly regionsFile: string;
  readonly inn: string;
  readonly json: boolean;
  readonly dryRun: boolean;
  /** Puts the plan into the draft; not called on a dry run or when anything is wrong. */
  readonly apply?: (result: NumberingImport) => Promise<void>;
  readonly out: (text: string) => void;
}

/** @returns the exit code: 0, or 1 for a bad file, an unknown region, no range of the operator. */
export async function runImportNumbering(options: ImportNumberingOptions): Promise<number> {
  const { out, json } = options;
  try {
    const result = importNumbering({
      registry: await readBounded(options.file, maxRegistryBytes),
      regions: await readBounded(options.regionsFile, maxRegionsBytes),
      inn: options.inn,
    });
    const fits = result.unknownRegions.length === 0 && result.taken > 0;
    if (fits && !options.dryRun) await options.apply?.(result);
    const summary = summaryOf(result);
    out(json ? JSON.stringify(summary) : table(summary, options));
    return fits ? 0 : 1;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const { code, message, errors } = error;
    if (json) out(JSON.stringify({ code, detail: message, errors }));
    else {
      out(`${message} Nothing was imported.`);
      for (const { field, message: why } of errors.slice(1)) out(`  ${field} ${why}`);
    }
    return 1;
  }
}

async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  const refuse = (why: string, cause?: unknown) =>
    new DomainError('invalid-input', `${path} ${why}.`, { cause });
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw refuse(`is over ${maxBytes} bytes`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw refuse('cannot be read', error);
  }
}

function summaryOf(result: NumberingImport): NumberingSummary {
  const { rows, taken, capacity, branches, unknownRegions } = result;
  return { rows, taken, capacity, branches, unknownRegions };
}

function table(
  summary: NumberingSummary,
  { dryRun, inn }: { readonly dryRun: boolean; readonly inn: string },
): string {
  const count = new Intl.NumberFormat('en-US');
  const line = (...[name, ranges, numbers]: readonly [string, string, string]): string =>
    name.padEnd(10) + ranges.padStart(10) + numbers.padStart(16);
  const body = Object.entries(summary.branches).map(([code, { ranges, capacity }]) =>
    line(code, count.format(ranges), count.format(capacity)),
  );
  return [
    line('branch', 'ranges', 'numbers'),
    ...body,
    line('total', count.format(summary.taken), count.format(summary.capacity)),
    '',
    `${count.format(summary.rows)} ranges in the registry, ${outcome(summary, dryRun, inn)}`,
    ...summary.unknownRegions.map((region) => `  ${region}`),
  ].join('\n');
}

function outcome(summary: NumberingSummary, dryRun: boolean, inn: string): string {
  if (summary.unknownRegions.length > 0) {
    return 'nothing imported: add these regions to the map of regions first:';
  }
  if (summary.taken === 0) return `nothing imported: none belongs to INN ${inn}.`;
  return dryRun ? 'nothing changed (dry run).' : 'imported into the draft.';
}
