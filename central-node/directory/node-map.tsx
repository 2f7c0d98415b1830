import { headOffice } from '../../shared/ids/ids.ts';

const width = 720;
const heights = { few: 140, many: 340 };
const few = 2;
const radius = 26;
const rim = 60;

export interface MappedNode {
  readonly code: string;
  readonly tone: 'good' | 'warn' | 'bad' | 'plain';
  /** Its state in words. */
  readonly text: string;
  /** The nodes for which entries of it wait. */
  readonly waitsFor: readonly string[];
}

interface Place {
  readonly x: number;
  readonly y: number;
}

/** The federation drawn: head office among its branches, a line where entries go; the table below says the same. */
export function NodeMap({ title, nodes }: { title: string; nodes: readonly MappedNode[] }) {
  const height = nodes.length > few ? heights.many : heights.few;
  const centre: Place = { x: width / 2, y: height / 2 };
  const places = new Map<string, Place>([[headOffice, centre]]);
  for (const [index, { code }] of nodes.entries()) {
    const angle = (2 * Math.PI * index) / nodes.length - Math.PI;
    places.set(code, {
      x: Math.round(centre.x + (width / 2 - rim) * Math.cos(angle)),
      y: Math.round(centre.y + (height / 2 - rim) * Math.sin(angle)),
    });
  }
  const line = (from: string, to: string, kind: string) => {
    const [one, other] = [places.get(from), places.get(to)];
    if (!one || !other) return null;
    return <line {...{ x1: one.x, y1: one.y, x2: other.x, y2: other.y }} class={kind} />;
  };
  return (
    <figure class="panel map">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={title}>
        {nodes.map(({ code, tone }) => line(headOffice, code, tone))}
        {nodes.flatMap(({ code, waitsFor }) =>
          waitsFor.filter((peer) => peer !== headOffice).map((peer) => line(code, peer, 'wait')),
        )}
        <Spot {...{ place: centre, code: headOffice, tone: 'good', text: headOffice }} />
        {nodes.map((node) => (
          <Spot {...node} place={places.get(node.code) ?? centre} />
        ))}
      </svg>
    </figure>
  );
}

function Spot(props: { place: Place; code: string; tone: string; text: string }) {
  const { place, code, tone, text } = props;
  return (
    <g class={tone}>
      <title>{`${code}: ${text}`}</title>
      <circle {...{ cx: place.x, cy: place.y, r: radius }} />
      <text {...{ x: place.x, y: place.y, 'text-anchor': 'middle', dy: '0.35em' }}>{code}</text>
    </g>
  );
}
