import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { z } from 'zod';
import { publicKeyOf, publicSigningKey, signingKeyId } from '../../shared/federation/identity.ts';
import { print } from '../../shared/node/command-line.ts';
import type { Caller } from '../../shared/node/running-node.ts';
import { type ReleaseManifest, releaseManifest } from '../../shared/reference/release.ts';
import { approvableRelease } from '../../shared/reference/release-approval.ts';
import {
  approvableKeySet,
  approvalType,
  approve,
  keySetType,
  parseKeySet,
} from '../../shared/reference/release-keys.ts';
import { sha256 } from '../../shared/wire/canonical.ts';

const releaseFile = z.object({
  manifest: releaseManifest,
  contents: z.record(z.string(), z.string()),
});
const privateKey = publicSigningKey.extend({ d: z.string() });

type CallHere = (caller: Caller, request: { path: string; body: object }) => Promise<unknown>;

interface Preparing extends Caller {
  readonly nextKeys?: string;
  readonly approval?: string[];
}

/** What the holders of release keys do, on machines without any node, and what head office does with it. */
export function addReleaseKeyCommands(program: Command, callHere: CallHere): void {
  offlineCommands(program.command('release-keys').description('keys that sign releases offline'));

  program
    .command('prepare-release <file>')
    .description('make the draft of the running node a file for the holders of release keys')
    .requiredOption('--login <login>', 'an operator who may publish')
    .option('--password-file <file>', 'instead of standard input')
    .option('--next-keys <set>', 'the key set that counts from this release on')
    .option('--approval <files...>', "signatures of the next key set by the present one's keys")
    .action(async (file: string, options: Preparing) => {
      const body = await nextKeysOf(options);
      const prepared = await callHere(options, { path: '/api/v1/prepared-releases', body });
      await writeFile(file, JSON.stringify(prepared), { flag: 'wx' });
      const { version } = releaseFile.parse(prepared).manifest;
      print(`Release ${version} is in ${file}: give it to the holders of release keys.`);
    });

  program
    .command('approve-release <signature>')
    .description("hand a release key's signature to the running node")
    .requiredOption('--login <login>', 'an operator who may publish')
    .option('--password-file <file>', 'instead of standard input')
    .action(async (file: string, caller: Caller) => {
      const body = { approval: (await readFile(file, 'utf8')).trim() };
      const path = '/api/v1/prepared-releases/current/approvals';
      const answer = z.object({ signed: z.int(), needed: z.int() });
      const { signed, needed } = answer.parse(await callHere(caller, { path, body }));
      print(`${signed} of ${needed} signatures.`);
    });
}

function offlineCommands(keys: Command): void {
  keys
    .command('create <file>')
    .description('make a release key: the private one into the file, the public one beside it')
    .action(async (file: string) => {
      const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
      const key = privateKey.parse(pick(await exportJWK(pair.privateKey)));
      await writeFile(file, JSON.stringify(key), { flag: 'wx', mode: 0o600 });
      await writeFile(`${file}.pub`, JSON.stringify(publicKeyOf(key)), { flag: 'wx' });
      print(`${file}.pub: ${await signingKeyId(key)}`);
    });

  keys
    .command('combine <file> <public...>')
    .description('make the key set that is given to every node')
    .requiredOption('--threshold <count>', 'how many of them have to sign')
    .option('--version <number>', 'one more than that of the set before', '1')
    .action(
      async (file: string, files: string[], options: { threshold: string; version: string }) => {
        const list = await Promise.all(files.map(readJson));
        const { threshold, version } = options;
        const made = { version: Number(version), threshold: Number(threshold), keys: list };
        const text = JSON.stringify(parseKeySet(JSON.stringify(made)), null, 2);
        await writeFile(file, `${text}\n`, { flag: 'wx' });
        print(`${file}: ${threshold} of ${list.length}`);
      },
    );

  keys
    .command('sign <release> <signature>')
    .description('look at a prepared release and sign it; needs no node and no network')
    .requiredOption('--key <file>', 'the private release key')
    .action(async (release: string, signature: string, options: { key: string }) => {
      const { manifest, contents } = releaseFile.parse(await readJson(release));
      for (const line of summaryOf(manifest, contents)) print(line);
      const key: JWK = privateKey.parse(await readJson(options.key));
      await writeFile(signature, await approve(key, approvalType, approvableRelease(manifest)));
      print(`Signed by ${await signingKeyId(key)}: ${signature}`);
    });

  keys
    .command('sign-keys <set> <signature>')
    .description('sign the next key set with a key of the present one')
    .requiredOption('--key <file>', 'the private release key')
    .action(async (set: string, signature: string, options: { key: string }) => {
      const next = parseKeySet(await readFile(set, 'utf8'));
      const key: JWK = privateKey.parse(await readJson(options.key));
      await writeFile(signature, await approve(key, keySetType, approvableKeySet(next)));
      print(`Key set ${next.version} is signed by ${await signingKeyId(key)}: ${signature}`);
    });
}

const pick = ({ kty, crv, x, d }: JWK) => ({ kty, crv, x, d });

async function readJson(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, 'utf8'));
}

async function nextKeysOf({ nextKeys, approval = [] }: Preparing): Promise<object> {
  if (nextKeys === undefined) return {};
  const approvals = await Promise.all(approval.map((file) => readFile(file, 'utf8')));
  const keySet = parseKeySet(await readFile(nextKeys, 'utf8'));
  return { nextKeys: { keySet, approvals: approvals.map((text) => text.trim()) } };
}

/** What is signed, for human eyes. @throws Error for a content that is not what the manifest says. */
function summaryOf(
  manifest: ReleaseManifest,
  contents: Readonly<Record<string, string>>,
): string[] {
  const { version, previous, effectiveFrom, datasets, keySets = [] } = manifest;
  const newest = keySets.at(-1)?.keySet;
  return [
    `Release ${version} after ${previous ?? 'none'}, in force from ${effectiveFrom}`,
    ...(newest
      ? [`Release keys ${newest.version}: ${newest.threshold} of ${newest.keys.length}`]
      : []),
    ...Object.entries(datasets).map(([name, { sha256: hash, rows }]) => {
      const text = contents[hash];
      if (text === undefined || sha256(text) !== hash) throw new Error(`${name} is not as listed`);
      return `${name.padEnd(20)} ${String(rows).padStart(8)} rows  ${hash}`;
    }),
  ];
}
