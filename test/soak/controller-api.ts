import type { DevicePosture, Session } from '#model';

const answerMilliseconds = 30_000;
const pageSize = 1000;

/** What a soak or a bench asks of the controller, directly and not over a link that is disturbed. */
export class ControllerApi {
  private readonly url: () => string;
  private readonly token: string;

  constructor(url: () => string, token: string) {
    this.url = url;
    this.token = token;
  }

  async importDevices(csv: string): Promise<void> {
    await this.call('POST', '/devices/import', csv, 'text/csv');
  }

  async setPosture(mac: string, posture: DevicePosture): Promise<void> {
    const body = JSON.stringify({ posture, reason: 'soak' });
    await this.call('PUT', `/devices/${mac}/posture`, body, 'application/json');
  }

  async sessions(): Promise<Session[]> {
    const all: Session[] = [];
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams({ limit: String(pageSize), ...(cursor === null ? {} : { cursor }) });
      const page = (await this.call('GET', `/sessions?${query.toString()}`)) as {
        items: Session[];
        next: string | null;
      };
      all.push(...page.items);
      cursor = page.next;
    } while (cursor !== null);
    return all;
  }

  async call(method: string, path: string, body?: string, type?: string): Promise<unknown> {
    const answer = await fetch(`${this.url()}/api/v1${path}`, {
      method,
      // A connection that is kept would be found dead after each restart.
      headers: {
        authorization: `Bearer ${this.token}`,
        connection: 'close',
        ...(type ? { 'content-type': type } : {}),
      },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(answerMilliseconds),
    });
    if (!answer.ok)
      throw new Error(`${method} ${path}: the controller answered ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
}
