import type { Pages } from '../../shared/pages/pages.tsx';
import type { Paper } from '../../shared/pages/paper.tsx';
import { copyMark, paperPages } from '../../shared/pages/printed-paper.tsx';
import type { View } from '../../shared/pages/view.ts';
import { paymentTexts } from './payment-texts.ts';
import type { ReceiptEndpoints } from './receipt-routes.ts';
import { receiptTexts } from './receipt-texts.ts';

const path = '/payments/:operationId/receipt';
const permission = 'operation.read';

/** The receipt on paper. Looking at it is a print: from the second on it is a copy. */
export function receiptPages({
  pages,
  receipts,
}: {
  pages: Pages;
  receipts: ReceiptEndpoints;
}): void {
  async function paperOf(view: View): Promise<Paper> {
    const { operationId = '' } = view.params;
    const words = view.words(receiptTexts);
    const { format } = view;
    const receipt = await receipts.getReceipt(view.c, {
      params: { operationId },
      query: { print: 'true' },
    });
    const { kind, disposition, homeBranch } = receipt;
    return {
      title: words.title(receipt.number),
      copy: copyMark(view, receipt.copy),
      sum: format.money(receipt.money),
      facts: [
        [words.branch, view.nameOf('branches', receipt.servingBranch)],
        [words.msisdn, receipt.msisdn],
        [words.issued, format.moment(receipt.issuedAt)],
      ],
      texts: [
        disposition === 'taken'
          ? words.kinds[kind](homeBranch)
          : words.dispositions[disposition](homeBranch),
        words.at(format.moment(receipt.at)),
        words.check,
      ],
      code: receipt.code,
    };
  }

  paperPages({
    ...{ pages, path, permission, paperOf, isSlip: true },
    back: (view) => ({
      href: `/payments/${view.params.operationId}`,
      label: view.words(paymentTexts).taken,
    }),
    files: { '-a4': 'a4', '-80mm': '80mm' },
    fileName: (view) => `receipt-${view.params.operationId}`,
  });
}
