import { expect } from 'chai';
import { createOperationJournal } from '../../../branch-node/operations/operation-journal.ts';
import { listCases } from '../../../central-node/reconciliation/case-store.ts';
import { systemIds } from '../../../shared/ids/ids.ts';
import { accounts } from '../../../shared/ledger/ledger.ts';
import { factSha256 } from '../../../shared/wire/fact.ts';
import { acceptedBody, type LogEntry, logEntry } from '../../../shared/wire/peer-messages.ts';
import { federationKeys } from '../../support/federation-keys.ts';
import { createNetwork, until } from '../branch-subscribers/branches-fixture.ts';
import { operationEntries } from '../central-settlement/entries-fixture.ts';
import { msk, openBranch, openHeadOffice, spb } from '../central-settlement/settlement-fixture.ts';

const dates = ['2025-07-01', '2025-07-02'] as const;

/**
 * MSK sent a payment after its number to SPB, was set back to before that without knowing it, and (while SPB and head
 * office were away) heard the first home's refusal again, on a later date: it sends it after its number once more.
 */
describe('a payment that follows its number twice, on two dates', () => {
  it('is the same fact for head office', async () => {
    const keys = await federationKeys([msk, spb]);
    const hq = await openHeadOffice({ keys, network: createNetwork(), branches: [msk, spb] });
    try {
      const story = operationEntries({ attempt: 2 });
      const { operation, details } = acceptedBody.parse(story.accepted().body);
      let seq = 500;
      let today: string = dates[0];
      const journal = createOperationJournal({
        federation: {
          log: {
            append: async (_tx: unknown, draft: object) => {
              seq += 1;
              const at = '2025-07-01T09:00:00.000Z';
              return logEntry.parse({
                node: msk,
                epoch: 'e'.repeat(32),
                seq,
                id: systemIds.uuid(),
                recordedAt: at,
                ...draft,
              });
            },
          } as never,
        },
        kindOf: (kind) => ({ kind }) as never,
        businessDate: async () => today as never,
      });
      const follow = (): Promise<LogEntry> =>
        journal.tell({} as never, 'accepted', operation as never, { details });
      const first = await follow();
      today = dates[1];
      const again = await follow();
      const decided = (accepted: LogEntry): LogEntry => {
        const made = story.executed();
        return { ...made, body: { ...made.body, details: { accepted: factSha256(accepted) } } };
      };
      await hq.tell(first, decided(first));
      expect(await hq.store.read((tx) => listCases(tx, { limit: 10 }))).to.deep.equal([]);
      // Told once more; its home branch answers once more, and names what it was shown now.
      await hq.tell(again, decided(again));
      const cases = await hq.store.read((tx) => listCases(tx, { limit: 10 }));
      expect(cases.map(({ kind, detail }) => `${kind}: ${detail}`)).to.deep.equal([]);
    } finally {
      await hq.close();
    }
  });
});

describe('a payment whose number has gone back to the branch that said it had gone', () => {
  it('is asked of that branch once more', async () => {
    const common = {
      ...{ keys: await federationKeys([msk, spb]), network: createNetwork() },
      branches: [msk, spb],
    };
    const refusals: (typeof msk)[] = [msk];
    const home = await openBranch({ ...common, node: spb, movedTo: () => refusals.pop() });
    const serving = await openBranch({ ...common, node: msk, movedTo: () => spb });
    try {
      const { id } = await serving.pay('79210000001', '5.00');
      await until(async () => (await serving.isConcluded(id)) || undefined);
      const record = await serving.store.read((tx) => serving.operations.store.find(tx, id));
      expect(record).to.include({ home: spb, attempt: 2 });
      expect(record?.decision?.outcome).to.equal('executed');
      expect((await serving.balances())[accounts.clearing(spb)]).to.equal(-500n);
      expect((await home.balances())[accounts.clearing(msk)]).to.equal(500n);
    } finally {
      await Promise.all([home.close(), serving.close()]);
    }
  });
});
