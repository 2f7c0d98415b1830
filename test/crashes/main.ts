import { Command, InvalidArgumentError } from 'commander';
import { seeded } from '../../demo/business-day.ts';
import { crashPoints, migrationPoints } from './crash-points.ts';
import { type KillTally, killAtRandom } from './kills.ts';
import { crashAtPoints, crashInMigrations } from './points.ts';

/** `npm run crashes`: real processes that kill themselves or are killed, and what is left of what they answered. */

const killsPerFederation = 250;
const say = (line: string): void => {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
};

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('must be a number');
  return number;
}

const options = new Command('npm run crashes --')
  .option('--kills <count>', 'SIGKILL so often at random', count, 0)
  .option('--points', 'once at each named point')
  .option('--only <text>', 'only at points with this in their name', '')
  .option('--together <points>', 'so many points between judgements', count, 4)
  .option('--judge-every <kills>', 'hold answers against stores so often', count, 50)
  .option('--branches <count>', 'branches beside head office', count, 3)
  .option('--seed <number>', 'of who, when and what', count, Date.now() % 1_000_000)
  .parse()
  .opts<{
    points?: true;
    only: string;
    together: number;
    kills: number;
    judgeEvery: number;
    branches: number;
    seed: number;
  }>();

async function kills(): Promise<void> {
  const total = { kills: 0, whileStarting: 0, answered: 0, repeats: 0, judgements: 0 };
  for (let seed = options.seed; total.kills < options.kills; seed += 1) {
    const left = Math.min(killsPerFederation, options.kills - total.kills);
    say(`federation of seed ${seed}: ${left} kills`);
    const { branches, judgeEvery } = options;
    const tally: KillTally = await killAtRandom({
      ...{ kills: left, branches, judgeEvery, random: seeded(seed), say },
    });
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += tally[key];
    say(`in all ${JSON.stringify(total)}; of this federation ${JSON.stringify(tally.byNode)}`);
  }
}

async function points(): Promise<void> {
  const chosen = [crashPoints, migrationPoints].map((list) =>
    list.filter(({ name }) => name.includes(options.only)),
  );
  const [inFederation = [], inMigrations = []] = chosen;
  const { together, seed } = options;
  const found = await crashAtPoints({
    ...{ points: inFederation, together, random: seeded(seed), say },
  });
  if (inMigrations.length > 0) await crashInMigrations(inMigrations, say);
  say(`${inFederation.length + inMigrations.length} points, ${found.length} findings`);
  if (found.length > 0) throw new Error(found.join('\n'));
}

say(`seed ${options.seed}`);
if (options.points) await points();
await kills();
