import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RemoteFault, TerminalFault } from '../driver.js';
import type { ChannelEvents } from '../transport-ssh.js';
import { NetconfClient } from './client.js';
import { frame, MessageDecoder } from './framing.js';
import { classifyEnd } from './transport.js';
import { netconfNamespace } from './xml.js';

const usual = ['base:1.0', 'base:1.1', 'capability:candidate:1.0', 'capability:confirmed-commit:1.1'];
const hello = (capabilities: readonly string[]): string =>
  `<hello xmlns="${netconfNamespace}"><capabilities>${capabilities
    .map((text) => `<capability>urn:ietf:params:netconf:${text}</capability>`)
    .join('')}</capabilities><session-id>1</session-id></hello>`;
const reply = (content: string, id = '$ID'): string =>
  `<nc:rpc-reply xmlns:nc="${netconfNamespace}" message-id="${id}">${content}</nc:rpc-reply>`;
const error = (tag: string, more = ''): string =>
  reply(
    `<nc:rpc-error><nc:error-severity>error</nc:error-severity><nc:error-tag>${tag}</nc:error-tag>${more}</nc:rpc-error>`,
  );
const ok = reply('<nc:ok/>');
const data = reply('<nc:data/>');

/** A server that says what it is told to; `$ID` stands for the id of what it answers. Null: it says nothing. */
function clientOf(answers: readonly (string | null)[], capabilities: readonly string[] | null = usual) {
  const heard: string[] = [];
  let opened = 0;
  const rest = [...answers];
  const open = (events: ChannelEvents) => {
    opened++;
    const decoder = new MessageDecoder();
    let isGreeted = false;
    const say = (text: string): void => queueMicrotask(() => events.received(frame(text, decoder.framing)));
    if (capabilities) say(hello(capabilities));
    return {
      send: (bytes: Buffer) => {
        decoder.push(bytes);
        const text = decoder.next() ?? '';
        heard.push(text);
        if (!isGreeted) {
          isGreeted = true;
          queueMicrotask(() => (decoder.framing = capabilities?.includes('base:1.1') ? '1.1' : '1.0'));
          return;
        }
        const answer = rest.shift();
        const id = /message-id="(\d+)"/.exec(text)?.[1] ?? '';
        if (typeof answer === 'string') say(answer.replace('$ID', id));
      },
      end: () => undefined,
    };
  };
  const client = new NetconfClient(open, [], { exchangeMilliseconds: 1000 });
  return { client, heard, opened: () => opened };
}

describe('a NETCONF client', () => {
  it.each([
    ['of base 1.1', usual],
    ['of base 1.0 only', usual.filter((text) => text !== 'base:1.1')],
    ['with parameters behind its capabilities', [...usual.slice(0, 3), 'capability:confirmed-commit:1.1?x=y']],
    ['of the first confirmed commit', [...usual.slice(0, 3), 'capability:confirmed-commit:1.0']],
  ])('talks to a server %s', async (_, capabilities) => {
    const { client, heard } = clientOf([data, ok], capabilities);
    expect(await client.running()).toMatch(/^<(this:)?data /);
    await client.lock('running');
    expect(heard).toHaveLength(3);
  });

  it.each([
    ['no candidate', usual.filter((text) => !text.includes('candidate')), /no candidate/],
    ['no confirmed commit', usual.filter((text) => !text.includes('confirmed')), /no confirmed commit/],
    ['no NETCONF that is known', ['base:2.0'], /no NETCONF/],
  ])('refuses a server that has %s', async (_, capabilities, why) => {
    const { client } = clientOf([], capabilities);
    const running = client.running();
    await expect(running).rejects.toThrow(TerminalFault);
    await expect(running).rejects.toThrow(why);
  });

  it.each<[string, string, typeof RemoteFault | typeof TerminalFault, RegExp]>([
    ['an answer to something else', reply('<nc:ok/>', '99'), TerminalFault, /something else/],
    ['an answer that says nothing', reply(''), TerminalFault, /neither ok nor data/],
    ['no answer at all', '<x/>', TerminalFault, /in place of an answer/],
    ['no XML', 'hello', TerminalFault, /not understood as XML/],
    ['that it is locked', error('lock-denied'), RemoteFault, /lock-denied/],
    ['that something is in use', error('in-use'), RemoteFault, /in-use/],
    ['that it failed', error('operation-failed'), RemoteFault, /operation-failed/],
    ['that data are missing', error('data-missing'), RemoteFault, /data-missing/],
    ['that it is not allowed', error('access-denied'), TerminalFault, /right to change/],
    ['that it does not know the model', error('unknown-namespace'), TerminalFault, /check `model`/],
    [
      'that a value is wrong',
      error('invalid-value', '<nc:error-path>/a/b</nc:error-path>'),
      TerminalFault,
      /at \/a\/b/,
    ],
    ['that something is there', error('data-exists'), TerminalFault, /not Cordon’s/],
  ])('takes %s for what it is', async (_, answer, fault, why) => {
    const { client } = clientOf([answer]);
    const locked = client.lock('running');
    await expect(locked).rejects.toThrow(fault);
    await expect(locked).rejects.toThrow(why);
  });

  it('does not take a warning for an error', async () => {
    const warning = '<nc:rpc-error><nc:error-severity>warning</nc:error-severity></nc:rpc-error><nc:ok/>';
    await clientOf([reply(warning)]).client.lock('running');
  });

  it('begins no session for what belongs into one that is over', async () => {
    const { client, opened } = clientOf([ok, error('operation-failed')]);
    await client.lock('running');
    await expect(client.edit('<config/>')).rejects.toThrow(RemoteFault);
    for (const belated of [client.commitFor(5), client.confirm(), client.unlock('running'), client.discard()])
      await expect(belated).rejects.toThrow(/session is over/);
    expect(opened()).toBe(1);
  });

  it('does not confirm in one session what was committed in another, even if the server would', async () => {
    const { client } = clientOf([ok, ok, null, data, ok]);
    await client.lock('running');
    await client.commitFor(60);
    const unanswered = client.running();
    unanswered.catch(() => undefined);
    await client.close();
    await expect(unanswered).rejects.toThrow(/closed/);
    await client.running();
    await expect(client.confirm()).rejects.toThrow(/session is over/);
  });

  describe('in time', () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    it.each([
      ['a server that does not greet', null],
      ['a server that does not answer', usual],
    ])('gives up on %s', async (_, capabilities) => {
      const { client, opened } = clientOf([null, data], capabilities);
      const refused = client.running().catch((error: unknown) => error);
      await vi.advanceTimersByTimeAsync(1001);
      expect(await refused).toBeInstanceOf(RemoteFault);
      expect(String(await refused)).toContain('no answer within 1 s');
      const again = client.running();
      again.catch(() => undefined);
      await vi.advanceTimersByTimeAsync(1);
      expect(opened()).toBe(2);
      await vi.advanceTimersByTimeAsync(1001);
    });
  });
});

describe('classifyEnd', () => {
  it.each<[string, number | null, typeof RemoteFault | typeof TerminalFault]>([
    ['ssh: connect to host 10.0.0.1 port 830: Connection refused', 255, RemoteFault],
    ['Connection closed by 10.0.0.1 port 830', 255, RemoteFault],
    ['', 0, RemoteFault],
    ['', null, RemoteFault],
    ['Host key verification failed.', 255, TerminalFault],
    ['cordon@10.0.0.1: Permission denied (publickey).', 255, TerminalFault],
    ['subsystem request failed on channel 0', 255, TerminalFault],
  ])('takes `%s` with exit code %s for what it is', (stderr, code, fault) => {
    expect(classifyEnd('sw1', code, stderr)).toBeInstanceOf(fault);
  });
});
