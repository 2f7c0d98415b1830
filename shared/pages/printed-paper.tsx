import type { Permission } from '../access/permissions.ts';
import { Button, Heading, LinkButton } from './components.tsx';
import { catalogue } from './language.ts';
import type { Pages } from './pages.tsx';
import { type Paper, Sheet } from './paper.tsx';
import { type PaperKind, paperPdf } from './paper-pdf.ts';
import type { View } from './view.ts';

const paperTexts = catalogue({ print: 'Print', copy: 'COPY' }, { print: 'Печать', copy: 'КОПИЯ' });

export interface PaperPagesDeps {
  readonly pages: Pages;
  readonly path: string;
  readonly permission: Permission;
  /** Making it is a print: from the second on it is a copy. */
  readonly paperOf: (view: View) => Promise<Paper>;
  /** Where the person came from. */
  readonly back: (view: View) => { readonly href: string; readonly label: string };
  readonly isSlip?: boolean;
  /** What comes after the path, and after the file's name. */
  readonly files: Readonly<Record<string, PaperKind>>;
  readonly fileName: (view: View) => string;
}

/** A paper for a customer: shown and printed, and as PDF files. */
export function paperPages(deps: PaperPagesDeps): void {
  const { pages, path, permission, paperOf, isSlip = false } = deps;
  pages.page({ path, permission }, async (view) => {
    const paper = await paperOf(view);
    const { href, label } = deps.back(view);
    const content = (
      <>
        <Heading title={paper.title}>
          <Button type="button" data-print="" autofocus>
            {view.words(paperTexts).print}
          </Button>
          <LinkButton href={href}>{label}</LinkButton>
        </Heading>
        <Sheet paper={paper} isSlip={isSlip} />
      </>
    );
    return { title: paper.title, content };
  });

  for (const [end, kind] of Object.entries(deps.files)) {
    pages.file({ path: `${path}${end}.pdf`, permission }, async (view) => ({
      name: `${deps.fileName(view)}${end}.pdf`,
      contentType: 'application/pdf',
      content: new Uint8Array(await paperPdf(await paperOf(view), kind)),
    }));
  }
}

/** The mark of a copy, on what was printed before. */
export function copyMark(view: View, isCopy: boolean): string | undefined {
  return isCopy ? view.words(paperTexts).copy : undefined;
}
