import { newEnforcer } from 'casbin';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const bin = join(root, 'bin/cordon.js');
const at = '2026-11-23T11:00:00Z';
let folder: string;

/** A git repository with the sample hospital: committed, and then one line more. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-explain-'));
  cpSync(join(root, 'policies'), join(folder, 'policies'), { recursive: true });
  const git = (...args: string[]): Buffer =>
    execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], { cwd: folder });
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-q', '-m', 'the sample hospital');
  const file = join(folder, 'policies/rules/flows-medical.csv');
  writeFileSync(file, `${readFileSync(file, 'utf8')}p, glucometer, drug-library, https, allow, always, "CHG-9999"\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function cordon(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { cwd: folder, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

/** `from to app`, and further options. */
function explain(query: string, ...options: string[]): { code: number | null; out: string; err: string } {
  const [from = '', to = '', app = ''] = query.split(' ');
  return cordon('explain', '--from', from, '--to', to, '--app', app, '--at', at, ...options);
}

// oxlint-disable-next-line typescript/no-explicit-any -- the answer of the command, looked into by each test
const explainJson = (query: string, ...options: string[]): any => JSON.parse(explain(query, '--json', ...options).out);

describe('cordon explain', () => {
  it('says by which memberships a rule matches, and who wrote it', () => {
    const { verdict, parts } = explainJson('syringe-pump 10.10.4.20 tcp/443');
    expect(verdict).toBe('allow');
    expect(parts).toHaveLength(1);
    expect(parts[0].rules[0]).toMatchObject({
      note: 'CHG-1042 pharmacy',
      paths: {
        subject: ['syringe-pump', 'infusion-pump'],
        object: ['10.10.4.20', 'drug-library-1', 'drug-library'],
        application: ['tcp/443', 'https'],
      },
      origin: { committed: true, author: 'Ada <ada@example.org>', summary: 'the sample hospital' },
    });
  });

  it('says of a line that it is not committed, and does not know it in the revision', () => {
    const { parts } = explainJson('glucometer drug-library https');
    expect(parts[0].rules[0]).toMatchObject({ note: 'CHG-9999', origin: { committed: false } });
    const before = explainJson('glucometer drug-library https', '--policy', 'HEAD');
    expect(before.verdict).toBe('deny');
    expect(before.parts[0].nearest[0].origin).toMatchObject({ committed: true, summary: 'the sample hospital' });
  });

  it('prints all of it for people, without colour in a pipe', () => {
    const { out, code } = explain('infusion-pump drug-library any');
    expect(code).toBe(0);
    for (const text of [
      'DENY   infusion-pump → drug-library  any\n',
      'only part of it is allowed',
      'infusion-pump → drug-library  any except tcp/443',
      'for example infusion-pump → 10.10.4.20  tcp/443',
      '`drug-library` is allowed on `https` (tcp/443), you asked for `any` (tcp/80)',
      'Ada: the sample hospital',
    ])
      expect(out).toContain(text);
    expect(out).not.toContain('\u001B');
  });

  it('takes a class as the role that it has at a site in a posture', () => {
    const { verdict, role, parts } = explainJson(
      'infusion-pump ehr https',
      '--site',
      'main',
      '--posture',
      'unverified',
    );
    expect([verdict, role.role, role.segment]).toEqual(['deny', 'infusion-pump-limited', 'pumps-limited']);
    expect(parts[0].rules[0].paths.subject).toEqual(['infusion-pump-limited', 'infusion-pump']);
    expect(explain('infusion-pump ehr https', '--site', 'main').err).toContain('go together');
    expect(explain('infusion-pump ehr https', '--site', 'main', '--posture', 'odd').code).toBe(1);
  });
});

describe('cordon casbin export', () => {
  it('writes two files that stock Casbin decides by as Cordon does', async () => {
    const out = join(folder, 'out');
    const { code, out: text } = cordon('casbin', 'export', out, '--at', at, '--json');
    expect(code).toBe(0);
    const { leftOut, model, policy } = JSON.parse(text) as { leftOut: unknown[]; model: string; policy: string };
    expect(leftOut.length).toBeGreaterThan(0);
    const enforcer = await newEnforcer(model, policy);
    for (const query of [
      'syringe-pump drug-library https',
      'infusion-pump 10.10.4.20 tcp/443',
      'infusion-pump 10.10.4.20 tcp/80',
      'infusion-pump ehr https',
      'pump-gateway infusion-pump pump-comms',
      'workstation internet https',
    ])
      expect([query, enforcer.enforceSync(...query.split(' '))]).toEqual([
        query,
        explainJson(query).verdict === 'allow',
      ]);
  });

  it('does not write over a policy', () => {
    const before = readFileSync(join(folder, 'policies/model.conf'), 'utf8');
    const { code, err } = cordon('casbin', 'export', 'policies');
    expect(code).toBe(1);
    expect(err).toContain('is a policy folder');
    expect(readFileSync(join(folder, 'policies/model.conf'), 'utf8')).toBe(before);
    expect(existsSync(join(folder, 'policies/policy.csv'))).toBe(false);
  });

  it('is completed', () => {
    const { out } = cordon('completion', 'bash');
    expect(out).toContain('"/casbin/export") words="--policy --at --json"');
  });
});
