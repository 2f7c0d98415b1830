import { join, resolve } from 'node:path';
import { z } from 'zod';
import {
  type NodeConfig,
  nodeConfigOf,
  nodeEnvironment,
  parseEnvironment,
} from '../shared/node/node-config.ts';

export interface CentreConfig extends NodeConfig {
  /** Where the federation's certificate authority is kept. */
  readonly authorityDir: string;
  /** How long a leg may wait for its partner before a case is opened. */
  readonly caseGraceMs: number;
}

const defaultCaseGraceMs = 15 * 60_000;

const centreEnvironment = nodeEnvironment.extend({
  NODE_CODE: z.literal('HQ').default('HQ'),
  AUTHORITY_DIR: z.string().min(1).optional(),
  CASE_GRACE_MS: z
    .string()
    .regex(/^\d{1,9}$/, 'must be milliseconds')
    .transform(Number)
    .default(defaultCaseGraceMs),
});

/** @throws Error naming every variable that is wrong, all at once. */
export function readCentreConfig(environment: NodeJS.ProcessEnv): CentreConfig {
  const variables = parseEnvironment(centreEnvironment, environment);
  const config = nodeConfigOf(variables);
  return {
    ...config,
    authorityDir: resolve(variables.AUTHORITY_DIR ?? join(config.dataDir, 'authority')),
    caseGraceMs: variables.CASE_GRACE_MS,
  };
}
