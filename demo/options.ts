import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';

/** The eight regions of the demo operator; a federation takes the first so many of them. */
export const branchCodes = ['MSK', 'SPB', 'NSK', 'EKB', 'KZN', 'ROV', 'SAM', 'KHB'] as const;

const defaultBranches = 3;
const defaultPortBase = 7400;
const maxPort = 65_535;
const portsPerNode = 10;

export interface StartOptions {
  readonly dataDir: string;
  readonly branches: readonly string[];
  readonly portBase: number;
  readonly fresh: boolean;
  readonly numbering?: string;
}

/** What `npm start -- …` was given. */
export function parseOptions(argv: readonly string[]): StartOptions {
  const command = new Command('npm start --')
    .description('Brings up a whole federation on this machine: head office and its branches.')
    .option('--data <dir>', 'where the state is kept and found again', 'data')
    .option(
      '--branches <count>',
      `how many branches, 1 to ${branchCodes.length}`,
      branchCount,
      defaultBranches,
    )
    .option('--port-base <port>', 'the first port; a node takes two', portBase, defaultPortBase)
    .option('--numbering <file>', 'the public numbering registry instead of the demo plan')
    .option('--fresh', 'forget the state and start over', false)
    .parse(argv, { from: 'user' });
  const options = command.opts<{
    data: string;
    branches: number;
    portBase: number;
    numbering?: string;
    fresh: boolean;
  }>();
  return {
    dataDir: resolve(options.data),
    branches: branchCodes.slice(0, options.branches),
    portBase: options.portBase,
    fresh: options.fresh,
    ...(options.numbering === undefined ? {} : { numbering: resolve(options.numbering) }),
  };
}

function branchCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > branchCodes.length) {
    throw new InvalidArgumentError(`must be from 1 to ${branchCodes.length}`);
  }
  return count;
}

function portBase(text: string): number {
  const port = Number(text);
  const last = port + portsPerNode * (branchCodes.length + 1);
  if (!Number.isInteger(port) || port < 1024 || last > maxPort) {
    throw new InvalidArgumentError('must be a port from 1024 on, with room for all nodes above it');
  }
  return port;
}

/** Head office is node 0. */
export function portsOf(base: number, index: number): { front: number; peer: number } {
  const front = base + index * portsPerNode;
  return { front, peer: front + 1 };
}
