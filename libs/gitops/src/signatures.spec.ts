import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PolicySource } from './policy-source.js';
import { parseSigner, type Trust } from './signatures.js';
import { faultOf, Repository } from './testdata/repository.js';
import type { SourceFault } from './source-fault.js';

let repository: Repository;
let signers: string;

/** Makes a key pair; answers with the options of git that sign by it. */
function key(name: string): string[] {
  const file = join(repository.root, name);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
  return ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${file}`];
}

function trustKeys(...names: string[]): void {
  const lines = names.map(
    (name) => `${name}@example.org ${readFileSync(join(repository.root, `${name}.pub`), 'utf8')}`,
  );
  writeFileSync(signers, lines.join(''));
}

/** A commit with these files, signed by that key; unsigned with null. */
function commit(by: string[] | null, files: Record<string, string> = {}): string {
  repository.write(files);
  repository.git('add', '-A');
  repository.git(...(by ?? []), 'commit', '-q', '--allow-empty', ...(by ? ['-S'] : []), '-m', 'change');
  return repository.git('rev-parse', 'HEAD');
}

const trusting = (trust: Partial<Trust> = {}, reference?: { kind: 'tags'; pattern: string }): PolicySource =>
  repository.source({
    trust: { signersFile: signers, keyring: null, ownersFile: null, ...trust },
    ...(reference && { reference }),
  });

/** Answers with who signed. */
async function verify(source: PolicySource, inForce: string | null = null): Promise<string | null> {
  return source.verify(await source.fetch(inForce), inForce, '.');
}

const refusal = (source: PolicySource, inForce: string | null = null): Promise<SourceFault> =>
  faultOf(verify(source, inForce));

beforeEach(() => {
  repository = new Repository();
  signers = join(repository.root, 'signers');
});

afterEach(() => repository.remove());

describe('a signed commit', () => {
  it('of a trusted key is accepted', async () => {
    const ada = key('ada');
    trustKeys('ada');
    commit(ada);
    await expect(verify(trusting())).resolves.toBe('ada@example.org');
  });

  it('is wanted: one without a signature is refused, and what is in force can still be read', async () => {
    const ada = key('ada');
    trustKeys('ada');
    const good = commit(ada, { 'rules/a.csv': 'p' });
    const source = trusting();
    await verify(source);
    const bad = commit(null, { 'rules/a.csv': 'q' });
    const fault = await refusal(source, good);
    expect(fault).toMatchObject({ code: 'not-signed', message: `commit ${bad.slice(0, 12)} is not signed` });
    expect(fault.hint).toContain('CORDON_POLICY_SIGNERS_FILE');
    expect((await source.readTree(good, '.')).get('rules/a.csv')).toBe('p');
  });

  it('of another key is refused, and the key is named', async () => {
    const eve = key('eve');
    key('ada');
    trustKeys('ada');
    commit(eve);
    const [, print] = execFileSync('ssh-keygen', ['-l', '-f', join(repository.root, 'eve')], {
      encoding: 'utf8',
    }).split(' ');
    const fault = await refusal(trusting());
    expect(fault.code).toBe('signature-bad');
    expect(fault.message).toContain(`is signed by key ${print}, but the controller does not know that key`);
  });

  it('that was changed afterwards is refused', async () => {
    const ada = key('ada');
    trustKeys('ada');
    commit(ada);
    const changed = repository.git('cat-file', 'commit', 'HEAD').replace(/change$/, 'chance');
    repository.git('update-ref', 'refs/heads/main', repository.object('commit', `${changed}\n`));
    const fault = await refusal(trusting());
    expect(fault).toMatchObject({ code: 'signature-bad' });
    expect(fault.message).toContain('something else than this was signed');
  });

  it('does not make good the commits of others on top', async () => {
    const ada = key('ada');
    trustKeys('ada');
    commit(ada);
    commit(null);
    expect((await refusal(trusting())).code).toBe('not-signed');
  });

  it('counts by the file as it is now', async () => {
    const ada = key('ada');
    writeFileSync(signers, '');
    commit(ada);
    const source = trusting();
    expect((await refusal(source)).code).toBe('signature-bad');
    trustKeys('ada');
    await expect(verify(source)).resolves.toBe('ada@example.org');
  });

  it('is not judged by what the user of the controller trusts, nor by the repository', async () => {
    const eve = key('eve');
    trustKeys('eve');
    const home = join(repository.root, 'home');
    mkdirSync(home);
    writeFileSync(join(home, '.gitconfig'), `[gpg "ssh"]\n\tallowedSignersFile = ${signers}\n\tprogram = true\n`);
    const nobody = join(repository.root, 'nobody');
    writeFileSync(nobody, '');
    commit(eve, { '.gitconfig': `[gpg "ssh"]\n\tallowedSignersFile = ${signers}\n` });
    const source = repository.source({
      environment: { ...process.env, HOME: home },
      trust: { signersFile: nobody, keyring: null, ownersFile: null },
    });
    expect((await refusal(source)).code).toBe('signature-bad');
  });

  it('is refused when it can not be verified, and why is said', async () => {
    const ada = key('ada');
    trustKeys('ada');
    commit(ada);
    const bin = join(repository.root, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'ssh-keygen'), '#!/bin/sh\necho "out of order" >&2\nexit 1\n', { mode: 0o755 });
    const source = repository.source({
      environment: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
      trust: { signersFile: signers, keyring: null, ownersFile: null },
    });
    const fault = await refusal(source);
    expect(fault).toMatchObject({ code: 'signature-bad', message: expect.stringContaining('out of order') as string });
  });

  it('is refused when the file of signers is gone, and that is said', async () => {
    commit(key('ada'));
    const fault = await refusal(trusting({ signersFile: join(repository.root, 'none') }));
    expect(fault.code).toBe('trust-unreadable');
    expect(fault.message).toContain('CORDON_POLICY_SIGNERS_FILE');
  });
});

describe('a signed tag', () => {
  const tags = { kind: 'tags', pattern: 'v*' } as const;

  it('is what counts where tags are followed, and the commit needs no signature', async () => {
    const ada = key('ada');
    trustKeys('ada');
    const id = commit(null);
    repository.git(...ada, 'tag', '-s', 'v1', '-m', 'one');
    const source = trusting({}, tags);
    expect(await source.fetch(null)).toMatchObject({ commit: id, tag: { name: 'v1' } });
    await expect(verify(source)).resolves.toBe('ada@example.org');
  });

  it.each<[string, string[]]>([
    ['is only a name', ['v1']],
    ['has no signature', ['-a', 'v1', '-m', 'one']],
  ])('is wanted: one that %s is refused, whoever signed the commit', async (_, options) => {
    const ada = key('ada');
    trustKeys('ada');
    commit(ada);
    repository.git('tag', ...options);
    expect(await refusal(trusting({}, tags))).toMatchObject({ code: 'not-signed' });
  });

  it('of another key is refused', async () => {
    const eve = key('eve');
    key('ada');
    trustKeys('ada');
    commit(null);
    repository.git(...eve, 'tag', '-s', 'v1', '-m', 'one');
    expect(await refusal(trusting({}, tags))).toMatchObject({ code: 'signature-bad' });
  });

  it('under another name is refused: an old policy would be the newest', async () => {
    const ada = key('ada');
    trustKeys('ada');
    commit(null);
    repository.git(...ada, 'tag', '-s', 'v1', '-m', 'one');
    repository.git('update-ref', 'refs/tags/v9', 'refs/tags/v1');
    const fault = await refusal(trusting({}, tags));
    expect(fault).toMatchObject({ code: 'signature-bad' });
    expect(fault.message).toContain('tag v9 was signed as `v1`');
  });
});

describe.skipIf(spawnSync('gpg', ['--version']).status !== 0)('a signature of OpenPGP', () => {
  let homes: string[];
  const gpg = (home: string, ...args: string[]): Buffer =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });

  function home(name: string): string {
    const folder = join(repository.root, name);
    mkdirSync(folder, { mode: 0o700 });
    homes.push(folder);
    return folder;
  }

  /** Signs by this key whatever the environment of git is. */
  function gil(): { own: string; by: string[] } {
    const own = home('gil');
    gpg(own, '--passphrase', '', '--quick-gen-key', 'Gil <gil@example.org>', 'ed25519', 'sign');
    const program = join(repository.root, 'gpg-gil');
    writeFileSync(program, `#!/bin/sh\nexec gpg --homedir ${own} "$@"\n`, { mode: 0o755 });
    return { own, by: ['-c', `gpg.program=${program}`, '-c', 'user.signingKey=gil@example.org'] };
  }

  beforeEach(() => {
    homes = [];
  });

  afterEach(() => {
    for (const folder of homes) spawnSync('gpgconf', ['--homedir', folder, '--kill', 'all']);
  });

  it('is accepted by a keyring that has the key, and refused by one that has not', async () => {
    const { own, by } = gil();
    commit(by);
    const keyring = home('keyring');
    const source = trusting({ signersFile: null, keyring });
    const fault = await refusal(source);
    expect(fault.code).toBe('signature-bad');
    expect(fault.message).toContain('the controller does not know that key');
    const exported = join(repository.root, 'gil.gpg');
    writeFileSync(exported, gpg(own, '--export'));
    gpg(keyring, '--import', exported);
    await expect(verify(source)).resolves.toBe('gil@example.org');
  });

  it('does not count where only SSH is trusted, even if the user of the controller has the key', async () => {
    const { own, by } = gil();
    writeFileSync(signers, '');
    commit(by);
    const user = home('.gnupg');
    const exported = join(repository.root, 'gil.gpg');
    writeFileSync(exported, gpg(own, '--export'));
    gpg(user, '--import', exported);
    const source = repository.source({
      environment: { ...process.env, HOME: repository.root },
      trust: { signersFile: signers, keyring: null, ownersFile: null },
    });
    const fault = await refusal(source);
    expect(fault.code).toBe('signature-bad');
    expect(fault.message).toContain('but no key of that kind is trusted');
  });
});

describe('what the programs say', () => {
  it.each<[string, string, string[] | null]>([
    ['SSH', 'Good "git" signature for ada@x with ED25519 key SHA256:ab+/9', ['ada@x', 'SHA256:ab+/9']],
    ['a key that nobody has', 'Good "git" signature with ED25519 key SHA256:ab', null],
    ['words in front', 'x Good "git" signature for ada@x with ED25519 key SHA256:ab', null],
    [
      'OpenPGP by a subkey',
      `[GNUPG:] GOODSIG 1234567890ABCDEF Gil <gil@x>\n[GNUPG:] VALIDSIG ${'A'.repeat(40)} 2026-11-30 1 0 4 0 22 8 00 ${'B'.repeat(40)}`,
      ['gil@x', 'B'.repeat(40), 'A'.repeat(40)],
    ],
    ['OpenPGP without a valid signature', '[GNUPG:] GOODSIG 1234567890ABCDEF Gil <gil@x>', null],
  ])('of %s', (_, said, expected) => expect(parseSigner(said)).toEqual(expected));
});

describe('owned paths', () => {
  let ada: string[];
  let bob: string[];
  let source: PolicySource;
  let base: string;

  beforeEach(async () => {
    ada = key('ada');
    bob = key('bob');
    trustKeys('ada', 'bob');
    const ownersFile = join(repository.root, 'owners');
    writeFileSync(ownersFile, 'rules/pumps.csv ada@example.org\n');
    source = trusting({ ownersFile });
    base = commit(bob, { 'rules/pumps.csv': 'one', 'rules/other.csv': 'one' });
    await verify(source);
  });

  it('may be changed by their owner, and others by anybody', async () => {
    commit(ada, { 'rules/pumps.csv': 'two' });
    commit(bob, { 'rules/other.csv': 'two' });
    await expect(verify(source, base)).resolves.toBe('bob@example.org');
  });

  it('may not be changed by another, also below a commit of the owner', async () => {
    const bad = commit(bob, { 'rules/pumps.csv': 'two' });
    commit(ada, { 'rules/other.csv': 'two' });
    const fault = await refusal(source, base);
    expect(fault.code).toBe('owner-missing');
    expect(fault.message).toBe(
      `commit ${bad.slice(0, 12)} changes \`rules/pumps.csv\`, and is signed by bob@example.org, not by an owner: ada@example.org`,
    );
    expect(fault.hint).toContain('line 1 of CORDON_POLICY_OWNERS_FILE');
  });

  it('may not be deleted or renamed by another', async () => {
    repository.git('mv', 'rules/pumps.csv', 'rules/p.csv');
    commit(bob);
    expect((await refusal(source, base)).code).toBe('owner-missing');
  });

  it('may be as they were: a change that was taken back is none', async () => {
    commit(null, { 'rules/pumps.csv': 'two' });
    commit(bob, { 'rules/pumps.csv': 'one' });
    await expect(verify(source, base)).resolves.toBe('bob@example.org');
  });

  it('are taken up by a merge of anybody from a branch that the owner signed, and not from others', async () => {
    repository.git('checkout', '-q', '-b', 'work');
    commit(ada, { 'rules/pumps.csv': 'two' });
    repository.git('checkout', '-q', 'main');
    commit(bob, { 'rules/other.csv': 'two' });
    repository.git(...bob, 'merge', '-q', '-S', '--no-ff', '-m', 'merge', 'work');
    await expect(verify(source, base)).resolves.toBe('bob@example.org');
    repository.git('checkout', '-q', 'work');
    commit(bob, { 'rules/pumps.csv': 'three' });
    repository.git('checkout', '-q', 'main');
    repository.git(...bob, 'merge', '-q', '-S', '--no-ff', '-m', 'merge', 'work');
    expect((await refusal(source, base)).code).toBe('owner-missing');
  });

  it('are not brought back to an older state by a merge', async () => {
    repository.git('branch', 'old');
    const newer = commit(ada, { 'rules/pumps.csv': 'two' });
    repository.git('checkout', '-q', 'old');
    commit(bob, { 'rules/other.csv': 'x' });
    repository.git('checkout', '-q', 'main');
    repository.git(...bob, 'merge', '-q', '-S', '--no-ff', '--no-commit', 'old');
    repository.git('checkout', '-q', 'old', '--', 'rules/pumps.csv');
    repository.git(...bob, 'commit', '-q', '-S', '-m', 'merge');
    expect(repository.git('show', 'HEAD:rules/pumps.csv')).toBe('one');
    expect((await refusal(source, newer)).code).toBe('owner-missing');
  });

  it('are not changed by rewriting history', async () => {
    const newer = commit(ada, { 'rules/pumps.csv': 'two' });
    await verify(source, base);
    repository.git('reset', '-q', '--hard', base);
    expect((await refusal(source, newer)).code).toBe('owner-missing');
    commit(bob, { 'rules/pumps.csv': 'two' });
    await expect(verify(source, newer)).resolves.toBe('bob@example.org');
  });

  it('all count as changed where the commit in force is unknown', async () => {
    const fault = await refusal(source, '1'.repeat(40));
    expect(fault.code).toBe('owner-missing');
    commit(ada);
    await expect(verify(source, '1'.repeat(40))).resolves.toBe('ada@example.org');
  });

  it('need a file of owners that can be read', async () => {
    const ownersFile = join(repository.root, 'owners');
    writeFileSync(ownersFile, 'rules/pumps.csv\n');
    expect(await refusal(source, base)).toMatchObject({
      code: 'trust-unreadable',
      message: `${ownersFile}:1: \`rules/pumps.csv\` has no owner`,
    });
  });
});
