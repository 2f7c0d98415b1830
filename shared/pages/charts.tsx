import type { FC } from 'hono/jsx';

const width = 640;
const height = 160;
const gap = 0.25;
const barMax = 40;
const full = 1_000;

export interface Bar {
  readonly label: string;
  /** What stands for the bar in words. */
  readonly text: string;
  readonly value: bigint;
}

/** Bars over time, made here; the table that says the same in words stands beside them. */
export const Bars: FC<{ title: string; bars: readonly Bar[] }> = ({ title, bars }) => {
  const highest = bars.reduce((most, { value }) => (value > most ? value : most), 1n);
  const step = width / Math.max(bars.length, 1);
  const wide = Math.min(step * (1 - gap), barMax);
  const first = bars[0];
  const last = bars.at(-1);
  const top = bars.find(({ value }) => value === highest);
  return (
    <figure class="panel chart">
      <figcaption>{title}</figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={title}>
        {bars.map(({ label, text, value }, index) => {
          const tall = (Number((value * BigInt(full)) / highest) / full) * height;
          return (
            <rect
              {...{ x: (index + 0.5) * step - wide / 2, y: height - tall }}
              {...{ width: wide, height: tall }}
            >
              <title>{`${label}: ${text}`}</title>
            </rect>
          );
        })}
      </svg>
      <p class="hint">
        <span>{first?.label}</span>
        <span>{top ? `max ${top.text}` : ''}</span>
        <span>{last?.label}</span>
      </p>
    </figure>
  );
};
