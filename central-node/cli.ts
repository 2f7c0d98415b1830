import { Command } from 'commander';
import { z } from 'zod';
import { type BundleScope, bundleScope } from '../shared/audit/bundle.ts';
import { print, runCommands } from '../shared/node/command-line.ts';
import { addNodeCommands, changeStoppedNode } from '../shared/node/node-commands.ts';
import { type Caller, callRunningNode, withRunningNode } from '../shared/node/running-node.ts';
import { writeBundle } from './audit/bundle-file.ts';
import { type Centre, migrations, openCentre } from './centre.ts';
import { readCentreConfig } from './config.ts';
import { addAuthorityCommands } from './directory/authority-commands.ts';
import { runImportNumbering } from './reference/import-numbering-command.ts';
import { createOfflineImport } from './reference/offline-import.ts';
import { addReleaseKeyCommands } from './reference/release-key-commands.ts';

const program = new Command('sbms-centre').description(
  "Head office's node. It is configured by its environment; see the README's table.",
);

const invitations = z.object({
  items: z.array(z.object({ id: z.string(), code: z.string(), createdBy: z.string() })),
});

const openQuietly = () => openCentre({ ...readCentreConfig(process.env), logLevel: 'error' });

addNodeCommands(program, {
  open: ({ quiet } = { quiet: false }) =>
    quiet ? openQuietly() : openCentre(readCentreConfig(process.env)),
  config: () => readCentreConfig(process.env),
  migrations: async () => migrations,
});

program
  .command('import <folder>')
  .description("put a folder's reference data into the stopped node's draft")
  .action((folder: string) =>
    withCentre(async (centre) => {
      const { rows, ignored } = await createOfflineImport(centre).folder(folder);
      for (const [name, count] of Object.entries(rows)) print(`${name.padEnd(20)} ${count}`);
      for (const file of ignored) print(`${file}: no data set, left alone`);
    }),
  );

program
  .command('import-numbering <file>')
  .description("turn the operator's ranges of the public numbering registry into home branches")
  .requiredOption('--inn <inn>', "the operator's tax number in the registry")
  .requiredOption('--regions <file>', 'which branch serves which region: region;branch')
  .option('--dry-run', 'change nothing', false)
  .option('--json', 'print the result as JSON', false)
  .action(
    async (
      file: string,
      options: { inn: string; regions: string; dryRun: boolean; json: boolean },
    ) => {
      process.exitCode = await runImportNumbering({
        file,
        regionsFile: options.regions,
        inn: options.inn,
        dryRun: options.dryRun,
        json: options.json,
        apply: (result) =>
          withCentre((centre) => createOfflineImport(centre).numbering(result, options.inn)),
        out: print,
      });
    },
  );

program
  .command('invite <code>')
  .description('ask the running node for the one-time token with which a branch enrols')
  .requiredOption('--login <login>', 'an operator who may enrol branches')
  .option('--password-file <file>', 'instead of standard input')
  .action(async (code: string, caller: Caller) => {
    const request = { path: '/api/v1/enrolment-tokens', body: { code } };
    print(z.object({ token: z.string() }).parse(await callHere(caller, request)).token);
  });

program
  .command('admit <code>')
  .description("make a branch's token good that another person asked for, and may not alone")
  .requiredOption('--invited-by <login>', 'who asked for it')
  .requiredOption('--login <login>', 'another operator who may enrol branches')
  .option('--password-file <file>', 'instead of standard input')
  .action(async (code: string, caller: Caller & { readonly invitedBy: string }) => {
    const { front } = readCentreConfig(process.env);
    await withRunningNode(front, caller, async (call) => {
      const listed = await call({ method: 'GET', path: '/api/v1/enrolment-tokens' });
      const found = invitations
        .parse(listed)
        .items.find((each) => each.code === code && each.createdBy === caller.invitedBy);
      if (!found) throw new Error(`No invitation of ${code} by ${caller.invitedBy} waits.`);
      const body = { invitation: found.id };
      await call({ method: 'POST', path: `/api/v1/nodes/${code}/admission`, body });
    });
    print(`The token of ${code} is good.`);
  });

program
  .command('rekey <code>')
  .description("end all keys of a branch at once; prints the token for 'sbms-branch enrol --again'")
  .requiredOption('--login <login>', 'an operator who may re-key branches')
  .option('--password-file <file>', 'instead of standard input')
  .action(async (code: string, caller: Caller) => {
    const request = { path: `/api/v1/nodes/${code}/rekeying`, body: {} };
    print(z.object({ token: z.string() }).parse(await callHere(caller, request)).token);
  });

program
  .command('publish')
  .description("make the running node's draft the next release of the reference data")
  .requiredOption('--login <login>', 'an operator who may publish')
  .option('--password-file <file>', 'instead of standard input')
  .action(async (caller: Caller) => {
    const request = { path: '/api/v1/reference-releases', body: {} };
    const { version } = z.object({ version: z.int() }).parse(await callHere(caller, request));
    print(`Release ${version} is published.`);
  });

addReleaseKeyCommands(program, callHere);

interface ExportOptions extends BundleScope {
  readonly login?: string;
  readonly passwordFile?: string;
}

program
  .command('export-audit [file]')
  .description(
    'write what proves a period, an operation or a settlement to a third party; of the running node with --login, into its data folder',
  )
  .option('--from <date>', 'the first business date')
  .option('--to <date>', 'the last business date')
  .option('--branch <code>', 'of a period: this branch alone')
  .option('--operation <id>')
  .option('--settlement <id>')
  .option('--login <login>', 'an operator who may export')
  .option('--password-file <file>', 'instead of standard input')
  .action(async (file: string | undefined, options: ExportOptions) => {
    const { login, passwordFile, ...wish } = options;
    const scope = bundleScope.parse(wish);
    if (login !== undefined) {
      const caller = { login, ...(passwordFile === undefined ? {} : { passwordFile }) };
      const request = { path: '/api/v1/audit-bundles', body: scope };
      print(z.object({ file: z.string() }).parse(await callHere(caller, request)).file);
      return;
    }
    if (file === undefined)
      throw new Error('name the file, or the operator who asks a running node');
    await withCentre((centre) => writeBundle(file, centre.bundles.lines(scope)));
  });

addAuthorityCommands(program, () => readCentreConfig(process.env));

const withCentre = (work: (centre: Centre) => Promise<void>) =>
  changeStoppedNode(openQuietly, work);

/** The running node is reached where people reach it. */
function callHere(caller: Caller, request: { path: string; body: object }): Promise<unknown> {
  const { front } = readCentreConfig(process.env);
  return callRunningNode(front, caller, { method: 'POST', ...request });
}

await runCommands(program);
