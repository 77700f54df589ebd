import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../apps/controller/src/config.js';
import { Log } from '../../apps/controller/src/log.js';
import { PolicyLoop } from '../../apps/controller/src/policy/policy-loop.js';
import { startController, type Controller } from '../../apps/controller/src/start.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

/* Two installations take their policy from one repository: a laboratory from the branch, a hospital from tags. */

const folder = mkdtempSync(join(tmpdir(), 'cordon-installations-'));
const repository = new PolicyRepository(join(folder, 'policy'));
const adminToken = 'admin-token-of-the-test';
const running = new Map<string, Controller>();

const settings = {
  lab: { CORDON_SITES: 'lab', CORDON_POLICY_BRANCH: 'main' },
  hospital: { CORDON_SITES: 'main', CORDON_POLICY_TAGS: 'v*' },
} as const;
type Name = keyof typeof settings;

async function start(name: Name, more: Readonly<Record<string, string>> = {}): Promise<void> {
  const config = loadConfig({
    PATH: process.env.PATH,
    HOME: folder,
    CORDON_DATA: join(folder, name),
    CORDON_HTTP: '127.0.0.1:0',
    CORDON_POLICY_REPOSITORY: repository.folder,
    CORDON_POLICY_POLL_SECONDS: '3600',
    CORDON_ADMIN_TOKEN: adminToken,
    CORDON_INSTALLATION: name,
    ...settings[name],
    ...more,
  });
  running.set(name, await startController(config, new Log(() => undefined)));
}

const call = (name: Name, method: 'get' | 'post', path: string) => {
  const api = request(running.get(name)!.url);
  return api[method](`/api/v1/${path}`).set({ Authorization: `Bearer ${adminToken}` });
};

const sync = async (name: Name): Promise<object> =>
  (await call(name, 'post', 'policy/sync').expect(200)).body as object;

/** Of the policy in force: its commit, and what it would speak to. */
function inForce(name: Name) {
  const { snapshot, version } = running.get(name)!.app.get(PolicyLoop).active!;
  const { nas, enforcementPoints, segments } = snapshot;
  const names = [nas, enforcementPoints].map((list) => list.map((one) => one.name));
  return { commit: version.commit, switches: names[0], points: names[1], segments: segments.length };
}

let first: string;

beforeAll(async () => {
  first = repository.commit({
    ...tinyPolicy,
    'catalog/sites.yaml': `${tinyPolicy['catalog/sites.yaml']}lab: { description: laboratory, timezone: Europe/Berlin }\n`,
    'catalog/segments.yaml': tinyPolicy['catalog/segments.yaml']!.replace(
      '\n  sites: { main: { vlan: 666,',
      '\n  sites: { lab: { vlan: 667, prefixes: [10.67.0.0/20, "fd67::/64"] }, main: { vlan: 666,',
    ),
    'rules/access.csv': tinyPolicy['rules/access.csv']!.replaceAll(
      'p2, infusion-pump, everywhere',
      'p2, infusion-pump, main',
    ),
    'rules/membership.csv': `${tinyPolicy['rules/membership.csv']}g3, lab-bench, lab\n`,
    'catalog/sites-lab.yaml': 'lab-bench: { description: bench of the laboratory, timezone: Europe/Berlin }\n',
    'network/nas.yaml': `${tinyPolicy['network/nas.yaml']}sw2: { address: 127.0.0.2, site: lab-bench, profile: rfc, secret: "env:TEST_RADIUS_SECRET" }\n`,
    'network/enforcement-points.yaml': `${tinyPolicy['network/enforcement-points.yaml']}fw2: { driver: nftables, site: lab, transport: { kind: simulated } }\n`,
  });
  repository.git('tag', '-a', 'v1', '-m', 'one');
  await start('lab');
  await start('hospital');
}, 60_000);

afterAll(async () => {
  for (const controller of running.values()) await controller.app.close();
  rmSync(folder, { recursive: true, force: true });
});

it('each has its own switches and enforcement points, and all the names', async () => {
  expect(inForce('lab')).toEqual({ commit: first, switches: ['sw2'], points: ['fw2'], segments: 2 });
  expect(inForce('hospital')).toEqual({ commit: first, switches: ['sw1'], points: ['fw1'], segments: 2 });
  const { body } = await call('hospital', 'get', 'status').expect(200);
  expect(body).toMatchObject({
    installation: { name: 'hospital', sites: ['main'] },
    enforcementPoints: [{ name: 'fw1' }],
  });
});

it('a merge is for the laboratory, a tag for the hospital', async () => {
  const second = repository.commit({
    'rules/flows-more.csv': 'p, infusion-pump, remediation, https, allow, always, "CHG-1301"\n',
  });
  expect(await sync('lab')).toMatchObject({ status: 'active', commit: second });
  expect(await sync('hospital')).toMatchObject({ status: 'active', commit: first });
  repository.git('tag', '-a', 'v2', '-m', 'two');
  expect(await sync('hospital')).toMatchObject({ status: 'active', commit: second });
});

it('going back is for the sites of the installation, too', async () => {
  const answer = await call('hospital', 'post', 'policy/roll-back').send({ commit: first, reason: 'a try' });
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  expect(inForce('hospital')).toEqual({ commit: first, switches: ['sw1'], points: ['fw1'], segments: 2 });
});

it('a restart with other sites takes effect, with the commit that is in force', async () => {
  const { commit } = inForce('lab');
  repository.commit({ 'README.md': 'three' });
  await running.get('lab')!.app.close();
  await start('lab', { CORDON_SITES: 'lab,main', CORDON_POLICY_REPOSITORY: join(folder, 'nowhere') });
  expect(inForce('lab')).toEqual({ commit, switches: ['sw1', 'sw2'], points: ['fw1', 'fw2'], segments: 2 });
});

it('a site that the policy does not have is refused, and what is in force stays', async () => {
  const before = inForce('lab');
  await running.get('lab')!.app.close();
  await start('lab', { CORDON_SITES: 'labb' });
  expect(inForce('lab')).toEqual(before);
  expect(await sync('lab')).toMatchObject({
    status: 'refused',
    diagnostics: [{ code: 'installation-site-unknown', summary: expect.stringContaining('`labb`') as string }],
  });
});
