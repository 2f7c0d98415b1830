import { runNode } from '../shared/node/run.ts';
import { openCentre } from './centre.ts';
import { readCentreConfig } from './config.ts';

await runNode(() => openCentre(readCentreConfig(process.env)));
