import { describe, expect, it } from 'vitest';
import { readEvents } from './server-sent-events.js';

async function read(text: string): Promise<{ events: string[]; ids: string[] }> {
  async function* lines(): AsyncGenerator<string> {
    await Promise.resolve();
    yield* text.split('\n').slice(0, -1);
  }
  const ids: string[] = [];
  const events: string[] = [];
  for await (const { type, data, lastEventId } of readEvents(lines(), (id) => ids.push(id)))
    events.push(`${type} ${data} ${lastEventId}`);
  return { events, ids };
}

describe('server-sent events', () => {
  it.each([
    ['an event with all its fields', 'event: gap\nid: 7\ndata: {}\n\n', ['gap {} 7'], ['7']],
    ['data of several lines', 'data: a\ndata:b\n\n', ['message a\nb null'], []],
    ['comments, which are nothing', ': ping\n\ndata: x\n\n', ['message x null'], []],
    ['an id alone, which moves on without an event', 'id: 3\n\n: ping\n\n', [], ['3', '3']],
    ['an id that stays for the events after it', 'id: 3\n\ndata: x\n\n', ['message x 3'], ['3', '3']],
    ['an event that is cut off, which is none', 'id: 3\ndata: x\n', [], []],
    ['unknown fields, which are nothing', 'retry: 2000\ncolour: red\ndata\n\n', ['message  null'], []],
  ])('are read: %s', async (_, text, events, ids) => {
    expect(await read(text)).toEqual({ events, ids });
  });
});
