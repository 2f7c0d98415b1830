import { openStore } from '../../shared/store/open-store.ts';

/** A store with one table, written to under the recorder; a line for each write that is answered. */

const writes = 30;
const [url = '', sentinel = ''] = process.argv.slice(2);
const migrations = [{ room: 'web', directory: 'shared/web/migrations' }];
const { store } = await openStore({ url, sentinel, migrations });
for (let index = 0; index < writes; index += 1) {
  await store.write((tx) =>
    tx.run(
      `INSERT INTO idempotency_keys (principal, request, key, body_sha256, status, answer, stored_at)
       VALUES ('somebody', 'POST /', ?, '', 201, ?, '')`,
      `key-${index}`,
      'x'.repeat(2_000),
    ),
  );
  process.stdout.write(`key-${index}\n`);
}
await store.close();
