import type { FC } from 'hono/jsx';
import { DomainError } from '../problem/problem.ts';
import { Notice } from './components.tsx';
import { fieldComplaint, fieldName } from './field-texts.ts';
import type { Language } from './language.ts';
import { problemText } from './problem-texts.ts';
import { refusalDetail } from './state-detail-texts.ts';

const maxShownErrors = 10;

/** Why something was refused, in the person's language: what it means, and which fields are wrong, and how. */
export const Refusal: FC<{ language: Language; error: DomainError }> = ({ language, error }) => (
  <Notice tone="bad" title={problemText(language, error)}>
    {error.errors.slice(0, maxShownErrors).map(({ field, message }) => (
      <p>{`${fieldName(language, field)}: ${fieldComplaint(language, message)}`}</p>
    ))}
    {error.errors.length === 0 ? detailOf(language, error) : null}
  </Notice>
);

/** The same in one line, beside the field that it is about. */
export function refusalText(language: Language, error: DomainError): string {
  const complaints = error.errors.map(({ message }) => fieldComplaint(language, message));
  const [first = '', ...rest] = complaints.join(', ');
  const told =
    complaints.length > 0 ? `${first.toUpperCase()}${rest.join('')}.` : detailOf(language, error);
  return [problemText(language, error), told].filter((part) => part !== '').join(' ');
}

/** But for what a node says of its state, the detail is English, and mostly the title once more. */
function detailOf(language: Language, error: DomainError): string {
  const known = refusalDetail(language, error.message);
  if (known !== undefined) return known;
  const isNews = language === 'en' && error.message !== new DomainError(error.code).message;
  return isNews ? error.message : '';
}
