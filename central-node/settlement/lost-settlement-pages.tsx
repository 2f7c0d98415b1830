import type { Ids } from '../../shared/ids/ids.ts';
import {
  Button,
  Field,
  Heading,
  Notice,
  Panel,
  State,
  Table,
} from '../../shared/pages/components.tsx';
import type { Pages, Shown } from '../../shared/pages/pages.tsx';
import type { View } from '../../shared/pages/view.ts';
import type { LostSettlementEndpoints } from './lost-settlement-routes.ts';
import { lostSettlementTexts } from './lost-settlement-texts.ts';

const path = '/lost-settlements';

type Lost = Awaited<ReturnType<LostSettlementEndpoints['listLostSettlements']>>['items'][number];
type Position = Lost['positions'][number];

export interface LostSettlementPagesDeps {
  readonly pages: Pages;
  readonly settlement: LostSettlementEndpoints;
  readonly ids: Ids;
}

/** Where people no longer wait for a branch: one proposes, another approves, what the other branch holds decides. */
export function lostSettlementPages({ pages, settlement, ids }: LostSettlementPagesDeps): void {
  pages.page({ path, permission: 'settlement.read' }, show);

  async function show(view: View): Promise<Shown> {
    const words = view.words(lostSettlementTexts);
    const { items } = await settlement.listLostSettlements(view.c);
    const content = (
      <>
        <Heading title={words.title} />
        <p class="hint">{items.length === 0 ? words.none : words.about}</p>
        {items.map((lost) => (
          <Positions {...{ view, ids, lost }} />
        ))}
      </>
    );
    return { title: words.title, content, next: null };
  }

  const keyOf = (view: View) => view.form.key ?? ids.uuid();
  const paramsOf = (view: View) => ({ id: view.params.id ?? '' });

  const propose = async (view: View): Promise<Shown> => {
    const { branch = '', peer = '', without = '', reason = '' } = view.form;
    const body = { branch, peer, without, reason };
    await settlement.proposeLostDecision(view.c, {
      ...{ params: paramsOf(view), body, key: keyOf(view) },
    });
    return { goTo: path };
  };
  pages.action({ path: `${path}/:id/decisions`, permission: 'settlement.make' }, propose, show);

  const approve = async (view: View): Promise<Shown> => {
    const body = { proposal: view.form.proposal ?? '' };
    await settlement.approveLostDecision(view.c, {
      ...{ params: paramsOf(view), body, key: keyOf(view) },
    });
    return { goTo: path };
  };
  const approval = `${path}/:id/decisions/approval`;
  pages.action({ path: approval, permission: 'settlement.check' }, approve, show);
}

function Positions({ view, ids, lost }: { view: View; ids: Ids; lost: Lost }) {
  const words = view.words(lostSettlementTexts);
  const { money, count, moment } = view.format;
  return (
    <>
      <Table
        {...{ caption: words.caption(moment(lost.madeAt)), empty: words.bringing }}
        rows={lost.positions}
        columns={[
          { label: words.pair, cell: pairOf },
          { label: words.count, isNumber: true, cell: (row) => count(row.count) },
          { label: words.known, isNumber: true, cell: ({ known }) => count(known) },
          { label: words.net, isNumber: true, cell: ({ net }) => money(net) },
          { label: words.says, cell: (row) => <Sides view={view} position={row} /> },
        ]}
      />
      {lost.positions.map((position) => (
        <Panel title={words.decision(pairOf(position))}>
          <Decision {...{ view, ids, position }} id={lost.id} />
        </Panel>
      ))}
    </>
  );
}

const pairOf = ({ branch, peer }: Position) => `${branch}\u00a0–\u00a0${peer}`;

function Sides({ view, position }: { view: View; position: Position }) {
  const words = view.words(lostSettlementTexts);
  return (
    <div>
      {position.sides.map(({ branch, gone, said }) => (
        <p>
          <State tone={gone ? 'bad' : said === null ? 'busy' : said === 'found' ? 'good' : 'warn'}>
            {`${branch}${gone ? `, ${words.gone}` : ''}: ${words.said[said ?? 'silent']}`}
          </State>
        </p>
      ))}
    </div>
  );
}

interface DecisionProps {
  readonly view: View;
  readonly ids: Ids;
  readonly id: string;
  readonly position: Position;
}

function Decision({ view, ids, id, position }: DecisionProps) {
  const words = view.words(lostSettlementTexts);
  const { decision } = position;
  return (
    <div class="stack">
      {decision?.approvedBy ? (
        <State tone={decision.followed ? 'busy' : 'warn'}>
          {decision.followed ? words.approved(decision.approvedBy) : words.overtaken}
        </State>
      ) : decision ? (
        <Proposal {...{ view, ids, id, position, decision }} />
      ) : null}
      {view.may('settlement.make') ? <Proposing {...{ view, ids, id, position }} /> : null}
    </div>
  );
}

function Proposal(props: DecisionProps & { decision: NonNullable<Position['decision']> }) {
  const { view, ids, id, position, decision } = props;
  const words = view.words(lostSettlementTexts);
  const side = position.sides.find(({ branch }) => branch === decision.without);
  const outcome = side?.outcomeWithout;
  return (
    <form class="stack" method="post" action={`${path}/${id}/decisions/approval`}>
      <input type="hidden" name="key" value={ids.uuid()} />
      <input type="hidden" name="proposal" value={decision.id} />
      <Notice tone="warn">
        {words.proposed(decision.without, decision.madeBy)}: {decision.reason}
      </Notice>
      <p class="hint">{outcome ? words.outcomes[outcome] : words.waits}</p>
      {view.may('settlement.check') ? <Button>{words.approve}</Button> : null}
    </form>
  );
}

function Proposing({ view, ids, id, position }: DecisionProps) {
  const words = view.words(lostSettlementTexts);
  const approved = position.decision?.followed ? position.decision.without : undefined;
  const possible = position.sides.filter(
    ({ branch, mute, outcomeWithout }) => mute && outcomeWithout && branch !== approved,
  );
  if (possible.length === 0 && approved) return null;
  if (possible.length === 0) return <p class="hint">{words.waits}</p>;
  return (
    <>
      {possible.map(({ branch, outcomeWithout }) => (
        <details>
          <summary>{`${words.without} ${branch}`}</summary>
          <form class="stack" method="post" action={`${path}/${id}/decisions`}>
            <input type="hidden" name="key" value={ids.uuid()} />
            <input type="hidden" name="branch" value={position.branch} />
            <input type="hidden" name="peer" value={position.peer} />
            <input type="hidden" name="without" value={branch} />
            <p class="hint">{outcomeWithout ? words.outcomes[outcomeWithout] : words.waits}</p>
            <Field
              {...{ label: words.reason, name: 'reason', required: true, maxlength: 500 }}
              id={`reason-${position.branch}-${position.peer}-${branch}`}
            />
            <p class="hint">{words.other}</p>
            <Button kind="danger">{words.propose}</Button>
          </form>
        </details>
      ))}
    </>
  );
}
