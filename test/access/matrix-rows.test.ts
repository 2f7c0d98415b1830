import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openBranch } from '../../branch-node/branch.ts';
import { readBranchConfig } from '../../branch-node/config.ts';
import { openCentre } from '../../central-node/centre.ts';
import { readCentreConfig } from '../../central-node/config.ts';
import type { NodeCode } from '../../shared/ids/ids.ts';
import { assetPath } from '../../shared/store/assets.ts';
import { operationKinds } from '../../shared/wire/operation-kinds.ts';
import { federationKeys } from '../support/federation-keys.ts';
import {
  doorRoutes,
  frontRows,
  isAsset,
  operationRows,
  pageRows,
  peerRows,
  signedInNeeds,
} from './access-matrix.ts';
import { documentedNeedsOf, frontRoutesOf, peerRoutesOf } from './registered-routes.ts';

const code = 'MSK' as NodeCode;

function environmentOf(folder: string, node: string) {
  return {
    NODE_CODE: node,
    DATA_DIR: join(folder, node),
    FRONT_PORT: '1',
    FRONT_URL: 'http://127.0.0.1:1',
    PEER_PORT: '2',
    PEER_URL: 'https://127.0.0.1:2',
    CENTRE_URL: 'https://127.0.0.1:3',
    LOG_LEVEL: 'silent',
  };
}

/** Part of `npm run check`: nodes are wired here, and not started. */
describe('the access matrix', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sbms-matrix-'));

  async function wired(kind: 'branch' | 'centre') {
    const keys = await federationKeys([code]);
    if (kind === 'centre') return openCentre(readCentreConfig(environmentOf(folder, 'HQ')));
    const loadIdentity = async () => keys.identity(code);
    return openBranch(readBranchConfig(environmentOf(folder, code)), { loadIdentity });
  }

  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const kind of ['branch', 'centre'] as const) {
    it(`has a row for every route of a ${kind}, and no other`, async () => {
      const node = await wired(kind);
      const front = frontRoutesOf(node);
      const peers = peerRoutesOf(node);
      const documented = documentedNeedsOf(node);
      await node.store.close();
      const table = [...frontRows[kind], ...pageRows[kind], ...peerRows[kind]];
      const rows = [...doorRoutes, ...table.map(({ route }) => route)];
      const routes = [...front, ...peers].filter((route) => !isAsset(route));
      expect({
        routesWithoutRow: routes.filter((route) => !rows.includes(route)),
        rowsWithoutRoute: rows.filter((route) => !routes.includes(route)),
      }).to.deep.equal({ routesWithoutRow: [], rowsWithoutRoute: [] });
      for (const { route, needs } of frontRows[kind]) {
        const said = documented.get(route) ?? (needs === 'machine' ? 'machine' : 'public');
        expect(`${route}: ${said}`).to.equal(`${route}: ${needs}`);
      }
    }).timeout(60_000);
  }

  it('has a row for every kind of operation', () => {
    expect(operationRows.map(({ kind }) => kind)).to.have.members(Object.keys(operationKinds));
  });

  it('needs nothing that no role has', () => {
    const text = readFileSync(assetPath('reference-data/roles.csv'), 'utf8');
    const given = new Set(text.split('\n').map((line) => line.split(',').slice(1).join(' ')));
    for (const kind of ['branch', 'centre'] as const) {
      for (const { route, needs } of [...frontRows[kind], ...pageRows[kind]]) {
        if (['public', 'machine', ...signedInNeeds].includes(needs)) continue;
        expect(given.has(`${kind} ${needs}`), `${kind} ${route}`).to.equal(true);
      }
    }
  });
});
