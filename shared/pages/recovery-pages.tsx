import type { AdministrationEndpoints } from '../node/administration.ts';
import { Button, Facts, Field, Notice, Panel, State } from './components.tsx';
import { catalogue } from './language.ts';
import type { Pages, Shown } from './pages.tsx';
import type { View } from './view.ts';

const recoveryTexts = catalogue(
  {
    title: 'What this node may have forgotten',
    state: 'State',
    setBack: 'Set back',
    started: 'Started',
    certain: 'Certain of its past',
    recovering:
      'Takes money in, decides and pays out nothing until all have given back what they hold of it.',
    uncertain:
      'Gives out no card, no number and no money, and settles nothing, until all have answered once.',
    over: 'All have answered: nothing is waited for.',
    answered: 'Answered',
    awaited: 'Waits for',
    nobody: 'nobody yet',
    none: 'nobody',
    end: 'End the waiting',
    warning:
      'Only for a node that does not come back: what it alone knows is lost then, and what it has paid out may be paid out again. Two people say so, each for himself.',
    second: 'Somebody has said so already. With you the waiting ends.',
    given: 'You have said so. A second person who may do so ends the waiting.',
    reason: 'Reason',
    reasonHint: 'At least 10 characters; it stays in the audit trail.',
  },
  {
    title: 'Что этот узел мог забыть',
    state: 'Состояние',
    setBack: 'Вернулся назад',
    started: 'Запущен',
    certain: 'Помнит всё',
    recovering:
      'Принимает деньги, но ничего не решает и не выплачивает, пока все не вернут, что у них есть.',
    uncertain:
      'Не выдаёт ни карт, ни номеров, ни денег и ничего не рассчитывает, пока все не ответят хотя бы раз.',
    over: 'Все ответили: ждать некого.',
    answered: 'Ответили',
    awaited: 'Ждёт ответа от',
    nobody: 'пока никто',
    none: 'никого',
    end: 'Больше не ждать',
    warning:
      'Только если узел не вернётся: то, что знал лишь он, пропадёт, а выплаченное им может быть выплачено ещё раз. Решают двое, каждый сам.',
    second: 'Один сотрудник уже так решил. С вашим решением узел перестанет ждать.',
    given:
      'Вы так решили. Узел перестанет ждать, когда это подтвердит второй сотрудник с этим правом.',
    reason: 'Причина',
    reasonHint: 'Не меньше 10 знаков; останется в журнале действий.',
  },
);

type Recovery = Awaited<ReturnType<AdministrationEndpoints['getRecovery']>>;

/** Whom a node waits for before it is certain of its past, and how two people end the waiting: a part of its page. */
export function recoveryPages(deps: {
  pages: Pages;
  endpoints: Pick<AdministrationEndpoints, 'getRecovery' | 'overrideRecovery'>;
  /** The page that it stands on. */
  path: string;
  show: (view: View) => Promise<Shown>;
}) {
  const { pages, endpoints, path } = deps;
  const own = `${path}/recovery`;

  const end = async (view: View): Promise<Shown> => {
    const { reason = '' } = view.form;
    await endpoints.overrideRecovery(view.c, { body: { reason } });
    return { goTo: path };
  };
  pages.action({ path: own, permission: 'recovery.override' }, end, deps.show);
  pages.fragment({ path: own, permission: 'stream.read' }, async (view) => (
    <Waiting {...{ view, own, recovery: await endpoints.getRecovery(view.c) }} />
  ));

  return async (view: View) => {
    const words = view.words(recoveryTexts);
    const recovery = await endpoints.getRecovery(view.c);
    if (recovery.certain && !recovery.recovering) return null;
    return (
      <Panel title={words.title}>
        <Waiting {...{ view, own, recovery }} />
        {view.may('recovery.override') ? <EndForm {...{ view, own, recovery }} /> : null}
      </Panel>
    );
  };
}

/** Renews itself beside the form, which keeps what is typed. */
function Waiting({ view, own, recovery }: { view: View; own: string; recovery: Recovery }) {
  const words = view.words(recoveryTexts);
  const { recovering, certain, answered, awaited } = recovery;
  const [tone, state, told] = recovering
    ? (['bad', words.setBack, words.recovering] as const)
    : certain
      ? (['good', words.certain, words.over] as const)
      : (['busy', words.started, words.uncertain] as const);
  const renews = { 'hx-get': own, 'hx-trigger': 'every 5s', 'hx-swap': 'outerHTML' };
  return (
    <div class="stack" {...(tone === 'good' ? {} : renews)}>
      <p>{told}</p>
      <Facts
        facts={[
          [words.state, <State tone={tone}>{state}</State>],
          [words.answered, answered.join(', ') || words.nobody],
          [words.awaited, awaited.join(', ') || words.none],
        ]}
      />
    </div>
  );
}

function EndForm({ view, own, recovery }: { view: View; own: string; recovery: Recovery }) {
  const words = view.words(recoveryTexts);
  const { overriddenBy } = recovery;
  if (overriddenBy.includes(view.principal.operatorId)) {
    return <Notice tone="busy">{words.given}</Notice>;
  }
  return (
    <details open={view.form.reason !== undefined}>
      <summary>{words.end}</summary>
      <form class="stack" method="post" action={own}>
        <p>{words.warning}</p>
        {overriddenBy.length > 0 ? <p>{words.second}</p> : null}
        <Field
          {...{ label: words.reason, name: 'reason', hint: words.reasonHint }}
          {...{ required: true, minlength: 10, maxlength: 500, value: view.form.reason ?? '' }}
        />
        <Button kind="danger">{words.end}</Button>
      </form>
    </details>
  );
}
