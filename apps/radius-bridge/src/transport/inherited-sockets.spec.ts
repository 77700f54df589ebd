import { describe, expect, it } from 'vitest';
import { inheritedSockets } from './inherited-sockets.js';

const env = { LISTEN_PID: '7', LISTEN_FDS: '3', LISTEN_FDNAMES: 'authentication:accounting:authentication' };

describe('sockets of systemd', () => {
  it('are told by the names that their units give them', () => {
    expect(inheritedSockets(env, 7)).toEqual(
      new Map([
        ['authentication', [3, 5]],
        ['accounting', [4]],
      ]),
    );
  });

  it.each([
    ['another process is meant', env, 8],
    ['there are none', {}, 7],
  ] as const)('are none when %s', (_, given, pid) => expect(inheritedSockets(given, pid).size).toBe(0));

  it.each(['radius', '', 'authentication-1', 'authentication-65', 'accounting-2'])('may not be named `%s`', (name) => {
    expect(() => inheritedSockets({ ...env, LISTEN_FDS: '1', LISTEN_FDNAMES: name }, 7)).toThrow('FileDescriptorName=');
  });
});
