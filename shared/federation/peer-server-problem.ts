import { DomainError, isDomainError, problemOf, problems } from '../problem/problem.ts';

export const problemType = 'application/problem+json';

/** The status and text of the problem document for an error; says nothing of what is not ours. */
export function problemText(error: unknown, instance?: string): { status: number; body: string } {
  const refusal = isDomainError(error) ? error : new DomainError('internal');
  const [status] = problems[refusal.code];
  return { status, body: JSON.stringify(problemOf(refusal, instance)) };
}

/** The same as an answer: what the routes between nodes send for a thrown error. */
export function problemResponse(error: unknown, instance?: string): Response {
  const { status, body } = problemText(error, instance);
  return new Response(body, { status, headers: { 'content-type': problemType } });
}
