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

/**
 * An RSA key takes a third of a second of the processor, and a federation has one for each node and its authority. A run
 * makes these few, and its federations get them in turn; none has as many.
 */
const keysKept = 32;

const generate = promisify(crypto.generateKeyPair);
/** Each process begins with another. */
let taken = randomInt(keysKept);

/** From now on the RSA keys that this process asks for are those of a folder, made by whoever needs them first. */
export function keepRsaKeys(folder: string): void {
  const keptKey = (type: 'rsa', options: RSAKeyPairKeyObjectOptions) => {
    // What the web's cryptography asks for comes this way, too.
    if (type !== 'rsa') return generate(type, options);
    taken += 1;
    return rsaKey(join(folder, `${options.modulusLength}-${taken % keysKept}.pem`), options);
  };
  Object.assign(crypto.generateKeyPair, { [promisify.custom]: keptKey });
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
