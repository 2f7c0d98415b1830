import { type Child, type FC, type PropsWithChildren, useContext } from 'hono/jsx';
import { cellText, tableRows } from './table-rows.ts';

/** The handful of parts that all pages are made of. Status is an icon and a text, never colour alone. */

export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'plain';

const icons: Readonly<Record<Tone, string>> = {
  good: '✓',
  busy: '…',
  warn: '!',
  bad: '✕',
  plain: '•',
};

export const State: FC<PropsWithChildren<{ tone: Tone }>> = ({ tone, children }) => (
  <span class={`state ${tone}`}>
    <span aria-hidden="true">{icons[tone]}</span> {children}
  </span>
);

export const Notice: FC<PropsWithChildren<{ tone: Tone; title?: string | undefined }>> = ({
  tone,
  title,
  children,
}) => (
  <div class={`notice ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
    {title === undefined ? null : <strong>{title}</strong>}
    <div>{children}</div>
  </div>
);

export const Heading: FC<PropsWithChildren<{ title: string }>> = ({ title, children }) => (
  <header class="heading">
    <h1>{title}</h1>
    <div class="actions">{children}</div>
  </header>
);

export const Panel: FC<PropsWithChildren<{ title?: string | undefined }>> = ({
  title,
  children,
}) => (
  <section class="panel">
    {title === undefined ? null : <h2>{title}</h2>}
    {children}
  </section>
);

interface FieldProps {
  readonly label: string;
  readonly name: string;
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
}

/** A labelled control with its hint and its error, tied together for who cannot see them. */
export const Field: FC<FieldProps & Readonly<Record<string, unknown>>> = (props) => {
  const { label, name, hint, error, id: given, ...input } = props;
  const id = typeof given === 'string' ? given : name;
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div class={error ? 'field wrong' : 'field'}>
      <label for={id}>{label}</label>
      <input
        id={id}
        name={name}
        {...(described === '' ? {} : { 'aria-describedby': described })}
        {...(error ? { 'aria-invalid': 'true' } : {})}
        {...input}
      />
      {hint ? (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      ) : null}
      {error ? (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      ) : null}
    </div>
  );
};

export interface Choice {
  readonly value: string;
  readonly label: string;
}

export const Select: FC<
  FieldProps & {
    value?: string | undefined;
    choices: readonly Choice[];
    /** Says what is chosen once more below, in full: a closed choice cuts a long one off. */
    isLong?: boolean;
  }
> = ({ label, name, value, choices, error, isLong = false }) => (
  <div class={error ? 'field wrong' : 'field'}>
    <label for={name}>{label}</label>
    <select
      id={name}
      name={name}
      {...(error ? { 'aria-describedby': `${name}-error`, 'aria-invalid': 'true' } : {})}
    >
      {choices.map((choice) => (
        <option value={choice.value} selected={choice.value === value}>
          {choice.label}
        </option>
      ))}
    </select>
    {isLong ? (
      <output class="hint" for={name}>
        {(choices.find((choice) => choice.value === value) ?? choices[0])?.label}
      </output>
    ) : null}
    {error ? (
      <p class="error" id={`${name}-error`}>
        {error}
      </p>
    ) : null}
  </div>
);

export const Facts: FC<{ facts: readonly (readonly [string, Child] | undefined)[] }> = ({
  facts,
}) => (
  <dl class="facts">
    {facts.map((fact) =>
      fact ? (
        <div>
          <dt>{fact[0]}</dt>
          <dd>{fact[1]}</dd>
        </div>
      ) : null,
    )}
  </dl>
);

export interface Column<Row> {
  readonly label: string;
  readonly cell: (row: Row) => Child;
  /** Right-aligned, in tabular figures. */
  readonly isNumber?: boolean;
}

/** A table with its caption; `empty` says what to do when there is nothing. */
export function Table<Row>(props: {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  empty: string;
  /** Narrow columns of yes and no beside the first one. */
  isMatrix?: boolean;
}) {
  const { caption, columns, rows, empty, isMatrix = false } = props;
  useContext(tableRows)?.push([
    columns.map(({ label }) => label),
    ...rows.map((row) => columns.map(({ cell }) => cellText(cell(row)))),
  ]);
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    // Wide tables scroll by themselves, and by keyboard.
    <section class={isMatrix ? 'table matrix' : 'table'} tabindex={0} aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ label, isNumber }) => (
              <th scope="col" class={isNumber ? 'number' : ''}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {columns.map(({ label, cell, isNumber }) => (
                <td class={isNumber ? 'number' : ''} data-label={label}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export const Button: FC<
  PropsWithChildren<{ kind?: 'main' | 'plain' | 'danger' } & Readonly<Record<string, unknown>>>
> = ({ kind = 'main', children, ...rest }) => (
  <button type="submit" class={`button ${kind}`} {...rest}>
    {children}
  </button>
);

export const LinkButton: FC<
  PropsWithChildren<{ href: string; kind?: 'main' | 'plain' } & Readonly<Record<string, unknown>>>
> = ({ href, kind = 'plain', children, ...rest }) => (
  <a href={href} class={`button ${kind}`} {...rest}>
    {children}
  </a>
);
