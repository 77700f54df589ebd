/** A mistake that an engineer could make, as a change of one place in the code, and the specs that must notice it. */
export interface Fault {
  /** What would be wrong, in words. */
  readonly name: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Each of them is run; one that fails is enough. The narrowest that do. */
  readonly caughtBy: readonly string[];
}
