/** Every refusal of the system: its stable code, HTTP status and title. A code that is missing here does not compile. */
export const problems = {
  'invalid-input': [400, 'The request is not well formed'],
  'invalid-money': [400, 'The sum of money is not well formed'],
  'unsupported-media-type': [415, 'The content type is not supported'],
  'body-too-large': [413, 'The request is too large'],
  'not-found': [404, 'Not found'],
  'method-not-allowed': [405, 'The method is not allowed here'],
  'not-signed-in': [401, 'Sign in first'],
  'wrong-credentials': [401, 'The login or the password is wrong'],
  'second-factor-required': [401, "The second factor's code is needed"],
  'second-factor-wrong': [401, 'The code is wrong, too old, or was used already'],
  'second-factor-missing': [403, 'Set up a second factor first'],
  'session-not-found': [404, 'No such session'],
  'locked-out': [429, 'Too many failed sign-ins'],
  'not-permitted': [403, 'You may not do this'],
  'password-temporary': [403, 'Choose a password of your own first'],
  'login-taken': [409, 'The login is taken'],
  'operator-not-found': [404, 'No such operator'],
  'idempotency-key-reused': [422, 'The idempotency key was used for another request'],
  'unknown-number': [404, 'No such number'],
  'foreign-number': [422, "The number belongs to another operator's network"],
  'subscriber-terminated': [409, 'The subscriber was terminated'],
  'subscriber-blocked': [409, 'The subscriber is blocked'],
  'subscriber-not-blocked': [409, 'The subscriber is not blocked'],
  'subscriber-moved': [409, 'The number has moved to another branch'],
  'already-at-home': [409, 'The number is already served by this branch as its home'],
  'number-taken': [409, 'The number is not free'],
  'sim-not-available': [409, 'The SIM card is not available'],
  'sim-not-found': [404, 'No such SIM card'],
  'unknown-rate-plan': [422, 'No such rate plan'],
  'rate-plan-unchanged': [409, 'The subscriber already has this rate plan'],
  'unknown-service': [422, 'No such service'],
  'service-unchanged': [409, 'The service is already so'],
  'unknown-tender': [422, 'This tender is not accepted here'],
  'wrong-currency': [422, 'The currency is not accepted here'],
  'amount-out-of-limits': [422, 'The sum is outside the limits'],
  'insufficient-balance': [409, 'The balance does not cover it'],
  'receipt-invalid': [422, 'The code is of no receipt that a branch has signed'],
  'operation-not-found': [404, 'No such operation'],
  'operation-conflict': [409, 'The operation cannot be done in its present state'],
  'already-cancelled': [409, 'The payment was cancelled already'],
  'home-unreachable': [503, 'The home branch cannot be reached now'],
  recovering: [503, 'The node is recovering from an older state'],
  'past-uncertain': [
    503,
    'The node still waits for the others after its start: they say what it may have forgotten',
  ],
  'no-release': [503, 'No reference release has been applied yet'],
  'release-too-old': [503, 'The reference release is too old for this'],
  'business-day-closed': [409, 'The business day is closed already'],
  'business-day-not-over': [409, 'The business day cannot be closed yet'],
  'business-day-not-next': [409, 'An earlier business day has to be closed first'],
  'clock-held': [503, 'The clock is not trusted now'],
  'release-invalid': [422, 'The reference data does not fit together'],
  'release-not-approved': [422, 'Too few release keys have signed the release'],
  'release-not-found': [404, 'No such release'],
  'draft-changed': [409, 'The draft has changed meanwhile: look at it again'],
  'row-changed': [409, 'Somebody else has changed the row meanwhile'],
  'dataset-not-found': [404, 'No such data set'],
  'window-not-found': [404, 'No such settlement window'],
  'window-not-open': [409, 'The settlement window is not open'],
  'window-not-closed': [409, 'The settlement window is not closed'],
  'settlement-not-found': [404, 'No such settlement'],
  'settlement-conflict': [409, 'The settlement cannot do that in its present state'],
  'same-person': [403, 'Another person has to do this'],
  'case-not-found': [404, 'No such case'],
  'case-conflict': [409, 'The case cannot do that in its present state'],
  'branch-not-found': [404, 'No such branch'],
  'enrolment-refused': [403, 'The enrolment was refused'],
  'peer-refused': [403, 'The peer was refused'],
  'stale-start': [409, 'A newer start of this node is known'],
  'set-back': [409, 'The node was set back to an older state'],
  'broken-chain': [409, 'The chain does not continue what is held here'],
  forked: [409, 'Two histories claim the same place'],
  'unexpected-position': [409, 'Another position is expected'],
  replayed: [409, 'The request was seen before'],
  'peer-unreachable': [503, 'The peer cannot be reached'],
  'store-unavailable': [503, 'The store cannot take this now'],
  'backup-faulty': [500, 'The backup is faulty and was not kept'],
  overloaded: [503, 'Too much at once'],
  internal: [500, 'An error of ours, recorded under the trace id'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof problems;

export function isProblemCode(text: string): text is ProblemCode {
  return Object.hasOwn(problems, text);
}

export interface FieldError {
  readonly field: string;
  readonly message: string;
}

export interface ProblemExtras {
  readonly errors?: readonly FieldError[];
  /** Further members of the problem document, already masked. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** A refusal: thrown, it rolls its transaction back. Match on `code`, never on the text. */
export class DomainError extends Error {
  readonly code: ProblemCode;
  readonly errors: readonly FieldError[];
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: ProblemCode, detail?: string, extras: ProblemExtras = {}) {
    super(detail ?? `${problems[code][1]}.`, { cause: extras.cause });
    this.name = 'DomainError';
    this.code = code;
    this.errors = extras.errors ?? [];
    this.members = extras.members ?? {};
  }
}

/** An RFC 9457 problem document. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly instance?: string;
  readonly errors?: readonly FieldError[];
  readonly [member: string]: unknown;
}

export function problemOf(error: DomainError, instance?: string): Problem {
  const [status, title] = problems[error.code];
  return {
    ...error.members,
    type: `urn:sbms:problem:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    ...(instance === undefined ? {} : { instance }),
    ...(error.errors.length === 0 ? {} : { errors: error.errors }),
  };
}

export function isDomainError(error: unknown, code?: ProblemCode): error is DomainError {
  return error instanceof DomainError && (code === undefined || error.code === code);
}

/** Stops the work it was found in: a broken invariant is nobody's input error. */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${invariant}`);
}
