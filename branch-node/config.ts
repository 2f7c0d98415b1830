import { z } from 'zod';
import {
  type NodeConfig,
  nodeConfigOf,
  nodeEnvironment,
  parseEnvironment,
} from '../shared/node/node-config.ts';

export interface BranchConfig extends NodeConfig {
  /** Head office's peer address: where the directory of all the others comes from. */
  readonly centreUrl: string;
}

const branchEnvironment = nodeEnvironment.extend({
  CENTRE_URL: z.url({ protocol: /^https$/ }),
});

/** @throws Error naming every variable that is wrong, all at once. */
export function readBranchConfig(environment: NodeJS.ProcessEnv): BranchConfig {
  const variables = parseEnvironment(branchEnvironment, environment);
  return { ...nodeConfigOf(variables), centreUrl: variables.CENTRE_URL };
}
