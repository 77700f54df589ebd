import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { driverNamed, type NftablesDriver } from '#drivers';
import { feedMessageSchema, type FeedMessage, type Session } from '#model';
import { parseAddress } from '#net';
import { decodeSnapshot } from '#policy';
import { loadConfig } from '../../apps/controller/src/config.js';
import { Log } from '../../apps/controller/src/log.js';
import { startController, type Controller } from '../../apps/controller/src/start.js';
import { sampleSession } from '../../apps/controller/test/sample-session.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const folder = mkdtempSync(join(tmpdir(), 'cordon-e2e-'));
const repository = new PolicyRepository(join(folder, 'policy'));
const bridgeToken = 'bridge-token-of-the-test';
const logLines: string[] = [];
let controller: Controller;
let admin = '';

async function start(): Promise<void> {
  const config = loadConfig({
    PATH: process.env.PATH,
    HOME: folder,
    CORDON_DATA: join(folder, 'data'),
    CORDON_HTTP: '127.0.0.1:0',
    CORDON_POLICY_REPOSITORY: repository.folder,
    CORDON_POLICY_POLL_SECONDS: '3600',
    CORDON_RESYNC_SECONDS: '0.2',
    CORDON_BRIDGE_TOKEN: bridgeToken,
  });
  controller = await startController(config, new Log((line) => logLines.push(line)));
  if (controller.firstAdminToken) admin = controller.firstAdminToken;
}

const api = () => request(controller.url);
const as = (token: string) => ({ Authorization: `Bearer ${token}` });
const asAdmin = () => as(admin);

async function makeToken(name: string, role: string): Promise<string> {
  const made = await api().post('/api/v1/tokens').set(asAdmin()).send({ name, role }).expect(201);
  return (made.body as { token: string }).token;
}

beforeAll(async () => {
  repository.commit(tinyPolicy);
  await start();
});

afterAll(async () => {
  await controller.app.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('access', () => {
  it('answers /healthz and the interface description without a token, and nothing else', async () => {
    await api().get('/healthz').expect(200, { status: 'ok' });
    const openapi = await api().get('/api/v1/openapi.json').expect(200);
    const { paths } = openapi.body as { paths: Record<string, unknown> };
    expect(Object.keys(paths).length).toBeGreaterThan(15);
    for (const [path, methods] of Object.entries(paths)) {
      if (path === '/healthz' || path.startsWith('/api/v1/hooks/')) continue;
      for (const method of Object.keys(methods as object)) {
        const answer = await request(controller.url)[method as 'get'](path.replaceAll(/\{\w+\}/g, '00:1a:2b:3c:4d:5e'));
        expect([path, method, answer.status]).toEqual([path, method, 401]);
        expect(answer.type).toBe('application/problem+json');
      }
    }
  });

  it('knows its own tokens only, and refuses what a role may not', async () => {
    await api().get('/api/v1/devices').set(as('not-a-token')).expect(401);
    const viewer = await makeToken('wall-display', 'viewer');
    await api().get('/api/v1/devices').set(as(viewer)).expect(200);
    const refused = await api().post('/api/v1/policy/sync').set(as(viewer)).expect(403);
    expect(refused.body).toMatchObject({ status: 403, type: 'urn:cordon:problem:forbidden' });
    await api().get('/api/v1/tokens').set(as(viewer)).expect(403);
    await api().get('/api/v1/devices').set(as(bridgeToken)).expect(403);
    await api().get('/api/v1/bridge/feed').set(asAdmin()).expect(403);
  });

  it.each([
    ['application/json', `[${'['.repeat(1000)}`, '/api/v1/devices'],
    ['application/json', `"${'x'.repeat(9 << 20)}"`, '/api/v1/devices'],
    ['text/csv', 'x'.repeat(17 << 20), '/api/v1/devices/import'],
    ['application/x-ndjson', 'x'.repeat(2 << 20), '/api/v1/flows?point=fw1'],
  ])('reads nothing of a stranger: %s', async (type, body, path) => {
    const send = (token: string): Promise<number> =>
      fetch(`${controller.url}${path}`, { method: 'POST', headers: { ...as(token), 'content-type': type }, body }).then(
        ({ status }) => status,
        // It answered and hung up before all was sent.
        () => 401,
      );
    expect(await send('not-a-token')).toBe(401);
    expect([400, 413]).toContain(await send(admin));
  });

  it('a deleted token stops working at once, and the last admin token stays', async () => {
    const operator = await makeToken('night-shift', 'operator');
    const { body } = await api().get('/api/v1/tokens').set(asAdmin()).expect(200);
    const items = (body as { items: { id: string; name: string }[] }).items;
    expect(JSON.stringify(items)).not.toMatch(/hash|token"/);
    const idOf = (name: string) => items.find((item) => item.name === name)?.id ?? '';
    await api()
      .delete(`/api/v1/tokens/${idOf('night-shift')}`)
      .set(asAdmin())
      .expect(204);
    await api().get('/api/v1/devices').set(as(operator)).expect(401);
    await api()
      .delete(`/api/v1/tokens/${idOf('admin')}`)
      .set(asAdmin())
      .expect(409);
  });

  it.each(['system', 'bridge', 'System'])(
    'no token is called %s: the audit trail would not tell who it was',
    async (name) => {
      const answer = await api().post('/api/v1/tokens').set(asAdmin()).send({ name, role: 'viewer' }).expect(400);
      expect(answer.body).toMatchObject({ errors: [{ pointer: '/name' }] });
    },
  );

  it('writes no token to the log', () => {
    expect(logLines.join('')).not.toContain(admin);
    expect(logLines.join('')).not.toContain(bridgeToken);
  });
});

describe('devices', () => {
  const mac = '00:1a:2b:3c:4d:5e';

  it('live through create, change, quarantine and delete, and the audit trail tells all of it', async () => {
    const created = await api()
      .post('/api/v1/devices')
      .set(asAdmin())
      .send({ mac: '001A.2B3C.4D5E', class: 'infusion-pump', name: 'pump 7' })
      .expect(201);
    expect(created.body).toMatchObject({ mac, class: 'infusion-pump', posture: 'normal', name: 'pump 7' });
    await api().post('/api/v1/devices').set(asAdmin()).send({ mac, class: 'infusion-pump' }).expect(409);
    await api().patch(`/api/v1/devices/${mac}`).set(asAdmin()).send({ location: 'ward 3' }).expect(200);
    await api()
      .put('/api/v1/devices/00-1a-2b-3c-4d-5e/posture')
      .set(asAdmin())
      .send({ posture: 'quarantined', reason: 'scans ports' })
      .expect(200);
    await api().put(`/api/v1/devices/${mac}/class`).set(asAdmin()).send({ class: 'medical-device' }).expect(200);
    const found = await api().get('/api/v1/devices?search=ard%203&posture=quarantined').set(asAdmin()).expect(200);
    expect(found.body).toMatchObject({ items: [{ mac, class: 'medical-device', location: 'ward 3' }], next: null });
    await api().delete(`/api/v1/devices/${mac}`).set(asAdmin()).expect(204);
    await api().get(`/api/v1/devices/${mac}`).set(asAdmin()).expect(404);
    const audit = await api().get(`/api/v1/audit?target=${mac}`).set(asAdmin()).expect(200);
    const { items } = audit.body as { items: { action: string; actor: string; reason: string | null }[] };
    expect(items.map(({ action }) => action)).toEqual([
      'device.delete',
      'device.class',
      'device.posture',
      'device.change',
      'device.create',
    ]);
    expect(items[2]).toMatchObject({
      actor: 'admin',
      reason: 'scans ports',
      before: { posture: 'normal' },
      after: { posture: 'quarantined' },
    });
  });

  it.each([
    [{ mac: 'x', class: 'infusion-pump' }, 400, '/mac'],
    [{ mac, class: 'infusion-pump', colour: 'red' }, 400, '/colour'],
    [{ mac }, 400, '/class'],
    [{ mac, class: 'pump' }, 422, '/class'],
  ])('refuses %j with %i and names %s', async (body, status, pointer) => {
    const answer = await api().post('/api/v1/devices').set(asAdmin()).send(body).expect(status);
    expect(answer.type).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ status, errors: [{ pointer }] });
    if (status === 422) expect(answer.text).toContain('infusion-pump');
  });

  it.each([
    ['a path that is none', () => api().get('/api/v1/nothing').set(asAdmin()), 404],
    ['JSON that is none', () => api().post('/api/v1/devices').set(asAdmin()).type('json').send('{"mac":'), 400],
    ['an unknown query member', () => api().get('/api/v1/devices?colour=red').set(asAdmin()), 400],
    ['a MAC that is none', () => api().get('/api/v1/devices/xyz').set(asAdmin()), 400],
    ['a change of nothing', () => api().patch(`/api/v1/devices/${mac}`).set(asAdmin()).send({}), 400],
  ])('answers %s with a problem', async (_, call, status) => {
    const answer = await call();
    expect([answer.status, answer.type]).toEqual([status, 'application/problem+json']);
  });

  it('pages through the list by cursor', async () => {
    const csv = [
      'mac,class',
      ...Array.from({ length: 25 }, (_, n) => `00:1a:00:00:01:${(n + 16).toString(16)},infusion-pump`),
    ];
    const imported = await importCsv(csv.join('\n')).expect(200);
    expect(imported.body).toMatchObject({ created: 25, changed: 0, unchanged: 0, errors: [] });
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await api()
        .get(`/api/v1/devices?limit=10${cursor ? `&cursor=${cursor}` : ''}`)
        .set(asAdmin())
        .expect(200);
      const body = page.body as { items: { mac: string }[]; next: string | null };
      seen.push(...body.items.map((item) => item.mac));
      cursor = body.next;
    }
    expect(new Set(seen).size).toBe(25);
    expect(seen).toHaveLength(25);
  });
});

function importCsv(csv: string, query = '') {
  return api().post(`/api/v1/devices/import${query}`).set(asAdmin()).type('text/csv').send(csv);
}

describe('import', () => {
  const mixed = `mac,class,posture,name
00:1a:00:00:02:01,infusion-pump,normal,good
nonsense,infusion-pump,normal,bad mac
00:1a:00:00:02:03,infusion-pumpp,asleep,bad class and posture
00-1A-00-00-02-01,infusion-pump,normal,again
00:1a:00:00:02:05,infusion-pump
`;

  it('checks every row, names line and field, and stores nothing by default', async () => {
    const answer = await importCsv(mixed).expect(422);
    const { errors } = answer.body as { errors: { line: number; field: string; detail: string }[] };
    expect(errors.map(({ line, field }) => `${line} ${field}`)).toEqual([
      '3 mac',
      '4 posture',
      '4 class',
      '5 mac',
      '6 ',
    ]);
    expect(errors[3]?.detail).toContain('line 2');
    await api().get('/api/v1/devices/00:1a:00:00:02:01').set(asAdmin()).expect(404);
  });

  it('stores the good rows alone when asked to', async () => {
    const answer = await importCsv(mixed, '?mode=valid-rows').expect(200);
    expect(answer.body).toMatchObject({ created: 1 });
    expect((answer.body as { errors: unknown[] }).errors).toHaveLength(5);
  });

  it('leaves alone what a cell does not say: an import without posture releases nobody', async () => {
    const mac = '00:1a:00:00:02:01';
    await api()
      .put(`/api/v1/devices/${mac}/posture`)
      .set(asAdmin())
      .send({ posture: 'quarantined', reason: 'test' })
      .expect(200);
    const answer = await importCsv(`mac,class,posture,location\n${mac},infusion-pump,,ward 9\n`).expect(200);
    expect(answer.body).toMatchObject({ created: 0, changed: 1 });
    const device = await api().get(`/api/v1/devices/${mac}`).set(asAdmin()).expect(200);
    expect(device.body).toMatchObject({ posture: 'quarantined', location: 'ward 9', name: 'good' });
    expect((await importCsv(`mac,class\n${mac},infusion-pump\n`).expect(200)).body).toMatchObject({ unchanged: 1 });
  });

  it.each([
    ['mac,class,colour\n', 'colour'],
    ['mac\n', 'class'],
    ['', 'empty'],
    ['mac,class\n"x,y\n', 'CSV'],
  ])('refuses %j', async (csv, word) => {
    const answer = await importCsv(csv);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    if (csv) expect(answer.text).toContain(word);
  });
});

describe('policy', () => {
  it('shows what is in force', async () => {
    const answer = await api().get('/api/v1/policy').set(asAdmin()).expect(200);
    expect(answer.body).toMatchObject({
      active: { author: 'Ada <ada@example.org>', message: 'change the policy' },
      refused: null,
      source: { state: 'reached' },
    });
  });

  it('refuses a bad commit with all its errors, keeps the good one, and takes up the repair', async () => {
    const before = await activePolicy();
    const flows = tinyPolicy['rules/flows.csv']!;
    const bad = repository.commit({
      'rules/flows.csv': `${flows}p, infusion-pmp, drug-library, https, allow, always, "typo"\np, infusion-pump, drug-library, https, Deny, always, "case"\n`,
    });
    const refused = await sync();
    expect(refused).toMatchObject({ status: 'refused', commit: bad });
    const lines = (refused.diagnostics as { span: { file: string; line: number } }[]).map(({ span }) => span.line);
    expect(lines).toEqual([5, 6]);
    expect(await activePolicy()).toEqual(before);
    const status = await api().get('/api/v1/policy').set(asAdmin()).expect(200);
    expect(status.body).toMatchObject({ refused: { commit: bad, status: 'refused' } });
    expect((status.body as { refused: { diagnostics: unknown[] } }).refused.diagnostics).toHaveLength(2);

    const failing = repository.commit({
      'rules/flows.csv': flows.replace('drug-library, https, allow', 'drug-library, https, deny'),
    });
    const failed = await sync();
    expect(failed).toMatchObject({ status: 'refused', commit: failing });
    expect(JSON.stringify(failed.diagnostics)).toContain('pumps reach the library');

    const repaired = repository.commit({ 'rules/flows.csv': flows.replace('pumps fetch', 'infusion pumps fetch') });
    expect(await sync()).toMatchObject({ status: 'active', changed: true, commit: repaired });
    expect(await activePolicy()).toMatchObject({ commit: repaired });
    expect(await sync()).toMatchObject({ status: 'active', changed: false, commit: repaired });
    const versions = await api().get('/api/v1/policy/versions?limit=4').set(asAdmin()).expect(200);
    const { items } = versions.body as { items: { status: string }[] };
    expect(items.map(({ status }) => status)).toEqual(['active', 'refused', 'refused', 'superseded']);
  });

  it('explains a flow by name, by MAC and by what is not allowed', async () => {
    const ask = (query: string) => api().get(`/api/v1/explain?${query}`).set(asAdmin());
    const allowed = await ask('from=infusion-pump&to=drug-library&app=https').expect(200);
    expect(allowed.body).toMatchObject({
      verdict: 'allow',
      rules: [{ file: 'rules/flows.csv', line: 2 }],
      provenance: { author: 'Ada <ada@example.org>' },
      hints: [],
      role: null,
    });
    const byMac = await ask('from=00:1a:00:00:01:10&to=10.10.4.20&app=tcp/443').expect(200);
    expect(byMac.body).toMatchObject({
      verdict: 'allow',
      from: 'infusion-pump',
      parts: [
        {
          example: { from: 'infusion-pump', to: '10.10.4.20', service: 'tcp/443' },
          rules: [
            {
              line: 2,
              effect: 'allow',
              decides: true,
              note: 'infusion pumps fetch their library',
              paths: {
                subject: ['infusion-pump'],
                object: ['10.10.4.20', 'drug-library'],
                application: ['tcp/443', 'https'],
              },
            },
          ],
          nearest: [],
        },
      ],
    });
    const denied = await ask('from=infusion-pump&to=internet&app=any').expect(200);
    expect(denied.body).toMatchObject({ verdict: 'deny' });
    const unknown = await ask('from=infusion-pmp&to=internet&app=any').expect(422);
    expect(unknown.text).toContain('infusion-pmp');
  });

  it('explains what is missing, and a class as its role at a site', async () => {
    const ask = (query: string) => api().get(`/api/v1/explain?${query}`).set(asAdmin());
    const near = await ask('from=infusion-pump&to=drug-library&app=tcp/80').expect(200);
    expect(near.body).toMatchObject({ verdict: 'deny', reason: 'no rule allows it', rules: [] });
    expect((near.body as { parts: { nearest: unknown[] }[] }).parts[0]?.nearest[0]).toMatchObject({
      line: 2,
      mismatches: [
        {
          column: 'application',
          why: '`drug-library` is allowed on `https` (tcp/443), you asked for `tcp/80`',
        },
      ],
      overriddenBy: [],
    });
    const placed = await ask('from=infusion-pump&to=drug-library&app=https&site=main&posture=quarantined').expect(200);
    expect(placed.body).toMatchObject({
      verdict: 'deny',
      from: 'infusion-pump',
      query: { from: 'quarantined' },
      role: { class: 'infusion-pump', segment: 'quarantine', role: 'quarantined', rule: { file: 'rules/access.csv' } },
    });
    for (const wrong of ['site=main', 'site=main&posture=odd', 'site=nowhere&posture=verified'])
      expect((await ask(`from=infusion-pump&to=drug-library&app=https&${wrong}`)).status).toBe(
        wrong.includes('odd') ? 400 : 422,
      );
    await ask('from=00:1a:00:00:01:10&to=drug-library&app=https&site=main&posture=verified').expect(422);
  });
});

async function sync(): Promise<Record<string, unknown>> {
  return (await api().post('/api/v1/policy/sync').set(asAdmin()).expect(200)).body as Record<string, unknown>;
}

async function activePolicy(): Promise<unknown> {
  return ((await api().get('/api/v1/policy').set(asAdmin()).expect(200)).body as { active: unknown }).active;
}

/** Reads a feed until it is told to stop; `next` waits for the next snapshot or devices (credentials.e2e.ts has the rest). */
class FeedReader {
  private readonly abort = new AbortController();
  private constructor(private readonly lines: AsyncIterator<FeedMessage>) {}

  static async open(query: string): Promise<FeedReader> {
    const abort = new AbortController();
    const answer = await fetch(`${controller.url}/api/v1/bridge/feed${query}`, {
      headers: as(bridgeToken),
      signal: abort.signal,
    });
    expect(answer.status).toBe(200);
    const reader = new FeedReader(messagesOf(answer.body!));
    reader.abort.signal.addEventListener('abort', () => abort.abort());
    return reader;
  }

  async next(): Promise<FeedMessage> {
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error('the feed ended');
      if (value.type === 'snapshot' || value.type === 'devices') return value;
    }
  }

  close(): void {
    this.abort.abort();
  }
}

async function* messagesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<FeedMessage> {
  let rest = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield feedMessageSchema.parse(JSON.parse(line));
  }
}

function deviceBatch(message: FeedMessage): Extract<FeedMessage, { type: 'devices' }> {
  if (message.type !== 'devices') throw new Error(`expected devices, got ${message.type}`);
  return message;
}

describe('bridge feed', () => {
  const mac = '00:1a:00:00:03:01';

  it('gives a new bridge the snapshot and the whole index, then each change at once', async () => {
    const feed = await FeedReader.open('?since=0&digest=');
    const first = await feed.next();
    if (first.type !== 'snapshot') throw new Error('expected the snapshot first');
    expect(decodeSnapshot(first.snapshot).digest).toBe(((await activePolicy()) as { digest: string }).digest);
    const index = deviceBatch(await feed.next());
    expect(index.reset).toBe(true);
    expect(index.devices).toHaveLength(26);

    await api().post('/api/v1/devices').set(asAdmin()).send({ mac, class: 'infusion-pump' }).expect(201);
    const added = deviceBatch(await feed.next());
    expect(added).toMatchObject({ reset: false, devices: [{ mac, class: 'infusion-pump', posture: 'normal' }] });
    expect(added.revision).toBeGreaterThan(index.revision);
    feed.close();

    await api().delete(`/api/v1/devices/${mac}`).set(asAdmin()).expect(204);
    const digest = ((await activePolicy()) as { digest: string }).digest;
    const again = await FeedReader.open(`?since=${added.revision}&digest=${digest}`);
    expect(deviceBatch(await again.next())).toMatchObject({ reset: false, devices: [{ mac, deleted: true }] });
    repository.commit({ 'catalog/applications.yaml': 'https: { ports: [tcp/443, tcp/8443], source: "RFC 9110" }\n' });
    expect(await sync()).toMatchObject({ status: 'active', changed: true });
    expect((await again.next()).type).toBe('snapshot');
    again.close();
  });

  it('tells the serial number of a device that has one, and each change of it', async () => {
    const pump = '00:1a:00:00:03:02';
    const patch = (serial: string) =>
      api().patch(`/api/v1/devices/${pump}`).set(asAdmin()).send({ serial }).expect(200);
    await api().post('/api/v1/devices').set(asAdmin()).send({ mac: pump, class: 'infusion-pump' }).expect(201);
    const feed = await FeedReader.open('?since=0&digest=');
    await feed.next();
    const toldIn = async () => deviceBatch(await feed.next()).devices.find((device) => device.mac === pump);
    const bare = { mac: pump, class: 'infusion-pump', posture: 'normal' };
    expect(await toldIn()).toEqual(bare);
    await patch(' Ab-17 ');
    expect(await toldIn()).toEqual({ ...bare, serial: 'Ab-17' });
    await importCsv(`mac,class,serial\n${pump},infusion-pump,Ab-18\n`).expect(200);
    expect(await toldIn()).toEqual({ ...bare, serial: 'Ab-18' });
    await patch('');
    expect(await toldIn()).toEqual(bare);
    feed.close();
    await api().delete(`/api/v1/devices/${pump}`).set(asAdmin()).expect(204);
  });

  it('starts afresh for a bridge that knew another database', async () => {
    for (const since of [17, Date.now() * 2]) {
      const feed = await FeedReader.open(`?since=${since}`);
      expect((await feed.next()).type).toBe('snapshot');
      expect(deviceBatch(await feed.next())).toMatchObject({ reset: true });
      feed.close();
    }
  });
});

const sessionOf = (changes: Partial<Session>): Session =>
  sampleSession('2026-05-01T10:00:00.000Z', {
    mac: '00:1a:00:00:01:10' as Session['mac'],
    nasAddress: '127.0.0.1',
    acctSessionId: 'a1',
    addresses: ['10.21.0.5', 'fd21::5'],
    ...changes,
  });

function sendEvents(events: unknown[], bridge = 'bridge-1') {
  return api().post('/api/v1/bridge/events').set(as(bridgeToken)).send({ bridge, events });
}

describe('bridge events', () => {
  const authentication = {
    at: '2026-05-01T10:00:00.000Z',
    mac: '00:1a:00:00:01:10',
    nas: 'sw1',
    nasPort: '7',
    outcome: 'accept',
    reason: 'granted',
    segment: 'pumps',
    decisionId: 'd1',
    count: 1,
  };

  it('stores each number once, however often it is sent', async () => {
    const batch = [
      { type: 'authentication', seq: 1, authentication },
      { type: 'session', seq: 2, session: sessionOf({}) },
    ];
    for (let n = 0; n < 3; n++) expect((await sendEvents(batch).expect(200)).body).toEqual({ stored: 2 });
    const more = [...batch, { type: 'session', seq: 3, session: sessionOf({ revision: 2, inputOctets: 9 }) }];
    expect((await sendEvents(more).expect(200)).body).toEqual({ stored: 3 });
    const history = await api().get('/api/v1/devices/00:1a:00:00:01:10/authentications').set(asAdmin()).expect(200);
    expect((history.body as { items: unknown[] }).items).toHaveLength(1);
    expect((history.body as { items: unknown[] }).items).toMatchObject([authentication]);
    const session = await api().get('/api/v1/sessions/s1').set(asAdmin()).expect(200);
    expect(session.body).toMatchObject({ inputOctets: 9, desired: { segment: 'pumps', vlan: 210 }, isConverged: true });
    const listed = await api().get('/api/v1/sessions?state=open&site=main').set(asAdmin()).expect(200);
    expect(listed.body).toMatchObject({ items: [{ id: 's1' }], next: null });
  });

  it('never goes back to an older revision of a session', async () => {
    await sendEvents([{ type: 'session', seq: 4, session: sessionOf({ revision: 1, inputOctets: 1 }) }]).expect(200);
    const session = await api().get('/api/v1/sessions/s1').set(asAdmin()).expect(200);
    expect(session.body).toMatchObject({ revision: 2, inputOctets: 9 });
  });

  it('lists the sessions that a switch would not bring to what policy says, with what was tried', async () => {
    const at = '2026-05-01T10:05:00.000Z';
    const attempt = { at, step: 'coa', request: 'CoA-Request', outcome: 'nak', errorCause: 506, reason: 'no room' };
    const convergence = { state: 'diverged', since: at, reason: 'no room' };
    const session = { id: 's2', convergence, lastCoa: attempt, earlierCoa: [attempt] } as Partial<Session>;
    await sendEvents([{ type: 'session', seq: 5, session: sessionOf(session) }]).expect(200);
    const listed = await api().get('/api/v1/sessions?convergence=diverged').set(asAdmin()).expect(200);
    expect(listed.body).toMatchObject({ items: [session], next: null });
    const closed = { ...session, revision: 2, state: 'closed' } as Partial<Session>;
    await sendEvents([{ type: 'session', seq: 6, session: sessionOf(closed) }]).expect(200);
  });

  it('lists among the diverged a session whose switch does not take what it was told', async () => {
    const listed = async (diverged: boolean): Promise<string[]> => {
      const answer = await api().get(`/api/v1/sessions?diverged=${diverged}`).set(asAdmin()).expect(200);
      return (answer.body as { items: { id: string }[] }).items.map(({ id }) => id).filter((id) => id === 's3');
    };
    const delivery = { state: 'confirmed', since: '2026-05-01T10:05:00.000Z', reason: null };
    const session = { id: 's3', delivery } as Partial<Session>;
    await sendEvents([{ type: 'session', seq: 7, session: sessionOf(session) }]).expect(200);
    expect([await listed(true), await listed(false)]).toEqual([[], ['s3']]);
    const looping = { ...session, revision: 2, delivery: { ...delivery, state: 'looping' } } as Partial<Session>;
    await sendEvents([{ type: 'session', seq: 8, session: sessionOf(looping) }]).expect(200);
    expect([await listed(true), await listed(false)]).toEqual([['s3'], []]);
    const closed = { ...looping, revision: 3, state: 'closed' } as Partial<Session>;
    await sendEvents([{ type: 'session', seq: 9, session: sessionOf(closed) }]).expect(200);
  });

  it('shows that a session is behind the registry', async () => {
    const mac = '00:1a:00:00:01:10';
    const quarantine = { posture: 'quarantined', reason: 'test' };
    await api().put(`/api/v1/devices/${mac}/posture`).set(asAdmin()).send(quarantine).expect(200);
    const session = await api().get('/api/v1/sessions/s1').set(asAdmin()).expect(200);
    expect(session.body).toMatchObject({ segment: 'pumps', desired: { segment: 'quarantine' }, isConverged: false });
    const release = { posture: 'normal', reason: 'test' };
    await api().put(`/api/v1/devices/${mac}/posture`).set(asAdmin()).send(release).expect(200);
  });

  it('refuses a batch out of order, or with unknown members, as a whole', async () => {
    const events = [6, 5].map((seq) => ({ type: 'authentication', seq, authentication }));
    await sendEvents(events).expect(422);
    await sendEvents([{ type: 'authentication', seq: 10, authentication: { ...authentication, extra: 1 } }]).expect(
      400,
    );
    await sendEvents([{ type: 'authentication', seq: 0, authentication }]).expect(400);
    const status = await api().get('/api/v1/status').set(asAdmin()).expect(200);
    expect(status.body).toMatchObject({ sessions: { open: 1 }, bridges: { known: [{ id: 'bridge-1', lastSeq: 9 }] } });
  });
});

describe('enforcement', () => {
  const library = {
    source: parseAddress('10.21.0.5')!,
    destination: parseAddress('10.10.4.20')!,
    protocol: 6,
    port: 443,
  };
  const firewall = () => (driverNamed('nftables', {}) as NftablesDriver).simulated('fw1');
  const point = async () =>
    (await api().post('/api/v1/enforcement-points/fw1/sync').set(asAdmin()).expect(200)).body as object;
  const setPosture = (posture: string) =>
    api().put('/api/v1/devices/00:1a:00:00:01:10/posture').set(asAdmin()).send({ posture, reason: 'test' }).expect(200);

  it('lets a pump that is on the network reach its library, and nothing else', async () => {
    expect(await point()).toMatchObject({ state: 'in-sync', members: 2, lastError: null });
    expect(firewall().route(library)).toBe('passed');
    expect(firewall().route({ ...library, port: 22 })).toBe('dropped');
  });

  it('tells packets by line of policy, and how many no line allowed; here and to Prometheus', async () => {
    await point();
    const { body } = await api().get('/api/v1/enforcement-points/fw1/counters').set(asAdmin()).expect(200);
    const { lines, denied } = body as { lines: { text: string; packets: number }[]; denied: { packets: number } };
    const met = lines.filter(({ packets }) => packets > 0);
    expect(met).toEqual([expect.objectContaining({ file: 'rules/flows.csv', effect: 'allow', packets: 1, bytes: 64 })]);
    expect(denied.packets).toBe(1);
    const page = await api().get('/metrics').set(asAdmin()).expect(200);
    expect(page.text).toContain('cordon_controller_enforcement_denied_packets_total{point="fw1"} 1');
    expect(page.text).toMatch(/enforcement_packets_total\{point="fw1",line="\w{12}",at="rules\/flows\.csv:\d+"\} 1/);
    await api().get('/api/v1/enforcement-points/fw9/counters').set(asAdmin()).expect(404);
  });

  it('quarantine ends established connections within a second, with no switch taking part', async () => {
    expect(await firewall().connections()).toHaveLength(1);
    await setPosture('quarantined');
    await vi.waitFor(async () => expect(await firewall().connections()).toEqual([]), { timeout: 1000, interval: 10 });
    expect(firewall().route(library)).toBe('dropped');
    await setPosture('normal');
    await vi.waitFor(() => expect(firewall().route(library)).toBe('passed'), { timeout: 1000, interval: 10 });
  });

  it('finds and repairs drift by itself, shows it, and records it', async () => {
    await firewall().load(JSON.stringify({ nftables: [{ delete: { table: { family: 'inet', name: 'cordon' } } }] }));
    await vi.waitFor(() => expect(firewall().route(library)).toBe('passed'), { timeout: 3000, interval: 20 });
    const audit = await api().get('/api/v1/audit?action=enforcement.drift-repaired').set(asAdmin()).expect(200);
    expect(audit.body).toMatchObject({ items: [{ actor: 'system', target: 'fw1' }] });
    const listed = await api().get('/api/v1/enforcement-points').set(asAdmin()).expect(200);
    expect(listed.body).toMatchObject({ items: [{ name: 'fw1', state: 'in-sync', lastDrift: {} }] });
  });

  it('says which device does not answer, and knows no others', async () => {
    firewall().isReachable = false;
    expect(await point()).toMatchObject({ state: 'unreachable' });
    firewall().isReachable = true;
    expect(await point()).toMatchObject({ state: 'in-sync' });
    await api().post('/api/v1/enforcement-points/fw9/sync').set(asAdmin()).expect(404);
  });
});

describe('restart', () => {
  it('has the policy, devices and tokens again while git is gone', async () => {
    const before = await activePolicy();
    const away = join(folder, 'away');
    renameSync(repository.folder, away);
    await controller.app.close();
    await start();
    expect(controller.firstAdminToken).toBeNull();
    expect(await activePolicy()).toEqual(before);
    await api().get('/api/v1/devices/00:1a:00:00:01:10').set(asAdmin()).expect(200);
    expect(await sync()).toMatchObject({ status: 'unreachable', diagnostics: [{ code: 'repository-missing' }] });
    const status = await api().get('/api/v1/policy').set(asAdmin()).expect(200);
    expect(status.body).toMatchObject({ source: { state: 'unreachable' } });
    renameSync(away, repository.folder);
    expect(await sync()).toMatchObject({ status: 'active', changed: false });
  });
});
