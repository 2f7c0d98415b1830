import { Button, Heading, LinkButton } from '../../shared/pages/components.tsx';
import type { Pages } from '../../shared/pages/pages.tsx';
import { type Paper, Sheet } from '../../shared/pages/paper.tsx';
import { type PaperKind, paperPdf } from '../../shared/pages/paper-pdf.ts';
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
      copy: receipt.copy ? view.words(paymentTexts).copy : undefined,
      sum: format.money(receipt.money),
      facts: [
        [words.branch, receipt.servingBranch],
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

  pages.page({ path, permission }, async (view) => {
    const words = view.words(paymentTexts);
    const paper = await paperOf(view);
    const content = (
      <>
        <Heading title={paper.title}>
          <Button type="button" data-print="" autofocus>
            {words.print}
          </Button>
          <LinkButton href={`/payments/${view.params.operationId}`}>{words.taken}</LinkButton>
        </Heading>
        <Sheet paper={paper} isSlip />
      </>
    );
    return { title: paper.title, content };
  });

  const file = (end: string, kind: PaperKind) =>
    pages.file({ path: `${path}-${end}.pdf`, permission }, async (view) => ({
      name: `receipt-${view.params.operationId}-${end}.pdf`,
      contentType: 'application/pdf',
      content: new Uint8Array(await paperPdf(await paperOf(view), kind)),
    }));
  file('a4', 'a4');
  file('80mm', '80mm');
}
