import type { ForgeName } from './pipeline.js';

export interface ForgeComment {
  readonly id: string;
  readonly body: string;
  /** As the forge names its users; null: a user that is gone. */
  readonly author: string | null;
}

export interface CommitStatus {
  readonly isGood: boolean;
  readonly description: string;
  /** Page with more; null: none. */
  readonly page: string | null;
}

/**
 * What a forge does for one change: its comments, and the status of its commit. Does not decide what is written, nor which comment
 * is ours.
 */
export interface ReviewForge {
  readonly name: ForgeName;
  /** Characters that a comment takes. */
  readonly commentLimit: number;
  /** Names under which the token may write. */
  ownNames(): Promise<readonly string[]>;
  comments(): AsyncIterable<ForgeComment>;
  create(body: string): Promise<void>;
  update(id: string, body: string): Promise<void>;
  setStatus(status: CommitStatus): Promise<void>;
}

/** Where a change is, for the drivers. */
export interface ForgePlace {
  readonly repository: string;
  readonly request: number;
  /** Commit of its status. */
  readonly commit: string;
}

/** Name of the status, and of the comment's marker. */
export const statusName = 'cordon/plan';

/** The first so many characters, never half of one. */
export const firstOf = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}…`;
