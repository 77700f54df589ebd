import { ForgeClient, ForgeError, type ForgeConnection } from './forge-client.js';
import {
  firstOf,
  statusName,
  type CommitStatus,
  type ForgeComment,
  type ForgePlace,
  type ReviewForge,
} from './forge.js';

interface Comment {
  readonly id: number;
  readonly body?: string;
  readonly user: { readonly login: string } | null;
}

const json = { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' };

/** The token of a workflow may not ask who it is; this is its name. */
const workflowName = 'github-actions[bot]';

/** GitHub's REST API, version 2022-11-28: comments of issues, which pull requests are, and statuses of commits. */
export class GithubForge implements ReviewForge {
  readonly name = 'github';
  readonly commentLimit = 65_536;
  private readonly client: ForgeClient;

  constructor(
    connection: Omit<ForgeConnection, 'headers'> & { readonly token: string },
    private readonly place: ForgePlace,
  ) {
    const { token, ...rest } = connection;
    this.client = new ForgeClient({ ...rest, headers: { ...json, authorization: `Bearer ${token}` } });
  }

  async ownNames(): Promise<readonly string[]> {
    try {
      return [(await this.client.send<{ login: string }>('GET', '/user')).login];
    } catch (error) {
      if (error instanceof ForgeError && error.isDenied) return [workflowName];
      throw error;
    }
  }

  async *comments(): AsyncGenerator<ForgeComment> {
    const { repository, request } = this.place;
    for await (const { id, body = '', user } of this.client.list<Comment>(
      `/repos/${repository}/issues/${request}/comments?per_page=100`,
    ))
      yield { id: `${id}`, body, author: user?.login ?? null };
  }

  async create(body: string): Promise<void> {
    const { repository, request } = this.place;
    await this.client.send('POST', `/repos/${repository}/issues/${request}/comments`, { body });
  }

  async update(id: string, body: string): Promise<void> {
    await this.client.send('PATCH', `/repos/${this.place.repository}/issues/comments/${id}`, { body });
  }

  async setStatus({ isGood, description, page }: CommitStatus): Promise<void> {
    const { repository, commit } = this.place;
    await this.client.send('POST', `/repos/${repository}/statuses/${commit}`, {
      state: isGood ? 'success' : 'failure',
      context: statusName,
      description: firstOf(description, 140),
      ...(page === null ? {} : { target_url: page }),
    });
  }
}
