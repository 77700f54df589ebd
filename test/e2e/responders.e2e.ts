import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secret, TestBed, type TestDevice } from '../conformance/bed.js';
import { EapMaterial } from '../conformance/eap.js';
import { authenticate } from '../conformance/supplicant.js';
import { mab, pump, type Switch } from '../conformance/switch.js';
import { accessRequest, accountingRequest, code, only, tlv, type, type Parsed } from '../conformance/wire.js';

const count = 3;
const portCount = 48;
const macs = Array.from({ length: portCount }, (_, i) => `00:1a:2b:3c:50:${i.toString(16).padStart(2, '0')}`);
const devices: readonly TestDevice[] = [{ mac: pump }, ...macs.map((mac) => ({ mac }))];
const unknown = '02:aa:00:00:00:01';

describe('several processes on one port', () => {
  let bed: TestBed;
  let material: EapMaterial;
  /** Each with a port of its own: the kernel spreads them over the processes. */
  let switches: Switch[];

  const ask = (nas: Switch, mac: string): Promise<Parsed> => nas.ask(accessRequest(secret, mab(mac)));
  /** Which process decided: names of decisions begin with what it drew at its start. */
  const decider = (reply: Parsed): string => only(reply, type.class)!.toString('latin1').slice(0, 13);
  const vlanOf = (reply: Parsed): string => only(reply, type.tunnelPrivateGroupId)!.toString();
  const askAll = (): Promise<Parsed[]> => Promise.all(switches.map((nas, i) => ask(nas, macs[i]!)));
  const counted = async (name: string): Promise<number> => (await bed.bridge.counters())[name] ?? 0;
  const responderIds = (): number[] => {
    const { stdout } = spawnSync('pgrep', ['-P', `${bed.bridge.child.pid}`, '-f', 'responders/main'], {
      encoding: 'utf8',
    });
    return stdout.trim().split('\n').filter(Boolean).map(Number);
  };
  const metric = async (name: string): Promise<number> => {
    const page = await (await fetch(`${bed.bridge.http}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1]);
  };
  /** All of them answer again after something that only the first had to know at once. */
  const untilAll = (isTrue: (reply: Parsed) => boolean): Promise<void> =>
    bed.until(async () => (await askAll()).every(isTrue), 'all processes decide by what is new');

  beforeAll(async () => {
    material = await EapMaterial.create();
    const env = { CORDON_RADIUS_PROCESSES: `${count}` };
    bed = await TestBed.start({ files: material.files(), devices, env });
    switches = await Promise.all(macs.map(() => bed.switchAt()));
    await bed.until(async () => new Set((await askAll()).map(decider)).size === count, 'all processes answer');
  });

  afterAll(async () => {
    await bed?.stop();
    material?.remove();
  });

  it('shares the switches out, and each process gives every device the same', async () => {
    const replies = await askAll();
    expect(new Set(replies.map(decider)).size).toBe(count);
    expect(new Set(replies.map(vlanOf))).toEqual(new Set(['210']));
    expect(responderIds()).toHaveLength(count - 1);
    expect(await metric('cordon_bridge_responders_running')).toBe(count - 1);
  });

  it('gives a duplicate the same bytes, from whichever process it had them', async () => {
    const before = await counted('authentication.duplicates');
    await Promise.all(
      switches.map(async (nas, i) => {
        const request = accessRequest(secret, mab(macs[i]));
        const first = await nas.exchange(request);
        for (let times = 0; times < 3; times++) expect(await nas.exchange(request)).toEqual(first);
      }),
    );
    await bed.until(async () => (await counted('authentication.duplicates')) === before + 3 * portCount, 'all counted');
  });

  it('has a session of each device, with the decision that its switch was told', async () => {
    const replies = await askAll();
    for (const [i, reply] of replies.entries()) {
      const decisionId = only(reply, type.class)!.toString('latin1');
      await bed.session(macs[i]!, (session) => session.decisionId === decisionId && session.vlan === 210);
    }
  });

  it('counts what all of them did, and says which sources are strangers', async () => {
    const before = await counted('authentication.accepts');
    await askAll();
    await bed.until(
      async () => (await counted('authentication.accepts')) === before + portCount,
      'accepts are counted',
    );
    const rejects = await Promise.all(switches.map((nas) => ask(nas, unknown)));
    expect(rejects.every((reply) => reply.code === code.accessReject)).toBe(true);
    const record = await bed.authentication(({ mac, outcome }) => mac === unknown && outcome === 'reject');
    expect(record.reason).toMatch(/no access rule/);
    const strangers = await Promise.all(Array.from({ length: 24 }, () => bed.switchAt('127.0.0.9')));
    for (const stranger of strangers) await stranger.send(accessRequest(secret, mab()));
    await bed.until(
      async () => (await bed.bridge.status())['unknownClients'] !== undefined && (await strangersSeen()) === 24,
      'all of them are counted',
    );
  });

  const strangersSeen = async (): Promise<number> => {
    const seen = (await bed.bridge.status())['unknownClients'] as { readonly addresses: Record<string, number> };
    return seen.addresses['127.0.0.9'] ?? 0;
  };

  it('drops what is not signed, in every process', async () => {
    const before = await counted('authentication.dropped.message-authenticator-invalid');
    const forged = accessRequest(secret, mab(), { messageAuthenticator: 'wrong' });
    for (const nas of switches) await nas.send(forged);
    await bed.until(
      async () => (await counted('authentication.dropped.message-authenticator-invalid')) === before + portCount,
      'all of them are dropped',
    );
    for (const nas of switches) expect(nas.waiting).toBe(0);
  });

  it('leads a conversation of 802.1X to its end although each request comes to another process', async () => {
    const device = await material.issue(pump);
    let turn = 0;
    const roaming = { secret, ask: (request: Buffer) => switches[turn++ % portCount]!.ask(request) };
    for (let i = 0; i < 3; i++) {
      const { end } = await authenticate(roaming as Switch, { device, version: '1.3' });
      expect(end.code).toBe(code.accessAccept);
      expect(vlanOf(end)).toBe('211');
    }
    await bed.session(pump, ({ method }) => method === 'certificate');
  });

  it('decides in all processes by a new posture and a new policy', async () => {
    await bed.change({ devices: devices.map((device) => ({ ...device, posture: 'quarantined' })) }, 2);
    await untilAll((reply) => vlanOf(reply) !== '210');
    await bed.change({}, 3);
    await untilAll((reply) => vlanOf(reply) === '210');
  });

  it('forgets in all processes a device that a reset does not name', async () => {
    await bed.change({ devices: devices.slice(0, 2) }, 4);
    await bed.until(
      async () => (await askAll()).slice(1).every((reply) => reply.code === code.accessReject),
      'they are unknown everywhere',
    );
    await bed.change({}, 5);
    await untilAll((reply) => reply.code === code.accessAccept);
  });

  it('goes on when a process is killed, and has it back, with everything that it must know', async () => {
    const [victim] = responderIds();
    process.kill(victim!, 'SIGKILL');
    // A switch asks again when it hears nothing.
    const patient = async (nas: Switch, mac: string): Promise<Parsed> => {
      const request = accessRequest(secret, mab(mac));
      for (let tries = 0; ; tries++) {
        await nas.send(request);
        const reply = await nas.next(1000).catch(() => null);
        if (reply) return nas.prove(request, reply.bytes);
        if (tries === 5) throw new Error('no answer at the sixth try');
      }
    };
    const replies = await Promise.all(switches.map((nas, i) => patient(nas, macs[i]!)));
    expect(new Set(replies.map(vlanOf))).toEqual(new Set(['210']));
    await bed.until(async () => (await metric('cordon_bridge_responders_running')) === count - 1, 'it is back');
    await bed.until(async () => new Set((await askAll()).map(decider)).size === count, 'it answers');
    expect(await metric('cordon_bridge_responder_restarts_total')).toBe(1);
    expect(new Set((await askAll()).map(vlanOf))).toEqual(new Set(['210']));
  });

  it('takes accounting of sessions that other processes began', async () => {
    const mac = macs[7]!;
    const reply = await ask(switches[7]!, mac);
    const start = [tlv(type.acctStatusType, 1), tlv(type.acctSessionId, `S-${randomBytes(3).toString('hex')}`)];
    const decided = tlv(type.class, only(reply, type.class)!);
    await switches[7]!.ask(accountingRequest(secret, [...start, ...mab(mac), decided]));
    await bed.session(mac, ({ acctSessionId, vlan }) => acctSessionId !== null && vlan === 210);
  });

  it('leaves no process behind when it ends, and writes down what they decided', async () => {
    const replies = await askAll();
    const ids = responderIds();
    expect(await bed.bridge.end('SIGTERM')).toBe(0);
    for (const id of ids) expect(() => process.kill(id, 0)).toThrow('ESRCH');
    await bed.restart();
    const last = only(replies.at(-1)!, type.class)!.toString('latin1');
    await bed.session(macs.at(-1)!, ({ decisionId }) => decisionId === last);
  });
});
