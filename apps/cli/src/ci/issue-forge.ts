import { ForgeClient, ForgeError, type ForgeConnection } from './forge-client.js';
import {
  firstOf,
  statusName,
  type CommitStatus,
  type ForgeComment,
  type ForgePlace,
  type ReviewForge,
} from './forge.js';
import type { ForgeName } from './pipeline.js';

interface Comment {
  readonly id: number;
  readonly body?: string;
  readonly user: { readonly login: string } | null;
}

/** In what forges with GitHub's interface differ. */
export interface IssueDialect {
  readonly name: ForgeName;
  readonly commentLimit: number;
  readonly descriptionLimit: number;
  readonly headers: (token: string) => Readonly<Record<string, string>>;
  /** What asks for long pages of comments. */
  readonly pages: string;
  /** What tokens of workflows write as: they may not ask who they are. */
  readonly workflowNames: readonly string[];
}

/** GitHub's interface, which Gitea and Forgejo have, too: comments of issues, which pull requests are, and statuses of commits. */
export class IssueForge implements ReviewForge {
  readonly name: ForgeName;
  readonly commentLimit: number;
  private readonly client: ForgeClient;

  constructor(
    private readonly dialect: IssueDialect,
    { token, ...connection }: Omit<ForgeConnection, 'headers'> & { readonly token: string },
    private readonly place: ForgePlace,
  ) {
    ({ name: this.name, commentLimit: this.commentLimit } = dialect);
    this.client = new ForgeClient({ ...connection, headers: dialect.headers(token) });
  }

  async ownNames(): Promise<readonly string[]> {
    try {
      return [(await this.client.send<{ login: string }>('GET', '/user')).login];
    } catch (error) {
      if (error instanceof ForgeError && error.isDenied) return this.dialect.workflowNames;
      throw error;
    }
  }

  async *comments(): AsyncGenerator<ForgeComment> {
    for await (const { id, body = '', user } of this.client.list<Comment>(`${this.ofRequest}${this.dialect.pages}`))
      yield { id: `${id}`, body, author: user?.login ?? null };
  }

  async create(body: string): Promise<void> {
    await this.client.send('POST', this.ofRequest, { body });
  }

  async update(id: string, body: string): Promise<void> {
    await this.client.send('PATCH', `/repos/${this.place.repository}/issues/comments/${id}`, { body });
  }

  async setStatus({ isGood, description, page }: CommitStatus): Promise<void> {
    const { repository, commit } = this.place;
    await this.client.send('POST', `/repos/${repository}/statuses/${commit}`, {
      state: isGood ? 'success' : 'failure',
      context: statusName,
      description: firstOf(description, this.dialect.descriptionLimit),
      ...(page === null ? {} : { target_url: page }),
    });
  }

  private get ofRequest(): string {
    const { repository, request } = this.place;
    return `/repos/${repository}/issues/${request}/comments`;
  }
}
