import type { Permission } from '../access/permissions.ts';
import type { Tone } from './components.tsx';
import type { View } from './view.ts';

/** Work that waits for whoever may do it. */
export interface Waiting {
  readonly text: string;
  readonly href: string;
  readonly count: number;
  /** There are more than were counted. */
  readonly isMore?: boolean;
  readonly tone?: Tone;
}

export interface InboxSource {
  readonly permission: Permission;
  look(view: View): Promise<readonly Waiting[]>;
}

/** What a list that is read by pages says of how many wait. */
export function waitingIn(
  { items, next }: { items: readonly unknown[]; next: string | null },
  of: Omit<Waiting, 'count' | 'isMore'>,
): Waiting {
  return { ...of, count: items.length, isMore: next !== null };
}
