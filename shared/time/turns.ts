/**
 * Work on the same files, one after another: each begins when the one before has ended, however that
 * ended.
 */
export function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const made = last.then(work);
    last = made.catch(() => undefined);
    return made;
  };
}
