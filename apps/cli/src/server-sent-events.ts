export interface ServerSentEvent {
  /** `message` where the stream names none. */
  readonly type: string;
  readonly data: string;
  /** The last `id` up to here; it may have come without an event of its own. */
  readonly lastEventId: string | null;
}

/**
 * Lines of text/event-stream into events, as the HTML standard says (§9.2.6). `onId` hears how far the stream is, which it may
 * say without an event.
 */
export async function* readEvents(
  lines: AsyncIterable<string>,
  onId: (id: string) => void,
): AsyncGenerator<ServerSentEvent> {
  let type = '';
  let data: string[] = [];
  let lastEventId: string | null = null;
  for await (const line of lines) {
    if (line === '') {
      if (lastEventId !== null) onId(lastEventId);
      if (data.length > 0) yield { type: type || 'message', data: data.join('\n'), lastEventId };
      type = '';
      data = [];
      continue;
    }
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === 'event') type = value;
    else if (field === 'data') data.push(value);
    else if (field === 'id' && !value.includes('\0')) lastEventId = value;
  }
}
