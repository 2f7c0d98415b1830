import type { Place } from './crash-place.ts';

const rotation = 'branch-node/keys/key-rotation.ts';
const headOfficeKeys = 'central-node/directory/head-office-keys.ts';
const authority = 'central-node/directory/authority-service.ts';
const files = 'shared/store/adopted-files.ts';

/** Between the steps by which keys and authorities change while everything runs. */
export const keyMoments: readonly Place[] = [
  {
    name: 'new keys: made, not announced',
    file: rotation,
    before: 'const csrPem = createRequest({ code, keyPem: keys.tlsKeyPem });',
    errand: 'new keys',
  },
  {
    name: 'new keys: announced, their certificate not kept',
    file: rotation,
    after: 'assertCertificateFor({ certPem, caPem, keyPem: keys.tlsKeyPem, code });',
    errand: 'new keys',
  },
  {
    name: 'new keys: known to all, not adopted',
    file: rotation,
    before: 'adoptNextFiles(dir);',
    errand: 'new keys',
  },
  {
    name: 'new keys: one of their files adopted',
    file: files,
    after: 'replaceFile(join(dir, name), readFileSync(join(next, name)));',
    errand: 'new keys',
  },
  {
    name: 'new keys: used, head office not told',
    file: rotation,
    before: "assertGranted(await post('/peer/v1/keys/adoption', { signingKey }));",
    errand: 'new keys',
  },
  {
    name: 'new keys: head office has them, no certificate yet',
    file: 'central-node/directory/enrolment-service.ts',
    after: 'await takeKeys(tx, { node: code, signing: next.signingKey.x, tls }, now(clock));',
    node: 'centre',
    errand: 'new keys',
  },
  {
    name: 'new key of head office: made, not announced',
    file: headOfficeKeys,
    after: 'const next = await makeNext();',
    node: 'centre',
    errand: 'new key of head office',
  },
  {
    name: 'new key of head office: its statement saved, not adopted',
    file: headOfficeKeys,
    before: 'deps.adopted(await adoptNextIdentity(dir));\n        await endOthers();',
    node: 'centre',
    errand: 'new key of head office',
  },
  {
    name: 'new key of head office: adopted, the old one not ended',
    file: headOfficeKeys,
    before: 'const x = xOf(deps.identity());\n        await store.write(',
    node: 'centre',
    errand: 'new key of head office',
  },
  {
    name: 'new authority: its files marked, none adopted',
    file: files,
    before: 'for (const name of readdirSync(next)) {',
    node: 'centre',
    errand: 'new authority',
  },
  {
    name: 'new authority: in its files, no certificate renewed',
    file: authority,
    before: 'await deps.renewIdentity();',
    node: 'centre',
    errand: 'new authority',
  },
  {
    name: "new authority: head office's certificate renewed, nobody told",
    file: authority,
    after: 'await deps.renewIdentity();',
    node: 'centre',
    errand: 'new authority',
  },
  {
    name: 'end of an authority: in its files, nobody told',
    file: 'central-node/directory/authority.ts',
    after: "replaceFile(join(deps.dir, formerFile), Buffer.from(''));",
    node: 'centre',
    errand: 'end of an authority',
  },
];
