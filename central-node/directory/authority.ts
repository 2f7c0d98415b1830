import { createPrivateKey } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Authority,
  createAuthority,
  parseCertificate,
} from '../../shared/federation/certificates.ts';
import type { Ids } from '../../shared/ids/ids.ts';
import { replaceFile } from '../../shared/store/durable-file.ts';
import type { Clock } from '../../shared/time/clock.ts';

const certFile = 'ca-cert.pem';
const keyFile = 'ca-key.pem';
const authorityValidDays = 3_650;

/**
 * The federation's authority from its files, made on the first start. A directory with one of
 * the two files is refused: a new authority would cut off every branch.
 */
export async function openAuthority(deps: {
  dir: string;
  clock: Clock;
  ids: Ids;
}): Promise<Authority> {
  const { dir } = deps;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const [certPem, keyPem] = await Promise.all([read(dir, certFile), read(dir, keyFile)]);
  if (certPem !== undefined && keyPem !== undefined) {
    if (!parseCertificate(certPem).checkPrivateKey(createPrivateKey(keyPem))) {
      throw new Error(`${certFile} and ${keyFile} in ${dir} do not belong together`);
    }
    return { certPem, keyPem };
  }
  if (certPem !== undefined || keyPem !== undefined) {
    const missing = certPem === undefined ? certFile : keyFile;
    throw new Error(`${missing} is missing in ${dir}: restore it from the backup`);
  }
  const authority = await createAuthority({
    ...deps,
    commonName: 'SBMS Federation CA',
    validDays: authorityValidDays,
  });
  replaceFile(join(dir, keyFile), Buffer.from(authority.keyPem));
  replaceFile(join(dir, certFile), Buffer.from(authority.certPem));
  return authority;
}

async function read(dir: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(dir, name), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
