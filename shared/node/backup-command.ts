import { existsSync } from 'node:fs';
import { copyFile, link, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { namedFile } from '../store/embedded-store.ts';
import { openAsItIs } from '../store/open-store.ts';
import { backupRecord, readRecord } from './backups.ts';
import { print } from './command-line.ts';
import { type NodeConfig, storePlaceOf } from './node-config.ts';
import { type Caller, callRunningNode } from './running-node.ts';

const backupMaxMs = 60 * 60_000;

export function addBackupCommand(program: Command, config: () => NodeConfig): void {
  program
    .command('backup [file]')
    .description(
      'take a copy of the running node, or without --login write one of the stopped node; the file is a name for it',
    )
    .option('--login <login>', 'an operator of the running node who may take backups')
    .option('--password-file <file>', 'instead of standard input')
    .action((file: string | undefined, { login, passwordFile }: Partial<Caller>) => {
      const caller = login && { login, ...(passwordFile ? { passwordFile } : {}) };
      if (caller) return backUpRunning(config(), caller, file);
      if (file === undefined) throw new Error('name the file, or --login for the running node');
      return backUpStopped(config(), file);
    });
}

/** Opening would make a new node: what was meant is another folder. @throws Error that names the file. */
export function assertStoreThere({ storeUrl }: NodeConfig): void {
  const path = namedFile(storeUrl);
  if (path !== undefined && !existsSync(path)) throw new Error(`${path} is not there`);
}

/** As it is: before an upgrade the newer version takes it, and must not have begun with that. */
async function backUpStopped(config: NodeConfig, file: string): Promise<void> {
  assertStoreThere(config);
  const store = await openAsItIs(storePlaceOf(config)).catch((error: Error) => {
    const { message, cause } = error;
    throw new Error(`${message}; of a running node, --login takes the copy`, { cause });
  });
  try {
    print(`${file}: SHA-256 ${await store.backup(file)}`);
  } finally {
    await store.close();
  }
}

/** The node writes into its own folder, where it keeps the newest ones; the file is one more name for that copy. */
async function backUpRunning(
  config: NodeConfig,
  caller: Caller,
  file: string | undefined,
): Promise<void> {
  const target = file === undefined ? undefined : resolve(file);
  if (target !== undefined) await assertBackupOrNothing(target);
  const request = { method: 'POST', path: '/api/v1/backups', maxMs: backupMaxMs } as const;
  const taken = backupRecord.parse(await callRunningNode(config.front, caller, request));
  const { bytes, sha256, log } = taken;
  print(`${taken.file}: ${bytes} bytes, looked through, no fault`);
  print(`SHA-256 ${sha256}, newest entry ${log.epoch}/${log.seq}`);
  if (target === undefined) return;
  await giveName(taken.file, target);
  print(`Also as ${target}`);
}

/** A mistyped name takes the place of no other file, least of all of the store; nor does its record. */
async function assertBackupOrNothing(target: string): Promise<void> {
  const there = ['', '.json'].map((end) => target + end).filter((path) => existsSync(path));
  if (there.length === 0 || (await readRecord(`${target}.json`))) return;
  throw new Error(`${there[0]} is there and is no backup with its record: name another file`);
}

/** An earlier backup of that name stays until this one is there whole. */
async function giveName(file: string, target: string): Promise<void> {
  const parts = ['', '.json'].map((end) => ({ draft: `${target}${end}.draft`, end }));
  try {
    for (const { draft, end } of parts) {
      await rm(draft, { force: true });
      await link(file + end, draft).catch(() => copyFile(file + end, draft));
    }
    await rm(`${target}.json`, { force: true });
    for (const { draft, end } of parts) await rename(draft, target + end);
  } finally {
    for (const { draft } of parts) await rm(draft, { force: true });
  }
}
