import { describe, expect, it } from 'vitest';
import { readConfig } from './config.js';

const urlOf = (env: Record<string, string>): string => readConfig(env).controllerUrl;

describe('the way to the controller', () => {
  it.each([
    'https://cordon.example',
    'http://127.0.0.1:8080',
    'http://127.9.9.9:1',
    'http://[::1]:8080',
    'http://localhost:8080',
  ])('may be %s', (url) => expect(urlOf({ CORDON_CONTROLLER_URL: `${url}/` })).toBe(url));

  it.each(['http://10.0.0.5:8080', 'http://cordon.example', 'http://127.0.0.1.example', 'http://localhost.example'])(
    'is not %s: a token would be readable on it',
    (url) => expect(() => urlOf({ CORDON_CONTROLLER_URL: url })).toThrow(/give https.*CORDON_CONTROLLER_INSECURE=1/),
  );

  it('may be in the clear where that is said, and is not by a word that means nothing', () => {
    const env = { CORDON_CONTROLLER_URL: 'http://10.0.0.5:8080' };
    expect(urlOf({ ...env, CORDON_CONTROLLER_INSECURE: '1' })).toBe('http://10.0.0.5:8080');
    expect(() => urlOf({ ...env, CORDON_CONTROLLER_INSECURE: '0' })).toThrow(/https/);
    expect(() => urlOf({ ...env, CORDON_CONTROLLER_INSECURE: 'yes' })).toThrow(/1 or 0/);
  });
});
