import { createPrivateKey } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Authorities,
  type Authority,
  certificatesIn,
  createAuthority,
  linkAuthority,
  parseCertificate,
  trustedPem,
} from '../../shared/federation/certificates.ts';
import type { Ids } from '../../shared/ids/ids.ts';
import { finishAdopting, replaceFiles } from '../../shared/store/adopted-files.ts';
import { replaceFile } from '../../shared/store/durable-file.ts';
import type { Clock } from '../../shared/time/clock.ts';

const certFile = 'ca-cert.pem';
const keyFile = 'ca-key.pem';
const linkFile = 'ca-link.pem';
const formerFile = 'ca-former.pem';
const authorityValidDays = 3_650;

export interface AuthorityFiles {
  readonly dir: string;
  readonly clock: Clock;
  readonly ids: Ids;
}

/**
 * The federation's authority from its files, made on the first start. A directory with one of
 * the two files is refused: a new authority would cut off every branch.
 */
export async function openAuthority(deps: AuthorityFiles): Promise<Authorities> {
  const { dir } = deps;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  finishAdopting(dir);
  const [certPem, keyPem] = await Promise.all([read(dir, certFile), read(dir, keyFile)]);
  if (certPem !== undefined && keyPem !== undefined) {
    if (!parseCertificate(certPem).checkPrivateKey(createPrivateKey(keyPem))) {
      throw new Error(`${certFile} and ${keyFile} in ${dir} do not belong together`);
    }
    return { certPem, keyPem, ...(await followed(dir)) };
  }
  if (certPem !== undefined || keyPem !== undefined) {
    const missing = certPem === undefined ? certFile : keyFile;
    throw new Error(`${missing} is missing in ${dir}: restore it from the backup`);
  }
  const authority = await newAuthority(deps);
  // Both or none: one alone is refused for ever.
  replaceFiles(dir, { [keyFile]: authority.keyPem, [certFile]: authority.certPem });
  return authority;
}

/**
 * A new authority. The one before it stays believed, and vouches for the new one; but one whose key
 * is in wrong hands does neither.
 */
export async function rollAuthority(
  deps: AuthorityFiles,
  former: Authorities,
  { stolen }: { stolen: boolean },
): Promise<Authorities> {
  const issuing = await newAuthority(deps);
  const linkPem = stolen ? '' : linkAuthority({ ...deps, former, issuing });
  replaceFiles(deps.dir, {
    [keyFile]: issuing.keyPem,
    [certFile]: issuing.certPem,
    [linkFile]: linkPem,
    [formerFile]: stolen ? '' : trustedPem(former),
  });
  return openAuthority(deps);
}

/** Earlier authorities are believed no more. */
export function retireAuthorities(deps: AuthorityFiles): Promise<Authorities> {
  replaceFile(join(deps.dir, formerFile), Buffer.from(''));
  return openAuthority(deps);
}

function newAuthority(deps: AuthorityFiles): Promise<Authority> {
  const commonName = 'SBMS Federation CA';
  return createAuthority({ ...deps, commonName, validDays: authorityValidDays });
}

async function followed(dir: string): Promise<Pick<Authorities, 'linkPem' | 'formerPems'>> {
  const [linkPem, former] = await Promise.all([read(dir, linkFile), read(dir, formerFile)]);
  const formerPems = certificatesIn(former ?? '').map(String);
  return {
    ...(linkPem ? { linkPem } : {}),
    // There from the first succession on, even if it names none.
    ...(former === undefined ? {} : { formerPems }),
  };
}

async function read(dir: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(dir, name), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
