import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseMac } from '#net';
import { encodeSnapshot } from '#policy';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FakeController } from '../../apps/radius-bridge/test/fake-controller.js';
import { sampleSnapshot } from '../../apps/radius-bridge/test/sample-policy.js';
import { mab, Switch } from '../conformance/switch.js';
import { accessRequest, accountingRequest, code, tlv, type } from '../conformance/wire.js';

const token = 'bridge-token-of-the-test';
const secret = 'rfc secret';
const patience = { timeout: 20_000, interval: 50 };
const names = 'authentication:authentication-2:accounting';
const switchCount = 16;

describe('sockets that systemd keeps', () => {
  const controller = new FakeController(token);
  const folder = mkdtempSync(join(tmpdir(), 'cordon-sockets-'));
  const lines: string[] = [];
  const switches: Switch[] = [];
  let keeper: ChildProcess;

  const latest = (form: RegExp): RegExpExecArray | undefined =>
    lines.flatMap((line) => form.exec(line) ?? []).length > 0
      ? lines.map((line) => form.exec(line)).findLast((match) => match !== null)!
      : undefined;
  const times = (form: RegExp): number => lines.filter((line) => form.test(line)).length;

  beforeAll(async () => {
    const snapshot = sampleSnapshot();
    const devices = [{ mac: parseMac('00:1a:2b:3c:4d:5e')!, class: 'infusion-pump', posture: 'normal' as const }];
    controller.initial = [
      { type: 'snapshot', snapshot: encodeSnapshot(snapshot) },
      { type: 'devices', reset: true, revision: 1, devices },
      { type: 'ping' },
    ];
    const main = join(import.meta.dirname, '../../dist/apps/radius-bridge/src/main.js');
    const script = join(import.meta.dirname, 'keeps-sockets.py');
    keeper = spawn('python3', [script, '1.5', names, process.execPath, main], {
      env: {
        PATH: process.env['PATH'] ?? '',
        CORDON_DATA: folder,
        CORDON_BRIDGE_HTTP: '127.0.0.1:0',
        CORDON_RADIUS_PROCESSES: '2',
        CORDON_CONTROLLER_URL: await controller.listen(),
        CORDON_BRIDGE_TOKEN: token,
        SECRET_RFC: secret,
        SECRET_CISCO: 'another',
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    for (const stream of [keeper.stdout!, keeper.stderr!])
      createInterface({ input: stream }).on('line', (line) => lines.push(line));
    await vi.waitFor(() => expect(latest(/^cordon bridge ready/)).toBeDefined(), patience);
    const [, authentication, accounting] = latest(/^ports (\d+) (\d+)$/)!;
    const ports = { authentication: Number(authentication), accounting: Number(accounting) };
    for (let i = 0; i < switchCount; i++) {
      const socket = createSocket('udp4').bind(0, '127.0.0.1');
      await once(socket, 'listening');
      switches.push(new Switch(socket, '127.0.0.1', secret, ports, async () => ({})));
    }
  });

  afterAll(async () => {
    for (const each of switches) each.close();
    keeper.stdin!.end();
    await once(keeper, 'exit');
    await controller.close();
    rmSync(folder, { recursive: true });
  });

  /** Without a policy the bridge says nothing: a switch asks again. */
  async function untilAnswered(nas: Switch): Promise<number> {
    const request = accessRequest(secret, mab());
    for (let tries = 0; ; tries++) {
      await nas.send(request);
      const reply = await nas.next(500).catch(() => null);
      if (reply) return nas.prove(request, reply.bytes).code;
      if (tries === 20) throw new Error('no answer');
    }
  }

  it('are answered on, in all processes', async () => {
    const codes = await Promise.all(switches.map(untilAnswered));
    expect(new Set(codes)).toEqual(new Set([code.accessAccept]));
    const [, http] = latest(/ http (\S+)$/)!;
    const page = await (await fetch(`http://${http}/metrics`)).text();
    expect(page).toMatch(/^cordon_bridge_responders_running 1$/m);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'lose no request while the bridge is started again (%s): nobody has to ask twice',
    async (signal) => {
      const [, pid] = latest(/^started (\d+)$/)!;
      const [ready, ended] = [times(/^cordon bridge ready/), times(/^ended/)];
      process.kill(Number(pid), signal);
      await vi.waitFor(() => expect(times(/^ended/)).toBe(ended + 1), patience);
      const requests = switches.map((nas) => ({ nas, request: accessRequest(secret, mab()) }));
      const start = [tlv(type.acctStatusType, 1), tlv(type.acctSessionId, `S-${signal}`), ...mab()];
      const record = accountingRequest(secret, start);
      for (const { nas, request } of requests) await nas.send(request);
      const last = switches.at(-1)!;
      expect(times(/^cordon bridge ready/)).toBe(ready);
      const codes = await Promise.all(
        requests.map(async ({ nas, request }) => nas.prove(request, (await nas.next()).bytes).code),
      );
      expect(new Set(codes)).toEqual(new Set([code.accessAccept]));
      expect(last.prove(record, await last.exchange(record)).code).toBe(code.accountingResponse);
      expect(times(/^cordon bridge ready/)).toBe(ready + 1);
    },
  );
});
