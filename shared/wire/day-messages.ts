import { z } from 'zod';

/**
 * How head office finds the legs in which a branch's control totals of a date differ from its own: first the minutes,
 * then the legs of the minutes that differ.
 */

export const maxMinutesPerPage = 1_500;
export const maxLegsPerPage = 1_000;

const fingerprint = z.string().regex(/^[0-9a-f]{32}$/);

/** Answer of `GET /peer/v1/days/{date}/minutes?from=`. */
export const dayMinutes = z.strictObject({
  /** False for a date of which this branch counted legs before it kept them. */
  whole: z.boolean(),
  items: z
    .array(z.strictObject({ minute: z.int().min(0), count: z.int().min(1), fingerprint }))
    .max(maxMinutesPerPage),
  next: z.int().min(0).nullable(),
});
export type DayMinutes = z.infer<typeof dayMinutes>;

/** Answer of `GET /peer/v1/days/{date}/minutes/{minute}/legs?after=`. */
export const minuteLegs = z.strictObject({
  items: z
    .array(
      z.strictObject({
        operationId: z.string().max(64),
        attempt: z.int().min(1).max(9),
        point: z.string().max(20),
        fingerprint,
      }),
    )
    .max(maxLegsPerPage),
  next: z.string().max(400).nullable(),
});
export type MinuteLegs = z.infer<typeof minuteLegs>;
