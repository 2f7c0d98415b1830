import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type NodeCode, nodeCodePattern } from '../ids/ids.ts';
import { type KeySet, parseKeySet } from '../reference/release-keys.ts';
import type { StorePlace } from '../store/open-store.ts';
import { sha256 } from '../wire/canonical.ts';

/** A node's environment, parsed once. */
export interface NodeConfig {
  readonly code: NodeCode;
  readonly dataDir: string;
  readonly identityDir: string;
  readonly storeUrl: string;
  readonly storeAuthToken?: string;
  readonly storeAdminUrl?: string;
  readonly storeReplica?: { readonly url: string; readonly isAwaited: boolean };
  readonly sentinel: string;
  /** Lost when the machine is started anew; absent where nothing of that kind is to be had. */
  readonly mark?: string;
  readonly front: {
    readonly host: string;
    readonly port: number;
    /** How people reach it. */
    readonly url: string;
    readonly tls?: { readonly certPem: string; readonly keyPem: string };
    readonly allowPlain: boolean;
    /** Addresses of our own proxies before it. */
    readonly proxies: readonly string[];
    /** Opens `/metrics` to other machines. */
    readonly metricsToken?: string;
  };
  readonly peer: { readonly host: string; readonly port: number; readonly url: string };
  /** The IANA time zone of business dates until reference data says another. */
  readonly timeZone: string;
  /** How many backups are kept in `backups` of the data folder. */
  readonly backupsKept: number;
  /** Who has to sign releases beside head office, if anybody; pinned from the beginning. */
  readonly releaseKeys?: KeySet;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

const maxPort = 65_535;
const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number')
  .transform(Number)
  .refine((number) => number <= maxPort, 'must be a port number');
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const addresses = z
  .string()
  .transform((text) => text.split(',').map((address) => address.trim()))
  .refine((all) => all.every((address) => isIP(address) > 0), 'must be IP addresses, with commas');
const timeZone = z.string().refine(isTimeZone, 'must be an IANA time zone');

/** The variables that both kinds of nodes read. */
export const nodeEnvironment = z.object({
  NODE_CODE: z.string().regex(nodeCodePattern, 'must be 2 to 8 capitals'),
  DATA_DIR: z.string().min(1),
  IDENTITY_DIR: z.string().min(1).optional(),
  STORE_URL: z
    .string()
    .regex(/^(file:|https?:\/\/)/, 'must be file:PATH or http(s)://HOST')
    .optional(),
  STORE_ADMIN_URL: z.url({ protocol: /^https?$/ }).optional(),
  STORE_REPLICA_URL: z.url({ protocol: /^https?$/ }).optional(),
  STORE_DURABLE: z.enum(['server', 'replica']).default('server'),
  STORE_AUTH_TOKEN_FILE: z.string().min(1).optional(),
  STORE_SENTINEL: z.string().min(1).optional(),
  STORE_MARK: z.string().optional(),
  FRONT_HOST: z.string().min(1).default('127.0.0.1'),
  FRONT_PORT: port,
  FRONT_URL: z.url({ protocol: /^https?$/ }),
  FRONT_TLS_CERT_FILE: z.string().min(1).optional(),
  FRONT_TLS_KEY_FILE: z.string().min(1).optional(),
  FRONT_ALLOW_PLAIN: flag.default(false),
  FRONT_PROXIES: addresses.default([]),
  METRICS_TOKEN_FILE: z.string().min(1).optional(),
  PEER_HOST: z.string().min(1).default('127.0.0.1'),
  PEER_PORT: port,
  PEER_URL: z.url({ protocol: /^https$/ }),
  RELEASE_KEYS_FILE: z.string().min(1).optional(),
  TIME_ZONE: timeZone.default('Europe/Moscow'),
  BACKUPS_KEPT: z
    .string()
    .regex(/^[1-9]\d{0,2}$/, 'must be 1 to 999')
    .transform(Number)
    .default(7),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions() !== undefined;
  } catch {
    return false;
  }
}

/** Something for whoever wrote the environment to mend. */
export class EnvironmentFault extends Error {
  override readonly name = 'EnvironmentFault';
}

/** @throws EnvironmentFault naming every variable that is wrong, all at once. */
export function parseEnvironment<S extends z.ZodType>(
  schema: S,
  environment: NodeJS.ProcessEnv,
): z.output<S> {
  const parsed = schema.safeParse(environment);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path: [name = 'environment'], message }) => {
    const isSet = environment[String(name)] !== undefined;
    return `  ${String(name)}: ${isSet ? message : 'is not set'}`;
  });
  throw new EnvironmentFault(`The environment is not complete:\n${lines.join('\n')}`);
}

const memoryFolder = '/dev/shm';
const nameDigits = 16;

/**
 * Two nodes of one machine, or two places of one node, have nothing of each other; two names of one place have the same,
 * or the older one would speak for a store that has gone on since.
 */
function markOf({ STORE_MARK: given, NODE_CODE: code }: MarkVariables, dataDir: string) {
  if (given !== undefined) return given === '' ? {} : { mark: resolve(given) };
  if (!existsSync(memoryFolder)) return {};
  const place = existsSync(dataDir) ? realpathSync(dataDir) : dataDir;
  return { mark: join(memoryFolder, `sbms-${code}-${sha256(place).slice(0, nameDigits)}`) };
}

type MarkVariables = Pick<z.output<typeof nodeEnvironment>, 'STORE_MARK' | 'NODE_CODE'>;

export function nodeConfigOf(variables: z.output<typeof nodeEnvironment>): NodeConfig {
  const dataDir = resolve(variables.DATA_DIR);
  const certFile = variables.FRONT_TLS_CERT_FILE;
  const keyFile = variables.FRONT_TLS_KEY_FILE;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new EnvironmentFault('FRONT_TLS_CERT_FILE and FRONT_TLS_KEY_FILE go together');
  }
  const tls =
    certFile && keyFile
      ? { certPem: readSecret(certFile), keyPem: readSecret(keyFile) }
      : undefined;
  const replicaUrl = variables.STORE_REPLICA_URL;
  const isAwaited = variables.STORE_DURABLE === 'replica';
  if (isAwaited && replicaUrl === undefined) {
    throw new EnvironmentFault('STORE_DURABLE=replica needs STORE_REPLICA_URL');
  }
  const tokenFile = variables.STORE_AUTH_TOKEN_FILE;
  const metricsFile = variables.METRICS_TOKEN_FILE;
  return {
    // The pattern was checked above.
    code: variables.NODE_CODE as NodeCode,
    dataDir,
    identityDir: resolve(variables.IDENTITY_DIR ?? join(dataDir, 'identity')),
    storeUrl: variables.STORE_URL ?? `file:${join(dataDir, 'store.db')}`,
    ...(tokenFile ? { storeAuthToken: readSecret(tokenFile).trim() } : {}),
    ...(variables.STORE_ADMIN_URL ? { storeAdminUrl: variables.STORE_ADMIN_URL } : {}),
    ...(replicaUrl ? { storeReplica: { url: replicaUrl, isAwaited } } : {}),
    sentinel: resolve(variables.STORE_SENTINEL ?? join(dataDir, 'sentinel')),
    ...markOf(variables, dataDir),
    front: {
      host: variables.FRONT_HOST,
      port: variables.FRONT_PORT,
      url: variables.FRONT_URL,
      ...(tls ? { tls } : {}),
      allowPlain: variables.FRONT_ALLOW_PLAIN,
      proxies: variables.FRONT_PROXIES,
      ...(metricsFile ? { metricsToken: readToken(metricsFile) } : {}),
    },
    peer: { host: variables.PEER_HOST, port: variables.PEER_PORT, url: variables.PEER_URL },
    timeZone: variables.TIME_ZONE,
    ...(variables.RELEASE_KEYS_FILE
      ? { releaseKeys: parseKeySet(readSecret(variables.RELEASE_KEYS_FILE)) }
      : {}),
    backupsKept: variables.BACKUPS_KEPT,
    logLevel: variables.LOG_LEVEL,
  };
}

export function storePlaceOf(config: NodeConfig): StorePlace {
  const { storeUrl: url, storeAuthToken: authToken, storeAdminUrl: adminUrl } = config;
  const { sentinel, mark } = config;
  return {
    ...{ url, sentinel },
    ...(mark === undefined ? {} : { mark }),
    ...(authToken === undefined ? {} : { authToken }),
    ...(adminUrl === undefined ? {} : { adminUrl }),
    ...(config.storeReplica === undefined ? {} : { replica: config.storeReplica }),
  };
}

function readSecret(file: string): string {
  if (!existsSync(file)) throw new Error(`${file} does not exist`);
  return readFileSync(file, 'utf8');
}

/** @throws Error for an empty one: it would let everybody in. */
function readToken(file: string): string {
  const token = readSecret(file).trim();
  if (token === '') throw new Error(`${file} holds no token`);
  return token;
}
