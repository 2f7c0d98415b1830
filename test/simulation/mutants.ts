import type { SourcePatch } from '../support/patches.ts';
import type { WorkKind } from './desk-work.ts';
import { foundMutants } from './found-mutants.ts';
import { ruleMutants } from './rule-mutants.ts';
import { slipMutants } from './slip-mutants.ts';
import type { TroubleKind } from './troubles.ts';

/** One rule of the product switched off, by name. The simulation must see it missed. */
export interface Mutant {
  readonly name: string;
  readonly changes: readonly Omit<SourcePatch, 'name'>[];
  /** What its seeds have for certain, so that fewer are needed. */
  readonly troubles?: readonly TroubleKind[];
  readonly work?: readonly WorkKind[];
}

export const mutants: readonly Mutant[] = [...ruleMutants, ...foundMutants, ...slipMutants];

export function patchesOf({ name, changes }: Mutant): SourcePatch[] {
  return changes.map((change) => ({ name, ...change }));
}
