import { Heading, LinkButton, State, Table } from '../../shared/pages/components.tsx';
import { catalogue } from '../../shared/pages/language.ts';
import type { ReconciliationPagesDeps } from './reconciliation-pages.tsx';

const differenceTexts = catalogue(
  {
    title: 'What differs',
    back: 'To the date',
    searched: 'Searched',
    notSearched: 'Not searched yet: the branch is asked as soon as it answers.',
    more: 'There may be more than is listed here.',
    operation: 'Operation',
    point: 'Point',
    heldBy: 'Who has it',
    none: 'Nothing was found that differs.',
    holders: {
      branch: 'The branch alone',
      'head-office': 'Head office alone',
      both: 'Both, but not the same',
    },
  },
  {
    title: 'В чём различие',
    back: 'К дню',
    searched: 'Проверено',
    notSearched: 'Ещё не проверено: филиал будет опрошен, как только ответит.',
    more: 'Здесь может быть показано не всё.',
    operation: 'Операция',
    point: 'Шаг',
    heldBy: 'У кого есть',
    none: 'Различий не найдено.',
    holders: {
      branch: 'Только у филиала',
      'head-office': 'Только у центра',
      both: 'У обоих, но разное',
    },
  },
);

export const differencesPath = '/reconciliation/differences';

/** The legs in which a branch's totals of a date are not head office's own. */
export function dayDifferencePages({
  pages,
  reconciliation,
  today,
}: ReconciliationPagesDeps): void {
  pages.page({ path: differencesPath, permission: 'reconciliation.read' }, async (view) => {
    const words = view.words(differenceTexts);
    const { date = today(), branch = '' } = view.query;
    const { searchedAt, whole, items } = await reconciliation.listDifferences(view.c, {
      params: { businessDate: date, branch },
    });
    const content = (
      <>
        <Heading title={`${words.title}: ${branch}, ${view.format.date(date)}`}>
          <LinkButton href={`/reconciliation?date=${date}`}>{words.back}</LinkButton>
        </Heading>
        <p class="soft">
          {searchedAt === null
            ? words.notSearched
            : `${words.searched} ${view.format.moment(searchedAt)}`}
        </p>
        {searchedAt === null || whole ? null : (
          <p>
            <State tone="warn">{words.more}</State>
          </p>
        )}
        <Table
          {...{ caption: words.title, empty: words.none, rows: items }}
          columns={[
            {
              label: words.operation,
              cell: ({ operationId, attempt }) => `${operationId} / ${attempt}`,
            },
            { label: words.point, cell: ({ point }) => point },
            { label: words.heldBy, cell: ({ heldBy }) => words.holders[heldBy] },
          ]}
        />
      </>
    );
    return { title: words.title, content };
  });
}
