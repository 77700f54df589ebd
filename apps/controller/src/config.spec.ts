import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from './config.js';

const folder = mkdtempSync(join(tmpdir(), 'cordon-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const url = 'https://desk.example/hook?token=x';
const webhookOf = (environment: Record<string, string>) =>
  loadConfig({
    CORDON_DATA: folder,
    CORDON_POLICY_REPOSITORY: '/srv/policy.git',
    ...Object.fromEntries(Object.entries(environment).map(([name, value]) => [`CORDON_WEBHOOK_${name}`, value])),
  }).webhook;

describe('the receiver of webhooks', () => {
  it('is nobody if none is named', () => {
    expect(webhookOf({ SECRET: secret })).toBeNull();
  });

  it('has the secret of the variable or of a file, or two while one is replaced', () => {
    expect(webhookOf({ URL: url, SECRET: secret })).toEqual({ url, secrets: [Buffer.alloc(32, 7)] });
    const file = join(folder, 'secret');
    writeFileSync(file, `${secret}\nwhsec_${Buffer.alloc(24).toString('base64')}\n`);
    expect(webhookOf({ URL: url, SECRET_FILE: file })?.secrets).toEqual([Buffer.alloc(32, 7), Buffer.alloc(24)]);
  });

  it.each(['http://127.0.0.1:9/x', 'http://[::1]:9/x', 'http://localhost/x'])('may be %s on this host', (local) => {
    expect(webhookOf({ URL: local, SECRET: secret })?.url).toBe(local);
  });

  it('may be reached without TLS elsewhere only if that is said', () => {
    expect(webhookOf({ URL: 'http://desk.example/x', SECRET: secret, INSECURE: '1' })?.url).toBe(
      'http://desk.example/x',
    );
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['no URL', { URL: 'desk.example', SECRET: secret }, /CORDON_WEBHOOK_URL must be a URL/],
    ['no TLS', { URL: 'http://desk.example/x', SECRET: secret }, /must be https:/],
    ['a name that only looks like this host', { URL: 'http://127.0.0.1.example/x', SECRET: secret }, /must be https:/],
    ['another protocol', { URL: 'ftp://127.0.0.1/x', SECRET: secret, INSECURE: '1' }, /must be https:/],
    ['a password in the URL', { URL: 'https://a:b@desk.example/', SECRET: secret }, /no user and password/],
    ['no secret', { URL: url }, /needs CORDON_WEBHOOK_SECRET/],
    ['two sources of it', { URL: url, SECRET: secret, SECRET_FILE: '/x' }, /can't be read|one of the two/],
    ['no file', { URL: url, SECRET_FILE: join(folder, 'none') }, /SECRET_FILE can't be read/],
    ['another form', { URL: url, SECRET: 'hunter2hunter2hunter2hunter2' }, /must be whsec_/],
    ['a short secret', { URL: url, SECRET: `whsec_${Buffer.alloc(16).toString('base64')}` }, /24 to 64 bytes/],
  ])('is refused with %s', (_, environment, expected) => {
    expect(() => webhookOf(environment)).toThrow(ConfigError);
    expect(() => webhookOf(environment)).toThrow(expected);
    expect(() => webhookOf(environment)).not.toThrow(/hunter2|token=x|BwcHBw/);
  });
});

const policyOf = (environment: Record<string, string>) =>
  loadConfig({
    CORDON_DATA: folder,
    CORDON_POLICY_REPOSITORY: '/srv/policy.git',
    ...Object.fromEntries(Object.entries(environment).map(([name, value]) => [`CORDON_POLICY_${name}`, value])),
  }).policy;

describe('the source of the policy', () => {
  const file = join(folder, 'some-file');
  writeFileSync(file, '');

  it('is the branch main, opened by what the user has, and of whoever may push, if nothing is said', () => {
    expect(policyOf({})).toMatchObject({
      reference: { kind: 'branch', name: 'main' },
      access: { sshKeyFile: null, knownHostsFile: null, tokenFile: null },
      trust: null,
    });
  });

  it('is another branch, or tags', () => {
    expect(policyOf({ BRANCH: 'live' }).reference).toEqual({ kind: 'branch', name: 'live' });
    expect(policyOf({ TAGS: 'v*' }).reference).toEqual({ kind: 'tags', pattern: 'v*' });
  });

  it('is opened by files, and trusted by files', () => {
    const files = { SSH_KEY_FILE: file, SSH_KNOWN_HOSTS_FILE: file, TOKEN_FILE: file };
    expect(policyOf(files).access).toEqual({ sshKeyFile: file, knownHostsFile: file, tokenFile: file });
    expect(policyOf({ SIGNERS_FILE: file, OWNERS_FILE: file }).trust).toEqual({
      signersFile: file,
      keyring: null,
      ownersFile: file,
    });
    expect(policyOf({ KEYRING: folder }).trust).toMatchObject({ signersFile: null, keyring: folder });
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['a branch and tags', { BRANCH: 'main', TAGS: 'v*' }, /one of the two/],
    ['owners and nobody whose signature counts', { OWNERS_FILE: file }, /needs CORDON_POLICY_SIGNERS_FILE/],
    ['no key', { SSH_KEY_FILE: join(folder, 'none') }, /CORDON_POLICY_SSH_KEY_FILE can't be read/],
    ['no token', { TOKEN_FILE: join(folder, 'none') }, /CORDON_POLICY_TOKEN_FILE can't be read/],
    ['no signers', { SIGNERS_FILE: join(folder, 'none') }, /CORDON_POLICY_SIGNERS_FILE can't be read/],
  ])('is refused with %s', (_, environment, expected) => {
    expect(() => policyOf(environment)).toThrow(ConfigError);
    expect(() => policyOf(environment)).toThrow(expected);
  });
});
