import { z } from '@hono/zod-openapi';
import { maxPasswordLength } from '../access/passwords.ts';
import {
  type Iccid,
  iccidPattern,
  isIccid,
  type Msisdn,
  msisdnPattern,
  nodeCodePattern,
  uuidPattern,
} from '../ids/ids.ts';
import { currencyPattern } from '../money/money.ts';
import { problems } from '../problem/problem.ts';
import { isBusinessDate } from '../time/clock.ts';

const amountPattern = /^-?\d{1,16}(\.\d{1,4})?$/;
const instantPattern = /^\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const maxCursorLength = 512;

/**
 * Money as it travels; `parseMoney` of shared/money makes it exact: the decimals depend on the
 * currency.
 */
export const wireMoney = z
  .strictObject({
    amount: z.string().regex(amountPattern, 'must be a decimal number in quotes').openapi({
      description: "Exactly the currency's decimals",
      example: '500.00',
    }),
    currency: z
      .string()
      .regex(currencyPattern, 'must be a three-letter ISO 4217 code')
      .openapi({ example: 'RUB' }),
  })
  .openapi('Money');

/** `wireMoney.nullable()` would be documented as what is money and null at once. */
export const moneyOrNull = z.union([wireMoney, z.null()]);

export const msisdn = z
  .string()
  .regex(msisdnPattern, 'must be an E.164 number without +')
  .transform((digits) => digits as Msisdn)
  .openapi({
    ...{ type: 'string', pattern: msisdnPattern.source },
    ...{ description: 'E.164 without +', example: '79161234567' },
  });

export const iccid = z
  .string()
  .regex(iccidPattern, 'must be 19 or 20 digits')
  .refine(isIccid, 'has a wrong check digit')
  .transform((digits) => digits as Iccid)
  .openapi({
    ...{ type: 'string', pattern: iccidPattern.source },
    description: '19–20 digits, the last one a Luhn check digit',
  });

export const nodeCode = z
  .string()
  .regex(nodeCodePattern, 'must be 2 to 8 capitals')
  .openapi({ description: 'A branch, or HQ', example: 'MSK' });

/** A password as somebody proves who he is by it. */
export const typedPassword = z
  .string()
  .min(1)
  .max(maxPasswordLength)
  .openapi({ format: 'password' });

/** What proves a second factor. */
export const typedCode = z
  .string()
  .regex(/^[0-9A-Za-z -]{6,64}$/, 'must be a code of 6 digits or a recovery code')
  .openapi({ description: 'Of an authenticator, or a recovery code', example: '123456' });

/** Of one's own sessions. */
export const sessionId = z.string().regex(/^[0-9a-f]{32}$/, 'must be 32 hex digits');

/** A day that the calendar has. What is none ends the check: who compares dates can count on them. */
export const businessDate = z
  .string()
  .refine(isBusinessDate, { message: 'must be a date, YYYY-MM-DD', abort: true })
  .openapi({ format: 'date', example: '2025-06-30' });

export const instant = z
  .string()
  .regex(instantPattern, 'must be a UTC time, YYYY-MM-DDTHH:mm:ss.sssZ')
  .refine((text) => isBusinessDate(text.slice(0, 10)), 'must be a day of the calendar')
  .openapi({ format: 'date-time', example: '2025-06-30T09:15:00.000Z' });

/** UUIDv7, lower case. */
export const uuid = z
  .string()
  .regex(uuidPattern, 'must be a UUIDv7 in lower case')
  .openapi({ format: 'uuid' });

export const maxPageItems = 200;
export const defaultPageItems = 50;

/** `limit` of a list, 1..200, 50 if absent. */
export const limitQuery = z
  .string()
  .regex(/^\d{1,3}$/, `must be a number from 1 to ${maxPageItems}`)
  .transform(Number)
  .pipe(z.number().min(1).max(maxPageItems))
  .default(defaultPageItems)
  .openapi({
    ...{ type: 'integer', minimum: 1, maximum: maxPageItems, default: defaultPageItems },
    description: 'At most so many items',
  });

/** The `next` of the page before; `decodeCursor` reads it. */
export const cursorQuery = z
  .string()
  .max(maxCursorLength)
  .optional()
  .openapi({ description: 'The `next` of the page before' });

const nextCursor = z
  .string()
  .nullable()
  .openapi({ description: 'Cursor of the next page; null on the last' });

/** A list: its items and the cursor of the next page, null on the last one. */
export function page<Item extends z.ZodType>(item: Item) {
  return z.strictObject({ items: z.array(item), next: nextCursor });
}

/** RFC 9457, as `problemOf` makes it. */
export const problem = z
  .looseObject({
    type: z.string().openapi({ example: 'urn:sbms:problem:invalid-input' }),
    title: z.string(),
    status: z.int().openapi({ example: 400 }),
    detail: z.string().openapi({ description: 'What happened, and what to do next' }),
    code: z.enum(Object.keys(problems)).openapi({ description: 'Stable: match on this' }),
    instance: z.string().optional().openapi({ description: 'urn:sbms:trace:<trace id>' }),
    errors: z
      .array(z.strictObject({ field: z.string(), message: z.string() }))
      .optional()
      .openapi({ description: 'Fields that are wrong, by dotted path' }),
  })
  .openapi('Problem');
