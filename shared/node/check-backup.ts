import { setPriority } from 'node:os';
import { checkBackup } from './backup-check.ts';

// A process of its own: the node that made the copy goes on serving people meanwhile.
setPriority(19);
process.stdout.write(JSON.stringify(await checkBackup(String(process.argv[2]))));
