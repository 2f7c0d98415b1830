/** When a simulation begins: Tuesday noon in Moscow. */
export const startMs = Date.UTC(2026, 10, 10, 9, 0, 0);
