import crypto, {
  createPrivateKey,
  createPublicKey,
  type KeyPairKeyObjectResult,
  type RSAKeyPairKeyObjectOptions,
  randomInt,
} from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** More than the federations have that a process runs at one time. */
const keysKept = 32;

const generate = promisify(crypto.generateKeyPair);
/** Each process begins with another. */
let taken = randomInt(keysKept);
let founding = 0;

/**
 * An RSA key takes a third of a second of the processor, and a federation is founded with one for each node and its
 * authority. A run of all tests makes a few of them, in the folder `TEST_KEYS`, and its federations get those in turn. Keys
 * that are made later, or by others, are new ones.
 */
export async function withKeptKeys<T>(found: () => Promise<T>): Promise<T> {
  const folder = process.env.TEST_KEYS;
  if (folder === undefined) return found();
  const keptKey = (type: 'rsa', options: RSAKeyPairKeyObjectOptions) => {
    // What the web's cryptography asks for comes this way, too.
    if (type !== 'rsa' || founding === 0) return generate(type, options);
    taken += 1;
    return rsaKey(join(folder, `${options.modulusLength}-${taken % keysKept}.pem`), options);
  };
  Object.assign(crypto.generateKeyPair, { [promisify.custom]: keptKey });
  founding += 1;
  try {
    return await found();
  } finally {
    founding -= 1;
  }
}

async function rsaKey(
  path: string,
  options: RSAKeyPairKeyObjectOptions,
): Promise<KeyPairKeyObjectResult> {
  if (!existsSync(path)) {
    const { privateKey } = await generate('rsa', options);
    const own = `${path}.${process.pid}`;
    writeFileSync(own, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    renameSync(own, path);
  }
  const privateKey = createPrivateKey(readFileSync(path));
  return { privateKey, publicKey: createPublicKey(privateKey) };
}
