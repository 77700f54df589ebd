import { ForgeClient, type ForgeConnection } from './forge-client.js';
import {
  firstOf,
  statusName,
  type CommitStatus,
  type ForgeComment,
  type ForgePlace,
  type ReviewForge,
} from './forge.js';

interface Note {
  readonly id: number;
  readonly body: string;
  readonly author: { readonly username: string } | null;
  /** Written by GitLab: somebody pushed, a label came. */
  readonly system: boolean;
}

/** GitLab's REST API, version 4: notes of merge requests, and statuses of commits. */
export class GitlabForge implements ReviewForge {
  readonly name = 'gitlab';
  readonly commentLimit = 1_000_000;
  private readonly client: ForgeClient;
  private readonly project: string;
  private readonly notes: string;

  constructor(
    connection: Omit<ForgeConnection, 'headers'> & { readonly token: string },
    private readonly place: ForgePlace,
  ) {
    const { token, ...rest } = connection;
    this.client = new ForgeClient({ ...rest, headers: { 'private-token': token } });
    this.project = `/projects/${encodeURIComponent(place.repository)}`;
    this.notes = `${this.project}/merge_requests/${place.request}/notes`;
  }

  async ownNames(): Promise<readonly string[]> {
    return [(await this.client.send<{ username: string }>('GET', '/user')).username];
  }

  async *comments(): AsyncGenerator<ForgeComment> {
    for await (const { id, body, author, system } of this.client.list<Note>(
      `${this.notes}?order_by=created_at&sort=asc&per_page=100`,
    ))
      if (!system) yield { id: `${id}`, body, author: author?.username ?? null };
  }

  async create(body: string): Promise<void> {
    await this.client.send('POST', this.notes, { body });
  }

  async update(id: string, body: string): Promise<void> {
    await this.client.send('PUT', `${this.notes}/${id}`, { body });
  }

  async setStatus({ isGood, description, page }: CommitStatus): Promise<void> {
    await this.client.send('POST', `${this.project}/statuses/${this.place.commit}`, {
      state: isGood ? 'success' : 'failed',
      name: statusName,
      description: firstOf(description, 255),
      ...(page === null ? {} : { target_url: page }),
    });
  }
}
