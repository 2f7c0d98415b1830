import { Button, Heading, LinkButton, Notice, Panel } from '../../shared/pages/components.tsx';
import type { Pages } from '../../shared/pages/pages.tsx';
import { paymentTexts } from './payment-texts.ts';
import type { ReceiptEndpoints } from './receipt-routes.ts';

/** The receipt on paper, 80 mm wide. Looking at this page is a print: from the second on it is a copy. */
export function receiptPages({
  pages,
  receipts,
}: {
  pages: Pages;
  receipts: ReceiptEndpoints;
}): void {
  const path = '/payments/:operationId/receipt';
  pages.page({ path, permission: 'operation.read' }, async (view) => {
    const { operationId = '' } = view.params;
    const words = view.words(paymentTexts);
    const receipt = await receipts.getReceipt(view.c, {
      params: { operationId },
      query: { print: 'true' },
    });
    const title = `${words.receipt} ${receipt.number}`;
    const content = (
      <>
        <Heading title={title}>
          <Button type="button" data-print="" autofocus>
            {words.print}
          </Button>
          <LinkButton href={`/payments/${operationId}`}>{words.taken}</LinkButton>
        </Heading>
        <Panel>
          <article class="slip">
            {receipt.copy ? <Notice tone="warn">{words.copy}</Notice> : null}
            <p class="sum money">{view.format.money(receipt.money)}</p>
            {receipt.text.map((line) => (
              <p>{line}</p>
            ))}
            <p class="soft">{view.format.moment(receipt.issuedAt)}</p>
            <p class="code">{receipt.code}</p>
          </article>
        </Panel>
      </>
    );
    return { title, content };
  });
}
