import { describe, expect, it } from 'vitest';
import { TerminalFault } from './driver.js';
import { knownHostsLine, refuseOption } from './transport-ssh.js';

describe('knownHostsLine', () => {
  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZvbw==';
  it.each([
    `10.0.0.1 ${key}`,
    `[fw.example]:2222,10.0.0.1 ${key}`,
    `|1|c2FsdA==|aGFzaA== ${key}`,
    key,
    `10.0.0.1 ${key} a comment`,
  ])('takes the key of `%s` whatever host it names', (line) =>
    expect(knownHostsLine(line)).toBe(`cordon-target ${key}\n`),
  );
  it.each(['', '10.0.0.1', `@cert-authority * ${key}`, `10.0.0.1 ${key}\n10.0.0.2 ${key}`, `@revoked * ${key}`])(
    'refuses `%s`',
    (line) => {
      expect(() => knownHostsLine(line)).toThrow(TerminalFault);
    },
  );
});

describe('refuseOption', () => {
  it.each(['-oProxyCommand=x', 'a b', '', '$(x)', "a'b"])('refuses `%s` as the name of a host', (word) =>
    expect(() => refuseOption(word)).toThrow(TerminalFault),
  );
  it.each(['sw1', '10.0.0.1', 'fe80::1%eth0', '[fd00::1]'])('takes `%s`', (word) => refuseOption(word));
});
