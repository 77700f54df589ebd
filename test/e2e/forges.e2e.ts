import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../apps/controller/src/config.js';
import { Log } from '../../apps/controller/src/log.js';
import { startController, type Controller } from '../../apps/controller/src/start.js';
import { playGithub } from '../forges/github.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const folder = mkdtempSync(join(tmpdir(), 'cordon-forges-'));
const repository = new PolicyRepository(join(folder, 'policy'));
const adminToken = 'admin-token-of-the-test';
const secret = 'secret-of-the-hook-of-the-test';
const waiting = { timeout: 20_000, interval: 50 };
const lines: string[] = [];
const forge = playGithub();
let controller: Controller;
let first: string;

beforeAll(async () => {
  first = repository.commit(tinyPolicy);
  await forge.start();
  forge.commits.add(first);
  writeFileSync(join(folder, 'forge-token'), `${forge.token}\n`);
  writeFileSync(join(folder, 'hook-secret'), `${secret}\n`);
  const config = loadConfig({
    PATH: process.env.PATH,
    HOME: folder,
    CORDON_DATA: join(folder, 'data'),
    CORDON_HTTP: '127.0.0.1:0',
    CORDON_POLICY_REPOSITORY: repository.folder,
    CORDON_POLICY_POLL_SECONDS: '3600',
    CORDON_ADMIN_TOKEN: adminToken,
    CORDON_HOOK_SECRET_FILE: join(folder, 'hook-secret'),
    CORDON_FORGE: 'github',
    CORDON_FORGE_URL: forge.url,
    CORDON_FORGE_PROJECT: forge.project,
    CORDON_FORGE_TOKEN_FILE: join(folder, 'forge-token'),
  });
  controller = await startController(config, new Log((line) => lines.push(line)));
});

afterAll(async () => {
  await controller.app.close();
  forge.stop();
  rmSync(folder, { recursive: true, force: true });
});

const api = () => request(controller.url);
const asAdmin = { Authorization: `Bearer ${adminToken}` };
const signed = (body: string) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

/** As GitHub sends it: its body has white space that a parser would lose. */
const push = (id: string, body = '{ "ref": "refs/heads/main" }', signature = signed(body)) =>
  api()
    .post('/api/v1/hooks/github')
    .set({ 'content-type': 'application/json', 'x-github-event': 'push', 'x-github-delivery': id })
    .set('x-hub-signature-256', signature)
    .send(body);

const activeCommit = async (): Promise<string> => {
  const { body } = await api().get('/api/v1/policy').set(asAdmin).expect(200);
  return (body as { active: { commit: string } }).active.commit;
};

describe('a hook', () => {
  it('brings a pushed commit into force long before the next look, and is taken once', async () => {
    const commit = repository.commit({ 'README.md': 'one' });
    await push('d1').expect(202, { status: 'accepted' });
    await vi.waitFor(async () => expect(await activeCommit()).toBe(commit), waiting);
    repository.commit({ 'README.md': 'two' });
    await push('d1').expect(200, { status: 'known' });
    expect(await activeCommit()).toBe(commit);
  });

  it('that is not genuine is told nothing', async () => {
    const refused = await push('d9', '{}', signed('{ }')).expect(401);
    expect(refused.body).toMatchObject({ status: 401, detail: 'not authenticated' });
    expect(refused.body).not.toHaveProperty('errors');
    await api().post('/api/v1/hooks/github').expect(401);
    await api().post('/api/v1/hooks/bitbucket').send('{}').expect(400);
  });

  it('is bounded before anything of it is read, and may not be compressed', async () => {
    const large = 'x'.repeat(1024 * 1024);
    await push('d2', large).expect(202);
    await push('d3', `${large}x`).expect(413);
    await push('d4').set('content-encoding', 'gzip').expect(415);
    // Nothing of it is parsed, so nothing of it can be malformed.
    await push('d5', '{').expect(202);
  });

  it('is counted', async () => {
    const { text } = await api().get('/metrics').set(asAdmin).expect(200);
    expect(text).toContain('cordon_controller_hooks_total{forge="github",outcome="known"} 1');
    expect(text).toContain('cordon_controller_hooks_total{forge="github",outcome="refused"} 2');
    expect(text).toContain('cordon_controller_hooks_total{forge="gitea",outcome="accepted"} 0');
    expect(lines.join('')).not.toContain(secret);
  });
});

describe('the forge', () => {
  const stand = (commit: string) => forge.statuses.filter(({ sha }) => sha === commit);
  const told = (commit: string, state: string) =>
    vi.waitFor(() => expect(stand(commit).at(-1)?.state).toBe(state), waiting);

  it('is told of what is in force, of what is refused, and where', async () => {
    await told(first, 'success');
    const flows = tinyPolicy['rules/flows.csv']!;
    const broken = repository.commit({ 'rules/flows.csv': flows.replace('infusion-pump,', 'infusion-pmup,') });
    forge.commits.add(broken);
    await push('broken').expect(202);
    await told(broken, 'failure');
    expect(stand(broken)[0]).toMatchObject({ context: 'cordon/production' });
    expect(stand(broken)[0]!.description).toMatch(/^refused.*: rules\/flows\.csv:2:\d+: error /);
    const mended = repository.commit({ 'rules/flows.csv': flows });
    forge.commits.add(mended);
    await push('mended').expect(202);
    await told(mended, 'success');
  });
});

interface Made {
  readonly branch: string;
  readonly base: string;
  readonly commit: string;
  readonly pullRequest: { readonly url: string | null; readonly problem: string | null };
  readonly plan: { readonly markdown: string; readonly json: { readonly changed: boolean; readonly flows: object[] } };
  readonly diagnostics: object[];
}

describe('a proposal', () => {
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', repository.folder, ...args], { encoding: 'utf8' }).trim();
  const path = 'rules/flows.csv';
  const opened = `${tinyPolicy[path]!}p, infusion-pump, remediation, https, allow, always, "CHG-1301"\n`;
  const propose = (body: object, token = adminToken) =>
    api()
      .post('/api/v1/policy/proposals')
      .set({ Authorization: `Bearer ${token}` })
      .send(body);
  const proposal = { title: 'Pumps reach remediation', description: 'CHG-1301', files: [{ path, content: opened }] };

  it('is a branch with one commit, a pull request and its plan, and changes nothing that is in force', async () => {
    const before = await activeCommit();
    forge.branches.add('proposal/pumps');
    const { body } = await propose({ ...proposal, branch: 'proposal/pumps' }).expect(201);
    const { branch, base, commit, pullRequest, plan, diagnostics } = body as Made;
    expect(pullRequest).toEqual({ url: 'https://forge.test/clinic/policy/pull/1', problem: null });
    expect([branch, base]).toEqual(['proposal/pumps', git('rev-parse', 'main')]);
    expect(git('rev-parse', 'proposal/pumps')).toBe(commit);
    expect(git('show', `${commit}:${path}`)).toBe(opened.trim());
    expect(git('log', '-1', '--format=%P %an %s', commit)).toBe(`${base} admin Pumps reach remediation`);
    expect(plan.json.changed).toBe(true);
    expect(plan.json.flows).toMatchObject([{ change: 'opened', destination: { text: 'remediation' } }]);
    expect(forge.pulls[0]).toMatchObject({ from: 'proposal/pumps', into: 'main', title: 'Pumps reach remediation' });
    expect(forge.pulls[0]!.body).toBe(`CHG-1301\n\n${plan.markdown}`);
    expect(Array.isArray(diagnostics)).toBe(true);
    await api().post('/api/v1/policy/sync').set(asAdmin).expect(200);
    expect(await activeCommit()).toBe(before);
    const audit = await api().get('/api/v1/audit').set(asAdmin).expect(200);
    const { items } = audit.body as { items: { action: string; actor: string; target: string }[] };
    expect(items.find(({ action }) => action === 'policy.propose')).toMatchObject({ actor: 'admin', target: commit });
  });

  it('stays a branch where the forge opens no pull request, and says why', async () => {
    const { body } = await propose(proposal).expect(201);
    const { branch, commit, pullRequest } = body as Made;
    expect(branch).toMatch(/^proposal\/pumps-reach-remediation-[0-9a-f]{8}$/);
    expect(git('rev-parse', branch)).toBe(commit);
    expect(pullRequest.url).toBeNull();
    expect(pullRequest.problem).toMatch(/^the forge answered 422 .*head or base is invalid/);
  });

  it('that does not load is refused, with file and line, and nothing is pushed', async () => {
    const branches = git('branch', '--list');
    const content = opened.replace('remediation, https', 'nowhere, https');
    const { body } = await propose({ ...proposal, files: [{ path, content }] }).expect(422);
    const { diagnostics } = body as { diagnostics: { code: string; hint: string; span: object }[] };
    expect(diagnostics[0]).toMatchObject({ severity: 'error', span: { file: path } });
    expect(diagnostics[0]!.hint).not.toBe('');
    expect(git('branch', '--list')).toBe(branches);
  });

  it('that breaks a test of the policy is made, and its plan says so', async () => {
    const content = tinyPolicy[path]!.replace(/^p, infusion-pump, drug-library.*\n/m, '');
    const { body } = await propose({ title: 'close', files: [{ path, content }] }).expect(201);
    expect((body as Made).plan.markdown).toContain('### Policy plan: 1 test of the policy broken');
  });

  it('may not take a branch that is there, nor one that is no proposal', async () => {
    await propose({ ...proposal, branch: 'proposal/pumps', title: 'again' }).expect(409);
    for (const branch of ['main', 'proposal/../main', 'proposal/', 'proposal/a.lock', 'proposal/-x', 'proposal/a..b'])
      await propose({ ...proposal, branch }).expect(400);
  });

  it('is of a base that is policy, and of files that are', async () => {
    const { body } = await propose({ ...proposal, base: first, title: 'of the first' }).expect(201);
    expect((body as Made).base).toBe(first);
    await propose({ ...proposal, base: git('rev-parse', 'proposal/pumps') }).expect(422);
    const climbing = await propose({ ...proposal, files: [{ path: '../x.csv', content: '' }] }).expect(422);
    expect(climbing.body).toMatchObject({ errors: [{ pointer: '/files/0/path' }] });
    const inTheWay = [{ path: `${path}/x.csv`, content: '# nothing\n' }];
    await propose({ ...proposal, files: inTheWay }).expect(422);
  });

  it('is for operators, and by name', async () => {
    const roles = { viewer: 403, operator: 201 } as const;
    for (const [role, status] of Object.entries(roles)) {
      const made = await api()
        .post('/api/v1/tokens')
        .set(asAdmin)
        .send({ name: `ada-${role}`, role })
        .expect(201);
      const { token } = made.body as { token: string };
      const { body } = await propose({ ...proposal, title: role }, token).expect(status);
      if (status === 201)
        expect(git('log', '-1', '--format=%an <%ae>', (body as Made).commit)).toBe(
          'ada-operator <ada-operator@cordon.invalid>',
        );
    }
  });

  it('is weighed in a thread, with the same result', () => {
    const built = join(import.meta.dirname, '../../dist/apps/controller/src/forges');
    const program = `
      import { weighProposal } from '${built}/weigh-proposal.js';
      import { weighInThread } from '${built}/weigh-thread.js';
      const [before, after] = JSON.parse(process.argv[2]).map((files) => new Map(Object.entries(files)));
      const request = { before, after, at: new Date('2026-11-24T12:30:00Z'), known: new Map() };
      process.stdout.write(JSON.stringify([weighProposal(request), await weighInThread(request)]));`;
    const sides = JSON.stringify([tinyPolicy, { ...tinyPolicy, [path]: opened }]);
    const file = join(folder, 'weigh.mjs');
    writeFileSync(file, program);
    const [here, there] = JSON.parse(execFileSync(process.execPath, [file, sides], { encoding: 'utf8' })) as object[];
    expect(here).toMatchObject({ ok: true, value: { plan: { changed: true } } });
    expect(there).toEqual(here);
  });
});
