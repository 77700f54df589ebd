import type { Diagnostic } from '#base';

/** Why a request is not done; the error filter alone knows which HTTP status that is. */
export type RefusalCode =
  | 'malformed'
  | 'unprocessable'
  | 'not-found'
  | 'conflict'
  | 'unauthenticated'
  | 'forbidden'
  | 'too-large'
  | 'too-many'
  | 'unavailable';

/** `pointer`: JSON pointer into the body (`/class`), or `?name` for a query parameter, or the line of a CSV file. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: RefusalCode,
    message: string,
    readonly errors: readonly FieldError[] = [],
    /** Of a policy that came with the request. */
    readonly diagnostics: readonly Diagnostic[] = [],
  ) {
    super(message);
  }
}
