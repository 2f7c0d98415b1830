import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** The processes that the demo started, so that none outlives it, whenever it is told to stop. */
export interface Crew {
  add(child: ChildProcess): ChildProcess;
  /** From now on whoever is added is sent away. */
  close(): void;
  /** Ends those who are still there. */
  dismiss(): Promise<void>;
}

export function createCrew(): Crew {
  const members = new Set<ChildProcess>();
  let isClosed = false;
  return {
    add(child) {
      members.add(child);
      child.once('exit', () => members.delete(child));
      if (isClosed) child.kill('SIGKILL');
      return child;
    },
    close() {
      isClosed = true;
    },
    async dismiss() {
      const leaving = [...members].map((child) => once(child, 'exit'));
      for (const child of members) child.kill('SIGKILL');
      await Promise.all(leaving);
    },
  };
}
