import type { FC } from 'hono/jsx';
import { Facts, Notice } from './components.tsx';

/** What is handed to a customer: shown on a page that prints well, and written as a PDF. */
export interface Paper {
  readonly title: string;
  /** What a print is marked with from the second on. */
  readonly copy?: string | undefined;
  readonly sum?: string;
  readonly facts: readonly (readonly [label: string, value: string])[];
  readonly texts: readonly string[];
  /** Who signs. */
  readonly signatures?: readonly string[];
  /** For machines to check. */
  readonly code?: string;
}

export const Sheet: FC<{ paper: Paper; isSlip?: boolean }> = ({ paper, isSlip = false }) => (
  <article class={isSlip ? 'panel slip' : 'panel sheet'}>
    {paper.copy === undefined ? null : <Notice tone="warn">{paper.copy}</Notice>}
    <h2>{paper.title}</h2>
    {paper.sum === undefined ? null : <p class="sum money">{paper.sum}</p>}
    <Facts facts={paper.facts} />
    {paper.texts.map((text) => (
      <p>{text}</p>
    ))}
    {(paper.signatures ?? []).map((party) => (
      <p class="signature">{party}</p>
    ))}
    {paper.code === undefined ? null : <p class="code">{paper.code}</p>}
  </article>
);
