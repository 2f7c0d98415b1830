/** How a running node is told where to die: a file in its folder, and SIGUSR2. */

export const armedFile = 'armed.json';
/** Written by the node at the point, right before it kills itself. */
export const crashedFile = 'crashed-at';
