import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** No answer of the controller to a request of the bridge is longer. */
const longestAnswer = 64 * 1024;

/**
 * Posts JSON. By Node's own HTTP client, because the bridge does it all the time beside its answers: `fetch` takes a millisecond of the
 * main thread for each.
 */
export function postJson(url: string, token: string, body: string, signal: AbortSignal): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  const asking = request(url, { method: 'POST', headers, signal }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (part: string) => {
      text += part;
      if (text.length > longestAnswer) asking.destroy(new Error('the answer is longer than 64 KB'));
    });
    response.on('error', reject);
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
  });
  asking.on('error', reject);
  asking.end(body);
  return promise;
}
