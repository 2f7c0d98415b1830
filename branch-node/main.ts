import { runNode } from '../shared/node/run.ts';
import { openBranch } from './branch.ts';
import { readBranchConfig } from './config.ts';

await runNode(() => openBranch(readBranchConfig(process.env)));
