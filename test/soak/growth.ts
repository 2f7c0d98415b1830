import Database from 'libsql';
import { cash, registerSubscriber, startFederation } from '../support/federation.ts';

/** What one payment leaves behind at each node, in bytes of a compact copy: `npm run growth`. */

const payments = 400;
const atOnce = 8;
const nodes = ['SPB', 'MSK', 'HQ'] as const;

const federation = await startFederation(['MSK', 'SPB']);

async function pay(msisdn: string): Promise<void> {
  const body = { msisdn, ...cash('10.00') };
  const { status } = await federation.branch('SPB').manager.post('/api/v1/payments', body);
  if (status !== 201) throw new Error(`a payment was answered ${status}`);
}

async function payAll(msisdn: string): Promise<void> {
  for (let paid = 0; paid < payments; paid += atOnce) {
    await Promise.all(Array.from({ length: atOnce }, () => pay(msisdn)));
  }
  await federation.untilQuiet();
}

async function bytesOf(code: string): Promise<number> {
  const copy = new Database(await federation.backup(code));
  const pragma = (name: string) =>
    Number(Object.values<unknown>(Object(copy.prepare(`PRAGMA ${name}`).get()))[0]);
  const bytes = (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
  copy.close();
  return bytes;
}

const sizes = () => Promise.all(nodes.map(bytesOf));

try {
  for (const home of ['MSK', 'SPB']) {
    const msisdn = await registerSubscriber(federation.branch(home));
    await payAll(msisdn);
    const before = await sizes();
    await payAll(msisdn);
    const after = await sizes();
    const grown = nodes.map((code, index) => {
      const bytes = ((after[index] ?? 0) - (before[index] ?? 0)) / payments;
      return `${code} ${Math.round(bytes)}`;
    });
    process.stdout.write(`a payment at SPB for ${home}, bytes: ${grown.join(', ')}\n`);
  }
} finally {
  await federation.stop();
}
