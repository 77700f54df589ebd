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
  readonly body: string;
  readonly user: { readonly login: string } | null;
}

/** What tokens of workflows write as, where they may not ask. */
const workflowNames = ['gitea-actions', 'forgejo-actions'];

/** The API of Gitea and Forgejo, version 1. Most versions give all comments of an issue at once; newer ones may give pages. */
export class GiteaForge implements ReviewForge {
  readonly name = 'gitea';
  /** Neither has a documented limit; that of GitHub fits the database of both. */
  readonly commentLimit = 65_536;
  private readonly client: ForgeClient;

  constructor(
    connection: Omit<ForgeConnection, 'headers'> & { readonly token: string },
    private readonly place: ForgePlace,
  ) {
    const { token, ...rest } = connection;
    this.client = new ForgeClient({ ...rest, headers: { authorization: `token ${token}` } });
  }

  async ownNames(): Promise<readonly string[]> {
    try {
      return [(await this.client.send<{ login: string }>('GET', '/user')).login];
    } catch (error) {
      if (error instanceof ForgeError && error.isDenied) return workflowNames;
      throw error;
    }
  }

  async *comments(): AsyncGenerator<ForgeComment> {
    const { repository, request } = this.place;
    for await (const { id, body, user } of this.client.list<Comment>(`/repos/${repository}/issues/${request}/comments`))
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
      description: firstOf(description, 255),
      ...(page === null ? {} : { target_url: page }),
    });
  }
}
