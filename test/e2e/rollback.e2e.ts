import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { playGithub } from '../forges/github.js';
import { ControllerApi } from '../soak/controller-api.ts';
import { ControllerProcess } from '../soak/controller-process.ts';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const bin = join(import.meta.dirname, '../../bin/cordon.js');
const folder = mkdtempSync(join(tmpdir(), 'cordon-rollback-'));
const repository = new PolicyRepository(join(folder, 'policy'));
const forge = playGithub();
const adminToken = 'admin-token-of-the-test';
const secret = 'secret-of-the-hook-of-the-test';
const pollSeconds = 0.3;
const patient = { timeout: 30_000, interval: 100 };
let controller: ControllerProcess;
let api: ControllerApi;

interface Policy {
  readonly active: { readonly commit: string; readonly digest: string };
  readonly rolledBack: { readonly head: string; readonly summary: string } | null;
  readonly source: { readonly lastSuccess: string };
}
interface Period {
  readonly id: number;
  readonly commit: string;
  readonly how: string;
  readonly scope: string;
  readonly until: string | null;
  readonly actor: string;
  readonly reason: string | null;
  readonly approvals: readonly { readonly kind: string; readonly name: string }[];
  readonly change: { readonly opened: number; readonly closed: number; readonly classes: readonly string[] } | null;
  readonly rollout: { readonly status: string } | null;
}

/** Opens this many ports, of which 443 is the first: a policy of its own for each number. */
const withPorts = (count: number): Record<string, string> => {
  const ports = Array.from({ length: count }, (_, i) => `tcp/${443 + i}`);
  return { 'catalog/applications.yaml': `https: { ports: [${ports.join(', ')}], source: "RFC 9110" }\n` };
};

/** What somebody pushed, after bob approved it. */
function push(files: Record<string, string>, message: string): string {
  const commit = repository.commit(files, message);
  forge.commits.add(commit);
  const reviews = [{ by: 'bob', says: 'approves', at: '2026-11-23T10:00:00Z', of: commit } as const];
  forge.merges.push({ number: forge.merges.length + 1, commits: [commit], head: commit, isMerged: true, reviews });
  return commit;
}

const post = <T>(path: string, body: object = {}): Promise<T> =>
  api.call('POST', path, JSON.stringify(body), 'application/json') as Promise<T>;
const policy = async (): Promise<Policy> => (await api.call('GET', '/policy')) as Policy;
const active = async (): Promise<string> => (await policy()).active.commit;
const sync = (take?: true) =>
  post<{ status: string; diagnostics: { code: string }[] }>('/policy/sync', take && { take });
const inForce = (commit: string) => vi.waitFor(async () => expect(await active()).toBe(commit), patient);
const history = async (): Promise<Period[]> =>
  ((await api.call('GET', '/policy/history?limit=100')) as { items: Period[] }).items;

let deliveries = 0;
async function hook(): Promise<void> {
  const body = '{"ref":"refs/heads/main"}';
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  const answer = await fetch(`${controller.url}/api/v1/hooks/github`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      connection: 'close',
      'x-github-delivery': `d${deliveries++}`,
      'x-hub-signature-256': signature,
    },
    body,
  });
  expect(answer.status).toBe(202);
}

/** The repository was looked at that often since now. */
async function polls(times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const { lastSuccess } = (await policy()).source;
    await vi.waitFor(async () => expect((await policy()).source.lastSuccess).not.toBe(lastSuccess), patient);
  }
}

const cordon = (...args: string[]): Promise<{ code: number; out: string }> =>
  new Promise((done) => {
    const env = { ...process.env, CORDON_TOKEN: adminToken, CORDON_CONTROLLER_URL: controller.url };
    const child = execFile(process.execPath, [bin, ...args], { env }, (_, out, err) =>
      done({ code: child.exitCode ?? -1, out: out + err }),
    );
  });

async function restart(): Promise<void> {
  await controller.stop('SIGKILL');
  await controller.start();
}

let [first, second]: [string, string] = ['', ''];

beforeAll(async () => {
  await forge.start();
  writeFileSync(join(folder, 'forge-token'), forge.token);
  writeFileSync(join(folder, 'hook-secret'), secret);
  controller = new ControllerProcess({
    folder,
    policy: repository.folder,
    adminToken,
    bridgeToken: 'bridge-token-of-the-test',
    onEnd: (reason) => {
      throw new Error(reason);
    },
    environment: {
      CORDON_POLICY_POLL_SECONDS: String(pollSeconds),
      CORDON_HOOK_SECRET_FILE: join(folder, 'hook-secret'),
      CORDON_FORGE: 'github',
      CORDON_FORGE_URL: forge.url,
      CORDON_FORGE_PROJECT: forge.project,
      CORDON_FORGE_TOKEN_FILE: join(folder, 'forge-token'),
    },
  });
  api = new ControllerApi(() => controller.url, adminToken);
  first = push(tinyPolicy, 'A');
  await controller.start();
  await inForce(first);
  second = push(withPorts(2), 'B\n\nReviewed-by: Eve <eve@example.org>');
  await inForce(second);
}, 120_000);

afterAll(async () => {
  await controller.close();
  forge.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a policy of before', () => {
  it('comes back into force, and the branch does not take it away', async () => {
    const done = await cordon('rollback', first.slice(0, 8), '--reason', 'pumps lose their gateway');
    expect(done).toMatchObject({ code: 0, out: expect.stringContaining('is in force again') as string });
    expect(await active()).toBe(first);
    await polls(2);
    await hook();
    await polls(1);
    expect(await active()).toBe(first);
    expect(await sync()).toMatchObject({ status: 'rolled-back', diagnostics: [{ code: 'rolled-back' }] });
    await restart();
    expect(await active()).toBe(first);
    await polls(2);
    await hook();
    expect(await sync()).toMatchObject({ status: 'rolled-back' });
    expect(await active()).toBe(first);
    const { rolledBack } = await policy();
    expect(rolledBack?.summary).toBe(
      `rolled back to ${first.slice(0, 12)} by admin because pumps lose their gateway; the branch still says ${second.slice(0, 12)}`,
    );
    const said = expect.stringContaining(rolledBack!.summary) as string;
    expect(await cordon('status')).toMatchObject({ code: 2, out: said });
    expect(await cordon('policy')).toMatchObject({ code: 2, out: said });
    expect(await cordon('policy', 'sync')).toMatchObject({ code: 2, out: said });
  });

  it('is told to the forge, for both commits', async () => {
    await vi.waitFor(() => expect(forge.statesOf(second).at(-1)).toBe('failure'), patient);
    await vi.waitFor(() => expect(forge.statesOf(first).at(-1)).toBe('success'), patient);
    const { description } = forge.statuses.findLast(({ sha }) => sha === second)!;
    expect(description).toBe(`taken back: rolled back to ${first.slice(0, 12)}: pumps lose their gateway`);
  });

  it('is one that there was', async () => {
    const refused = (revision: string) => cordon('rollback', revision, '--reason', 'x');
    expect(await refused('abcdef0')).toMatchObject({
      code: 1,
      out: expect.stringContaining('was ever in force') as string,
    });
    expect(await refused(first)).toMatchObject({
      code: 1,
      out: expect.stringContaining('is in force already') as string,
    });
    expect(await refused('abc')).toMatchObject({ code: 1, out: expect.stringContaining('7 or more digits') as string });
    expect(await refused('previous')).toMatchObject({
      code: 1,
      out: expect.stringContaining('rolled back already') as string,
    });
    expect(await active()).toBe(first);
  });

  it('goes away when a person takes what the branch says', async () => {
    expect(await cordon('policy', 'sync', '--take')).toMatchObject({ code: 0 });
    expect(await active()).toBe(second);
    expect((await policy()).rolledBack).toBeNull();
  });

  it('is in force or is not, whenever the controller is killed, and stays once that was said', async () => {
    for (const milliseconds of [0, 15, 40, 80, 150, 300, 600]) {
      let isSaid = false;
      const asked = post('/policy/roll-back', { commit: first, reason: `killed after ${milliseconds} ms` }).then(
        () => (isSaid = true),
        () => undefined,
      );
      await sleep(milliseconds);
      await controller.stop('SIGKILL');
      await asked;
      await controller.start();
      const { active: now, rolledBack } = await policy();
      expect([first, second]).toContain(now.commit);
      // Both of one transaction, or neither.
      expect(rolledBack !== null).toBe(now.commit === first);
      if (isSaid) expect(now.commit).toBe(first);
      await polls(2);
      await hook();
      await sync();
      expect(await active()).toBe(now.commit);
      if (now.commit === first) expect(await sync(true)).toMatchObject({ status: 'active' });
    }
  }, 240_000);

  it('comes from what is kept when git is gone, mirror and all', async () => {
    renameSync(repository.folder, `${repository.folder}-away`);
    rmSync(join(folder, 'data/controller/policy.git'), { recursive: true, force: true });
    expect(await cordon('rollback', 'previous', '--reason', 'git is down, too')).toMatchObject({ code: 0 });
    expect(await active()).toBe(first);
    renameSync(`${repository.folder}-away`, repository.folder);
    await polls(2);
    expect(await active()).toBe(first);
  });

  it('is over when another commit comes', async () => {
    const third = push(withPorts(3), 'C');
    await hook();
    await inForce(third);
    expect((await policy()).rolledBack).toBeNull();
    await restart();
    expect(await active()).toBe(third);
  });
});

describe('a policy of before, by stages', () => {
  it('is brought back as any change, and the commit in force does not end that', async () => {
    const stages = `stages: [{ name: canary, devices: ['00:1a:00:00:00:01'], soakMinutes: 0.05 }, { name: everywhere, sites: [main] }]\n`;
    const staged = push({ 'network/rollout.yaml': stages }, 'stages');
    await inForce(staged);
    const fourth = push(withPorts(4), 'D');
    await inForce(fourth);
    const done = await cordon('policy', 'roll-back', staged.slice(0, 10), '--reason', 'wards complain', '--json');
    expect(done.code).toBe(0);
    expect(JSON.parse(done.out)).toMatchObject({ status: 'staged', commit: staged, from: fourth });
    expect(await active()).toBe(fourth);
    expect(await sync()).toMatchObject({ status: 'rolled-back' });
    await restart();
    expect(await sync()).toMatchObject({ status: 'rolled-back' });
    await inForce(staged);
    await polls(2);
    expect(await active()).toBe(staged);
    await vi.waitFor(() => expect(forge.statesOf(fourth).at(-1)).toBe('failure'), patient);
    expect(forge.statesOf(fourth).slice(-2)).toEqual(['pending', 'failure']);
  }, 120_000);

  it('is everywhere at once with --now', async () => {
    expect(await sync(true)).toMatchObject({ status: 'staged' });
    await vi.waitFor(async () => expect((await policy()).active.commit).not.toBe(''), patient);
    const head = repository.git('rev-parse', 'HEAD');
    await inForce(head);
    expect(await cordon('rollback', 'previous', '--reason', 'at once', '--now', '--json')).toMatchObject({ code: 0 });
    expect(await active()).not.toBe(head);
  }, 120_000);
});

describe('the history', () => {
  it('has who approved, what changed, who did it and what became of it', async () => {
    const all = await vi.waitFor(async () => {
      const found = await history();
      const known = found.filter(({ change }) => change !== null);
      // The very first policy followed none.
      expect(known).toHaveLength(found.length - 1);
      return found;
    }, patient);
    const oldest = all.toReversed();
    expect(oldest[0]).toMatchObject({ commit: first, how: 'activate', actor: 'system', change: null });
    expect(oldest[1]).toMatchObject({ commit: second, how: 'activate' });
    expect(oldest[1]!.change).toMatchObject({ opened: 2, closed: 0 });
    expect(oldest[1]!.change?.classes).toContain('infusion-pump');
    expect(oldest[1]!.approvals).toMatchObject([
      { kind: 'claim', name: 'Eve <eve@example.org>' },
      { kind: 'forge', name: 'bob' },
    ]);
    expect(oldest[2]).toMatchObject({
      commit: first,
      how: 'roll-back',
      actor: 'admin',
      reason: 'pumps lose their gateway',
      change: { opened: 0, closed: 2 },
      approvals: [{ kind: 'forge', name: 'bob' }],
    });
    expect(oldest[2]!.until).toBe((oldest[3] as unknown as { since: string }).since);
    const staged = all.filter(({ scope }) => scope === 'stages');
    expect(staged.some(({ how, rollout }) => how === 'roll-back' && rollout?.status === 'done')).toBe(true);
    expect(all.filter(({ until }) => until === null)).toHaveLength(1);
    const shown = await cordon('policy', 'history', '--limit', '50');
    expect(shown.code).toBe(0);
    expect(shown.out).toMatch(
      new RegExp(`${second.slice(0, 12)} .*Eve <eve@example.org> \\(claimed\\), bob +\\+2 -0 ~26: .*infusion-pump`),
    );
    const plan = await cordon('policy', 'plan', String(all.find(({ commit }) => commit === second)!.id));
    expect(plan.code).toBe(2);
    expect(plan.out).toContain('tcp/444');
    expect(await cordon('policy', 'plan', String(oldest[0]!.id))).toMatchObject({ code: 1 });
  });

  it('agrees with git, what runs, and what was applied', async () => {
    const mended = push(withPorts(5), 'E');
    await vi.waitFor(async () => expect(await active()).toBe(mended), { timeout: 60_000, interval: 200 });
    await vi.waitFor(async () => expect(await cordon('policy')).toMatchObject({ code: 0 }), patient);
    const { out } = await cordon('policy', '--json');
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      source: { head: mended, commit: mended },
      running: { commit: mended },
      applied: [{ name: 'fw1', state: 'in-sync', verdict: 'in-sync' }],
      disagreements: [],
    });
  }, 120_000);
});
