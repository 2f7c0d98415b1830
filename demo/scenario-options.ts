import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';

const defaultPayments = 4_000;
const defaultSeed = 1;
const maxPayments = 1_000_000;

export interface ScenarioOptions {
  readonly dataDir: string;
  readonly payments: number;
  readonly seed: number;
  /** The real registry, imported into the running head office before the day begins. */
  readonly numbering?: string;
}

/** What `npm run scenario -- …` was given. */
export function parseScenarioOptions(argv: readonly string[]): ScenarioOptions {
  const command = new Command('npm run scenario --')
    .description('Plays a business day into a running federation, closes it and settles it.')
    .option('--data <dir>', 'the data folder of the running federation', 'data')
    .option('--payments <count>', 'how many payments', count, defaultPayments)
    .option('--seed <number>', 'the same seed plays the same day', count, defaultSeed)
    .option('--numbering <file>', 'import the public numbering registry first')
    .parse(argv, { from: 'user' });
  const options = command.opts<{
    data: string;
    payments: number;
    seed: number;
    numbering?: string;
  }>();
  return {
    dataDir: resolve(options.data),
    payments: options.payments,
    seed: options.seed,
    ...(options.numbering === undefined ? {} : { numbering: resolve(options.numbering) }),
  };
}

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > maxPayments) {
    throw new InvalidArgumentError(`must be from 1 to ${maxPayments}`);
  }
  return number;
}
