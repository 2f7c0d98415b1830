import { expect } from 'chai';
import { readDatasetFiles } from '../../../central-node/reference/dataset-files.ts';
import { changedRows } from '../../../central-node/reference/draft-rows.ts';
import { cellsOfRow, columnsOf, rowOfCells } from '../../../central-node/reference/row-cells.ts';
import { fieldComplaint, fieldName } from '../../../shared/pages/field-texts.ts';
import { type DomainError, isDomainError } from '../../../shared/problem/problem.ts';
import { editableDatasets } from '../../../shared/reference/datasets.ts';
import { assetPath } from '../../../shared/store/assets.ts';

const passport = { code: 'passport', name: 'Паспорт' };
const visa = { code: 'visa', name: 'Виза' };
const rows = [passport, visa];

function refusal(work: () => unknown): DomainError {
  try {
    work();
  } catch (error) {
    if (isDomainError(error)) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('a row of the draft', () => {
  const change = (before?: object, after?: object) =>
    changedRows('document-types', rows, { before, after });

  it('is added, changed and removed', () => {
    const added = { code: 'pension', name: 'Пенсионное' };
    expect(change(undefined, added)).to.deep.equal([...rows, added]);
    expect(change(visa, { ...visa, name: 'Вид' })).to.deep.equal([
      passport,
      { ...visa, name: 'Вид' },
    ]);
    expect(change(visa, { ...visa, code: 'v' })).to.deep.equal([passport, { ...visa, code: 'v' }]);
    expect(change(visa)).to.deep.equal([passport]);
  });

  it('is left alone when it is not as it was found', () => {
    for (const before of [{ ...visa, name: 'Вид' }, { code: 'gone', name: 'Нет' }, {}]) {
      expect(refusal(() => change(before, visa)).code).to.equal('row-changed');
      expect(refusal(() => change(before)).code).to.equal('row-changed');
    }
  });

  it('is refused at the field that is wrong', () => {
    const [twice] = refusal(() => change(passport, { ...passport, code: 'visa' })).errors;
    expect(twice).to.deep.equal({ field: 'code', message: 'is there twice' });
    const cap = { amount: '1', currency: 'RUB' };
    const wrong = { code: 'MSK', name: 'М', region: 'М', timeZone: 'Mars', netDebitCap: cap };
    const { errors } = refusal(() => changedRows('branches', [], { after: wrong }));
    expect(errors.map(({ field }) => field)).to.have.members(['timeZone', 'netDebitCap.amount']);
  });

  it('is the same after it was texts in a form', async () => {
    const { rows: demo } = await readDatasetFiles(assetPath('reference-data'));
    for (const [name, list] of demo) {
      const columns = columnsOf(name);
      for (const row of list) {
        expect(rowOfCells(columns, cellsOfRow(columns, row)), name).to.deep.equal(row);
      }
    }
  });

  it('has fields and complaints that a Russian reads in Russian', () => {
    const isRussian = (text: string) => /^(?:[а-яё]|SIM|SHA)/i.test(text);
    const values = [undefined, '', 'ы!', '-1.00', 'x'.repeat(10_000), 12, 99_999_999];
    for (const name of editableDatasets) {
      for (const column of columnsOf(name)) {
        expect(fieldName('ru', column.name), column.name).to.satisfy(isRussian);
        for (const value of values) {
          const after = { [column.name]: value };
          for (const { message } of refusal(() => changedRows(name, [], { after })).errors) {
            expect(fieldComplaint('ru', message), message).to.satisfy(isRussian);
          }
        }
      }
    }
  });
});
