import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RemoteFault, TerminalFault } from '../driver.js';
import type { ChannelEvents, OpenChannel } from '../transport-ssh.js';
import { aosCx } from './aos-cx.js';
import { CliClient } from './client.js';
import { iosXe } from './ios-xe.js';
import type { Make } from './make.js';

const limits = { commandMilliseconds: 1000, mostOutput: 10_000, confirmMinutes: 2 };
const clientOf = (open: OpenChannel, make: Make = iosXe) => new CliClient(open, make, 'cordon', limits);

/** A switch that greets, and says this to each line in turn, behind its echo. Null: it says nothing. */
function switchThat(greeting: string, answers: readonly (string | null)[], echo = (line: string) => `${line}\r\n`) {
  const heard: string[] = [];
  const open: OpenChannel = (events: ChannelEvents) => {
    const rest = [...answers];
    const say = (text: string): void => queueMicrotask(() => events.received(Buffer.from(text)));
    say(greeting);
    return {
      send: (bytes: Buffer) => {
        const line = bytes.toString().replace('\r', '');
        heard.push(line);
        const answer = rest.shift();
        if (typeof answer === 'string') say(`${echo(line)}${answer}`);
      },
      end: () => undefined,
    };
  };
  return { open, heard };
}

/** A dialogue of testdata: what is typed, and what is said to it, byte for byte. */
function dialogue(file: string): { open: OpenChannel; typed: string[]; heard: string[] } {
  const text = readFileSync(path.join(import.meta.dirname, 'testdata', file), 'utf8').replace(/\n$/, '');
  const prompt = /^ward-3[\w-]*(?:\([\w-]+\))?# ?/;
  const typed: string[] = [];
  const said: string[] = [''];
  for (const line of text.split('\n')) {
    const found = prompt.exec(line)?.[0];
    if (found === undefined) said.push(`${said.pop()}${line}\r\n`);
    else {
      said.push(`${said.pop()}${found}`);
      const command = line.slice(found.length);
      if (command !== '') {
        typed.push(command);
        said.push('');
      }
    }
  }
  const [greeting = '', ...answers] = said;
  return { typed, ...switchThat(greeting, answers) };
}

describe('a client of a command line', () => {
  it('has the dialogue of IOS XE that its references have', async () => {
    const { open, typed, heard } = dialogue('ios-xe-change.txt');
    const client = clientOf(open);
    expect(await client.isPending()).toBe(false);
    await client.begin();
    for (const line of [
      'ip access-list extended cordon-x',
      ' 20 deny ip any any',
      ' 10 permit tcp any host 10.10.4.20 eq 443',
    ])
      await client.enter(line);
    await client.confirm();
    await client.save();
    expect(heard).toEqual(typed);
  });

  it('has the dialogue of AOS-CX that its guides have', async () => {
    const { open, typed, heard } = dialogue('aos-cx-change.txt');
    const client = clientOf(open, aosCx);
    await expect(client.begin()).rejects.toThrow(RemoteFault);
    expect(await client.isPending()).toBe(false);
    await client.begin();
    for (const line of [
      'access-list ip cordon-x',
      '    20 deny any any any',
      '    10 permit tcp any 10.10.4.20 eq 443',
    ])
      await client.enter(line);
    await client.confirm();
    await client.save();
    expect(heard).toEqual(typed);
  });

  it.each([
    ['in pieces', (text: string) => text],
    ['with colours', (text: string) => text.replace('sw1#', '\u001b[1msw1\u001b[0m#')],
    ['with carriage returns of a terminal', (text: string) => text.replaceAll('\r\n', '\r\r\n')],
  ])('knows a prompt %s', async (_, change) => {
    const events: ChannelEvents[] = [];
    const open: OpenChannel = (of) => {
      events.push(of);
      const say = (text: string): void => {
        for (const letter of change(text)) queueMicrotask(() => of.received(Buffer.from(letter)));
      };
      say('hello\r\nsw1#');
      return { send: (bytes) => say(`${bytes.toString().trim()}\r\nwhat it says\r\nsw1#`), end: () => undefined };
    };
    expect(await clientOf(open).lists()).toBe('what it says\n'.trimEnd());
  });

  it('takes nothing for a prompt that only looks like one', async () => {
    const answer = 'sw2#\r\nsw1(config)#x\r\n sw1#\r\nsw1#more\r\nsw1#';
    const { open } = switchThat('sw1#', ['sw1#', 'sw1#', answer]);
    expect((await clientOf(open).lists()).split('\n')).toEqual(['sw2#', 'sw1(config)#x', ' sw1#', 'sw1#more']);
  });

  it.each<[string, string, readonly (string | null)[], RegExp, typeof RemoteFault | typeof TerminalFault]>([
    ['a user who may not configure', 'sw1>', [], /privilege 15/, TerminalFault],
    [
      'a command that is unknown',
      'sw1#',
      ['sw1#', 'sw1#', "  ^\r\n% Invalid input detected at '^' marker.\r\n\r\nsw1#"],
      /Invalid input detected/,
      TerminalFault,
    ],
    [
      'a configuration that is locked',
      'sw1#',
      ['sw1#', 'sw1#', '% Configuration is locked by process 3\r\nsw1#'],
      /locked by process 3/,
      RemoteFault,
    ],
    ['a pager', 'sw1#', ['sw1#', 'sw1#', 'line\r\n --More-- '], /waits for a key/, TerminalFault],
    [
      'a question',
      'sw1#',
      ['sw1#', 'sw1#', 'Overwrite the previous NVRAM configuration?[confirm]'],
      /waits for a key/,
      TerminalFault,
    ],
    ['endless output', 'sw1#', ['sw1#', 'sw1#', 'x'.repeat(10_001)], /more than 10000 characters/, TerminalFault],
  ])('tells %s', async (_, greeting, answers, why, kind) => {
    const client = clientOf(switchThat(greeting, answers).open);
    const fault: unknown = await client.lists().catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(kind);
    expect(String(fault)).toMatch(why);
  });

  it('does not take an answer for its own that is to something else', async () => {
    const { open } = switchThat('sw1#', ['sw1#', 'sw1#'], () => 'something else\r\n');
    await expect(clientOf(open).lists()).rejects.toThrow(/does not repeat/);
  });

  it.each([
    ' 10 permit tcp any any ?',
    ' 10 permit tcp any any\nreload',
    ' 10 remark ü',
    ` 10 ${'x'.repeat(260)}`,
    ' 10 a\tb',
  ])('enters nothing that is a key of the command line: %j', async (line) => {
    const { open, heard } = switchThat('sw1#', [
      'sw1#',
      'sw1#',
      'sw1#',
      'sw1(config)#',
      'sw1(config-ext-nacl)#',
      'sw1(config-ext-nacl)#',
    ]);
    const client = clientOf(open);
    await client.lists();
    await client.begin();
    await client.enter('ip access-list extended cordon-x');
    await expect(client.enter(line)).rejects.toThrow(TerminalFault);
    expect(heard).toHaveLength(5);
  });

  it('enters no entry where the prompt does not say that it is in a list', async () => {
    const { open } = switchThat('sw1#', ['sw1#', 'sw1#', 'sw1#', 'sw1(config)#', 'sw1(config)#', 'sw1(config)#']);
    const client = clientOf(open);
    await client.lists();
    await client.begin();
    await client.enter('ip access-list extended cordon-x');
    await expect(client.enter(' 10 permit tcp any any')).rejects.toThrow(/belongs to no list/);
  });

  it('says what the switch says to a line, though it is no error by its form', async () => {
    const { open } = switchThat('sw1#', [
      'sw1#',
      'sw1#',
      'sw1#',
      'sw1(config)#',
      'TCAM is nearly full\r\nsw1(config-ext-nacl)#',
    ]);
    const client = clientOf(open);
    await client.lists();
    await client.begin();
    await expect(client.enter('ip access-list extended cordon-x')).rejects.toThrow(/TCAM is nearly full/);
  });

  it('leaves a change of somebody else alone', async () => {
    const timer =
      'Time configured(or reconfigured): 22:50:48 UTC\r\nTimer type: absolute timer\r\nTimer value: 2 min\r\nUser: admin\r\nsw1#';
    const { open } = switchThat('sw1#', ['sw1#', 'sw1#', timer]);
    await expect(clientOf(open).isPending()).rejects.toThrow(/a change of `admin`/);
  });

  describe('in time', () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    it.each([
      ['a login', '', []],
      ['a command', 'sw1#', ['sw1#', 'sw1#', null]],
      ['half an answer', 'sw1#', ['sw1#', 'sw1#', 'Extended IP acc']],
    ])('gives up %s that has no end', async (_, greeting, answers) => {
      const asked = clientOf(switchThat(greeting, answers).open).lists();
      await Promise.all([expect(asked).rejects.toThrow(/no answer within 1 s/), vi.advanceTimersByTimeAsync(1001)]);
    });
  });
});
