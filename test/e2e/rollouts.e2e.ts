import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../apps/controller/src/config.js';
import { Log } from '../../apps/controller/src/log.js';
import { startController, type Controller } from '../../apps/controller/src/start.js';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { FakeNas } from '../../apps/radius-bridge/test/fake-nas.js';
import { testSecret } from '../../apps/radius-bridge/test/parts.js';
import { freePair } from './serve-process.js';
import { hasRadclient, radclient } from './radclient.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const bin = join(import.meta.dirname, '../../bin/cordon.js');
const bridgeToken = 'bridge-token-of-the-test';
const deadline = 20_000;

interface Rollout {
  readonly id: number;
  readonly status: string;
  readonly stage: number;
  readonly reason: string | null;
  readonly facts: { readonly progress: Record<'done' | 'pending' | 'held' | 'refused', number> } | null;
}
interface Session {
  readonly mac: string;
  readonly vlan: number;
  readonly class: string;
  readonly snapshotDigest: string;
  readonly convergence: { readonly state: string; readonly reason: string | null };
}

const pump = (n: number): string => `00:1a:00:00:00:0${n}`;
const ports = (...list: string[]): string => `https: { ports: [${list.join(', ')}], source: "RFC 9110" }\n`;
const stages = `stages: [{ name: canary, devices: ['${pump(1)}'] }, { name: first, sites: [main] }]
gates: { refused: 40, least: 1, ACTION }
classes: { infusion-pump: { breakGlass: pump-open } }
`;

/** Two sites with a switch each, three pumps: 1 (the canary) and 2 at main, 3 at branch. */
describe.skipIf(!hasRadclient())('a policy that is rolled out', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-rollouts-'));
  const repository = new PolicyRepository(join(folder, 'policy'));
  const [main, branch] = [new FakeNas(), new FakeNas()];
  let files: Record<string, string>;
  let controller: Controller;
  let admin = '';
  let bridge: BridgeProcess;
  let port = 8443;

  const startController_ = async (): Promise<void> => {
    const http = await freePair();
    const config = loadConfig({
      PATH: process.env.PATH,
      HOME: folder,
      CORDON_DATA: join(folder, 'controller'),
      CORDON_HTTP: `127.0.0.1:${controllerPort ?? http}`,
      CORDON_POLICY_REPOSITORY: repository.folder,
      CORDON_POLICY_POLL_SECONDS: '3600',
      CORDON_BRIDGE_TOKEN: bridgeToken,
    });
    controllerPort ??= http;
    controller = await startController(config, new Log(() => undefined));
    admin ||= controller.firstAdminToken!;
  };
  let controllerPort: number | null = null;

  beforeAll(async () => {
    files = {
      ...tinyPolicy,
      'catalog/sites.yaml': `${tinyPolicy['catalog/sites.yaml']!}branch: {}\n`,
      'catalog/classes-open.yaml': 'pump-open: { description: break-glass for pumps }\n',
      'rules/access-open.csv': 'p2, pump-open, everywhere, unverified, open, always, "break-glass"\n',
      'catalog/segments.yaml': `${tinyPolicy['catalog/segments.yaml']!.replaceAll(
        /sites: \{ main: \{ vlan: (\d+), prefixes: \[10\.(\d+)\.0\.0\/20, "fd(\d+)::\/64"\] \} \}/g,
        'sites: { main: { vlan: $1, prefixes: [10.$2.0.0/20, "fd$3::/64"] }, branch: { vlan: $1, prefixes: [10.$2.32.0/20, "fd$3:1::/64"] } }',
      )}open: { sites: { main: { vlan: 300, prefixes: [10.30.0.0/20, "fd30::/64"] } } }\n`,
      'network/nas.yaml': `sw1: { address: 127.0.0.1, site: main, profile: rfc, secret: "env:TEST_RADIUS_SECRET", coaPort: ${await main.listen()} }
sw2: { address: 127.0.0.2, site: branch, profile: rfc, secret: "env:TEST_RADIUS_SECRET", coaPort: ${await branch.listen('127.0.0.2')} }\n`,
      'network/rollout.yaml': stages.replace('ACTION', 'action: halt'),
    };
    repository.commit(files);
    await startController_();
    bridge = await BridgeProcess.start({
      dataFolder: join(folder, 'bridge'),
      controllerUrl: controller.url,
      token: bridgeToken,
      env: { CORDON_BRIDGE_ID: 'bridge-1', TEST_RADIUS_SECRET: testSecret },
    });
    for (const n of [1, 2, 3]) await api('POST', '/api/v1/devices', { mac: pump(n), class: 'infusion-pump' });
    await until(
      () => bridge.status(),
      (status) => status['ready'] === true && status['devices'] === 3,
    );
    for (const n of [1, 2, 3]) attach(n);
    await until(sessions, (all) => all.length === 3);
  }, 120_000);

  afterAll(async () => {
    await bridge?.end('SIGTERM');
    await controller?.app.close();
    for (const nas of [main, branch]) nas.close();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => {
    for (const nas of [main, branch]) nas.reset();
  });

  const attach = (n: number): void => {
    const { code } = radclient(bridge.authenticationPort, 'auth', testSecret, {
      'Packet-Src-IP-Address': n === 3 ? '127.0.0.2' : '127.0.0.1',
      'User-Name': pump(n),
      'User-Password': pump(n),
      'Calling-Station-Id': pump(n),
      'Service-Type': 'Call-Check',
      'NAS-Port-Id': `p${n}`,
      'Message-Authenticator': '0x00',
    });
    expect(code).toBe('Access-Accept');
  };

  async function until<T>(ask: () => Promise<T>, isSo: (answer: T) => boolean): Promise<T> {
    const end = Date.now() + deadline;
    for (;;) {
      const answer = await ask();
      if (isSo(answer)) return answer;
      if (Date.now() > end) throw new Error(`not so after ${deadline} ms: ${JSON.stringify(answer)}`);
      await new Promise((done) => {
        setTimeout(done, 20);
      });
    }
  }

  async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${controller.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  }

  const cordon = (...args: string[]): Promise<{ code: number; out: string }> =>
    new Promise((done) => {
      const env = { ...process.env, CORDON_TOKEN: admin, CORDON_CONTROLLER_URL: controller.url };
      const child = execFile(process.execPath, [bin, ...args], { env }, (_, out, err) =>
        done({ code: child.exitCode ?? -1, out: out + err }),
      );
    });

  const sessions = async (): Promise<Session[]> =>
    (await api<{ items: Session[] }>('GET', '/api/v1/sessions?state=open&limit=100')).items.sort((a, b) =>
      a.mac < b.mac ? -1 : 1,
    );
  const rollouts = async (): Promise<Rollout[]> => (await api<{ items: Rollout[] }>('GET', '/api/v1/rollouts')).items;
  const digest = async (): Promise<string> =>
    (await api<{ active: { digest: string } }>('GET', '/api/v1/policy')).active.digest;
  /** Another port for pumps: their port ACL changes, and the firewall's rules. */
  const commitChange = (more: Record<string, string> = {}): Promise<{ status: string; digest: string }> => {
    files = { ...files, ...more, 'catalog/applications.yaml': ports('tcp/443', `tcp/${++port}`) };
    repository.commit(files);
    return api('POST', '/api/v1/policy/sync');
  };
  const told = (): (string | null)[] => [...main.distinct, ...branch.distinct].map(({ mac }) => mac);
  const under = async (wanted: string): Promise<boolean[]> =>
    (await sessions()).map(({ snapshotDigest }) => snapshotDigest === wanted);

  it('goes from stage to stage, and is in force in the end', async () => {
    const before = await digest();
    const { status, digest: next } = await commitChange();
    expect(status).toBe('staged');
    expect(await digest()).toBe(before);
    await until(rollouts, ([row]) => row?.status === 'done');
    expect(await digest()).toBe(next);
    expect(
      await until(
        () => under(next),
        (all) => all.every(Boolean),
      ),
    ).toEqual([true, true, true]);
    expect(told()).toEqual([pump(1), pump(2), pump(3)]);
    const audit = await api<{ items: { action: string }[] }>('GET', '/api/v1/audit?limit=50');
    const actions = audit.items.map(({ action }) => action).filter((action) => /^(rollout|policy)\./.test(action));
    expect(actions.slice(0, 4).reverse()).toEqual([
      'rollout.start',
      'rollout.stage',
      'rollout.stage',
      'policy.activate',
    ]);
  });

  it('stops where a switch refuses, shows it, and goes back when a person says so', async () => {
    const before = await digest();
    main.on.coa = [501];
    main.on.disconnect = ['ack'];
    const { digest: next } = await commitChange();
    const [halted] = await until(rollouts, ([row]) => row?.status === 'halted');
    expect(halted!.reason).toContain('have a switch that refused');
    expect(halted).toMatchObject({ stage: 0, facts: { progress: { refused: 1, done: 0 } } });
    const shown = await cordon('rollout');
    expect(shown).toMatchObject({
      code: 3,
      out: expect.stringMatching(/halted.*\n.*▶ canary {2}first {2}everywhere/) as string,
    });
    expect(branch.distinct).toEqual([]);
    // A later commit waits its turn.
    expect(await commitChange()).toMatchObject({ status: 'waiting' });
    main.on.coa = ['ack'];
    expect(await cordon('rollout', 'abort', '--reason', 'the switch refuses')).toMatchObject({ code: 0 });
    await until(rollouts, (all) =>
      all.some(({ status, reason }) => status === 'withdrawn' && reason === 'the switch refuses'),
    );
    // The commit that waited begins from the policy in force, which never was the one that was withdrawn.
    await until(rollouts, ([row]) => row?.status === 'done');
    expect([before, next]).not.toContain(await digest());
  });

  it('takes itself back where policy says so, and is not tried again by itself', async () => {
    const { digest: ruled } = await commitChange({
      'network/rollout.yaml': stages.replace('ACTION', 'action: roll-back'),
    });
    await until(digest, (now) => now === ruled);
    await until(
      () => under(ruled),
      (all) => all.every(Boolean),
    );
    main.on.coa = [501];
    main.on.disconnect = [501];
    main.on.reauthenticate = [501];
    await commitChange();
    const [row] = await until(rollouts, ([newest]) => newest?.status === 'withdrawn');
    expect(row!.reason).toContain('refused');
    expect(await digest()).toBe(ruled);
    main.on.coa = ['ack'];
    expect(await api('POST', '/api/v1/policy/sync')).toMatchObject({ status: 'staged' });
    await until(rollouts, ([newest]) => newest?.status === 'done');
  });

  it('is over when git goes back to the policy in force', async () => {
    const before = files;
    const inForce = await digest();
    // Wider stages than a test takes to look: the canary alone is covered.
    main.hold();
    await commitChange();
    await until(rollouts, ([row]) => row?.status === 'running');
    files = before;
    repository.commit(files);
    expect(await api('POST', '/api/v1/policy/sync')).toMatchObject({ status: 'active', digest: inForce });
    main.release();
    expect((await rollouts())[0]).toMatchObject({
      status: 'withdrawn',
      reason: expect.stringContaining('takes it back') as string,
    });
    await until(
      () => under(inForce),
      (all) => all.every(Boolean),
    );
  });

  it('goes on where it was when controller and bridge are killed and started again', async () => {
    main.hold();
    await commitChange();
    await until(rollouts, ([row]) => row?.status === 'running');
    await bridge.end('SIGKILL');
    await controller.app.close();
    main.release();
    await startController_();
    expect((await rollouts())[0]).toMatchObject({ status: 'running', stage: 0 });
    bridge = await BridgeProcess.start({
      dataFolder: join(folder, 'bridge'),
      controllerUrl: controller.url,
      token: bridgeToken,
      env: { CORDON_BRIDGE_ID: 'bridge-1', TEST_RADIUS_SECRET: testSecret },
    });
    await until(rollouts, ([row]) => row?.status === 'done');
    const now = await digest();
    await until(
      () => under(now),
      (all) => all.every(Boolean),
    );
  }, 60_000);

  it('is brought into force by a person who does not wait, with their name and reason in the audit trail', async () => {
    main.hold();
    const { digest: next } = await commitChange();
    await until(rollouts, ([row]) => row?.status === 'running');
    for (const reason of ['one', 'two', 'three'])
      expect(await cordon('rollout', 'advance', '--reason', reason)).toMatchObject({ code: 0 });
    expect(await digest()).toBe(next);
    const { items } = await api<{ items: { action: string }[] }>('GET', '/api/v1/audit?limit=20');
    const last = items.find(({ action }) => action === 'policy.activate');
    expect(last).toMatchObject({ actor: expect.not.stringMatching(/^system$/) as string, reason: 'three' });
    main.release();
    await until(
      () => under(next),
      (all) => all.every(Boolean),
    );
  });

  it('leaves a device in clinical use alone until it is released', async () => {
    expect(await cordon('in-use', pump(2))).toMatchObject({
      code: 0,
      out: expect.stringContaining('1 device marked') as string,
    });
    const { digest: next } = await commitChange();
    await until(rollouts, ([row]) => row?.status === 'done');
    const held = await until(sessions, (all) => all[1]?.convergence.state === 'held');
    expect(held[1]!.convergence.reason).toContain('in clinical use since');
    expect(
      await until(
        () => under(next),
        ([one, , three]) => one === true && three === true,
      ),
    ).toEqual([true, false, true]);
    expect(told()).not.toContain(pump(2));
    expect(await cordon('in-use', pump(2), '--release')).toMatchObject({ code: 0 });
    await until(
      () => under(next),
      (all) => all.every(Boolean),
    );
  });

  it('opens a device past its policy for a time, loudly, and closes it by itself', async () => {
    const opened = await cordon(
      'break-glass',
      'open',
      '--mac',
      pump(1),
      '--hours',
      '0.0008',
      '--by',
      'Dr. Ada',
      '--reason',
      'theatre 3',
    );
    expect(opened).toMatchObject({
      code: 0,
      out: expect.stringMatching(/BREAK GLASS \d+: 00:1a:00:00:00:01 counts as `pump-open`/) as string,
    });
    await until(sessions, ([one]) => one?.vlan === 300);
    expect(await cordon('break-glass', 'list')).toMatchObject({
      code: 2,
      out: expect.stringContaining('Dr. Ada') as string,
    });
    await until(sessions, ([one]) => one?.vlan === 210 && one.class === 'infusion-pump');
    expect(await cordon('break-glass', 'list')).toMatchObject({
      code: 0,
      out: expect.stringContaining('over') as string,
    });
    const { items } = await api<{ items: { action: string; reason: string }[] }>('GET', '/api/v1/audit?limit=20');
    expect(items.find(({ action }) => action === 'break-glass.open')).toMatchObject({ reason: 'theatre 3' });
    expect(items.filter(({ action }) => action === 'break-glass.over')).toHaveLength(1);
  });

  it('puts the policy before back into force after it was over', async () => {
    const before = await digest();
    const { digest: next } = await commitChange();
    await until(digest, (now) => now === next);
    await until(
      () => under(next),
      (all) => all.every(Boolean),
    );
    expect(await cordon('rollout', 'roll-back', '--reason', 'wards complain')).toMatchObject({ code: 0 });
    expect(await digest()).toBe(before);
    await until(
      () => under(before),
      (all) => all.every(Boolean),
    );
    expect(await cordon('rollout', 'roll-back', '--reason', 'again')).toMatchObject({
      code: 1,
      out: expect.stringContaining('it was rolled back already') as string,
    });
    expect(await api('POST', '/api/v1/policy/sync')).toMatchObject({ status: 'rolled-back' });
    expect(await digest()).toBe(before);
  });
});
