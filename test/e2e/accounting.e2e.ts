import { spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Session } from '#model';
import { formatMacRadius, parseMac, type Mac } from '#net';
import { encodeSnapshot } from '#policy';
import { codes, integerAttribute, Secret, signRequest, textAttribute, types } from '#radius';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { FakeController } from '../../apps/radius-bridge/test/fake-controller.js';
import { sampleSnapshot } from '../../apps/radius-bridge/test/sample-policy.js';

const token = 'bridge-token-of-the-test';
const secrets = { SECRET_RFC: 'rfc secret' };
const secret = new Secret(secrets.SECRET_RFC);
const statuses = { start: 1, stop: 2, interim: 3 };
type Status = keyof typeof statuses;

const macOf = (device: number): Mac => parseMac((0x02_00_00_00_00_00 + device).toString(16).padStart(12, '0'))!;

/** One record per device and step; `step` is what its octet counter says. */
function record(device: number, step: number, status: Status, id: number): Buffer {
  const attributes = [
    integerAttribute(types.acctStatusType, statuses[status]),
    textAttribute(types.acctSessionId, `S${device}`),
    textAttribute(types.callingStationId, formatMacRadius(macOf(device))),
    integerAttribute(types.nasPort, device),
    integerAttribute(types.acctInputOctets, step),
  ];
  return signRequest(codes.accountingRequest, id, attributes, secret);
}

/** A switch's accounting client: as many requests in flight as there are identifiers, each repeated until it is answered. */
class AccountingClient {
  private readonly socket: Socket = createSocket('udp4');
  private readonly inFlight = new Map<number, { readonly bytes: Buffer; readonly done: () => void; sentAt: number }>();
  private readonly free = Array.from({ length: 256 }, (_, id) => id);
  private readonly repeating: NodeJS.Timeout;
  private onRoom: () => void = () => undefined;
  acknowledged = 0;

  constructor(private port: number) {
    this.socket.on('message', (reply) => {
      const waiting = this.inFlight.get(reply[1]!);
      if (!waiting) return;
      this.inFlight.delete(reply[1]!);
      this.free.push(reply[1]!);
      this.acknowledged++;
      waiting.done();
      this.onRoom();
    });
    this.repeating = setInterval(() => {
      for (const waiting of this.inFlight.values())
        if (performance.now() - waiting.sentAt > 1000) this.transmit(waiting);
    }, 250);
  }

  async open(): Promise<void> {
    this.socket.bind(0, '127.0.0.1');
    await once(this.socket, 'listening');
  }

  close(): void {
    clearInterval(this.repeating);
    this.socket.close();
  }

  /** Resolves when it is sent, which may have to wait for an identifier; `onAnswer` is called when it is acknowledged. */
  async send(device: number, step: number, status: Status, onAnswer: () => void = () => undefined): Promise<void> {
    while (this.free.length === 0) await new Promise<void>((resolve) => (this.onRoom = resolve));
    const id = this.free.shift()!;
    const waiting = { bytes: record(device, step, status, id), done: onAnswer, sentAt: 0 };
    this.inFlight.set(id, waiting);
    this.transmit(waiting);
  }

  async allAnswered(): Promise<void> {
    while (this.inFlight.size > 0) await new Promise<void>((resolve) => (this.onRoom = resolve));
  }

  private transmit(waiting: { readonly bytes: Buffer; sentAt: number }): void {
    waiting.sentAt = performance.now();
    this.socket.send(waiting.bytes, this.port, '127.0.0.1');
  }
}

const residentMegabytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

describe('accounting that was acknowledged', () => {
  let dataFolder: string;
  let controller: FakeController;
  let controllerUrl: string;
  let bridge: BridgeProcess;
  const clients: AccountingClient[] = [];

  beforeEach(async () => {
    dataFolder = mkdtempSync(join(tmpdir(), 'cordon-accounting-'));
    controller = new FakeController(token);
    controllerUrl = await controller.listen();
    controller.initial = [
      { type: 'snapshot', snapshot: encodeSnapshot(sampleSnapshot()) },
      { type: 'devices', reset: true, revision: 1, devices: [] },
      { type: 'ping' },
    ];
    bridge = await BridgeProcess.start({ dataFolder, controllerUrl, token, env: secrets });
    const deadline = Date.now() + 20_000;
    while ((await bridge.status())['revision'] !== 1) if (Date.now() > deadline) throw new Error(bridge.log.join('\n'));
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await bridge.end('SIGKILL');
    await controller.close().catch(() => undefined);
    expect(controller.violations).toEqual([]);
    rmSync(dataFolder, { recursive: true });
  });

  async function client(): Promise<AccountingClient> {
    const made = new AccountingClient(bridge.accountingPort);
    clients.push(made);
    await made.open();
    return made;
  }

  /** The controller is away: nobody listens any more. */
  const leave = (): Promise<void> => controller.close();

  async function comeBack(): Promise<void> {
    controller.initial = [];
    await controller.listen(Number(new URL(controllerUrl).port));
  }

  /** What the controller knows last of each device. */
  function stored(): Map<string, Session> {
    const sessions = new Map<string, Session>();
    for (const event of controller.events) if (event.type === 'session') sessions.set(event.session.mac, event.session);
    return sessions;
  }

  it('is there after kill -9 at any moment', async () => {
    await leave();
    const acknowledged = new Map<number, number>();
    for (let round = 1; round <= 3; round++) {
      const nas = await client();
      for (let sent = 1; nas.acknowledged < 150 * round; sent++) {
        const device = 1 + (sent % 5000);
        await nas.send(device, round, 'interim', () => acknowledged.set(device, round));
      }
      await bridge.end('SIGKILL');
      clients.pop()!.close();
      bridge = await BridgeProcess.start({ dataFolder, controllerUrl, token, env: secrets });
    }
    expect(acknowledged.size).toBeGreaterThan(150);
    await comeBack();
    await controller.until(() => [...acknowledged].every(([device]) => stored().has(macOf(device))), 30_000);
    const known = stored();
    for (const [device, round] of acknowledged)
      expect(known.get(macOf(device))!.inputOctets).toBeGreaterThanOrEqual(round);
  });

  it('waits for a controller that is away for 100,000 records, drains in order, and fills no memory', async () => {
    await leave();
    const nas = await client();
    const [devices, steps] = [10_000, 11];
    let before = Number.NaN;
    const begun = performance.now();
    for (let step = 1; step <= steps; step++) {
      const status = step === 1 ? 'start' : step === steps ? 'stop' : 'interim';
      for (let device = 1; device <= devices; device++) await nas.send(device, step, status);
      await nas.allAnswered();
      if (step === 2) before = residentMegabytes(bridge.child.pid!); // all sessions are there
    }
    const seconds = (performance.now() - begun) / 1000;
    expect(nas.acknowledged).toBe(devices * steps);
    const after = residentMegabytes(bridge.child.pid!);
    expect(await bridge.status()).toMatchObject({ spool: devices, unwritten: 0 });
    const seen = controller.events.length;
    const drained = performance.now();
    await comeBack();
    await controller.until(() => controller.events.length - seen >= devices, 60_000);
    console.log(
      `${devices * steps} records in ${seconds.toFixed(1)} s, resident ${before.toFixed(0)} to ${after.toFixed(0)} MB; ` +
        `drained ${devices} sessions in ${((performance.now() - drained) / 1000).toFixed(1)} s`,
    );
    expect(after - before).toBeLessThan(120);
    const seqs = controller.events.slice(seen).map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    const known = stored();
    expect(known.size).toBe(devices);
    for (const { state, inputOctets } of known.values())
      expect({ state, inputOctets }).toEqual({ state: 'closed', inputOctets: steps });
    const deadline = Date.now() + 10_000;
    while ((await bridge.status())['spool'] !== 0) if (Date.now() > deadline) throw new Error('the spool is not empty');
  }, 300_000);

  it('is only what the disk took: when it is full, nothing is answered, and all is when there is room again', async () => {
    const nas = await client();
    await nas.send(1, 1, 'start');
    await nas.allAnswered();
    const limit = (bytes: number | 'unlimited'): void => {
      const { status, stderr } = spawnSync('prlimit', ['--pid', `${bridge.child.pid}`, `--fsize=${bytes}:unlimited`]);
      if (status !== 0) throw new Error(String(stderr));
    };
    const files = ['bridge.sqlite', 'bridge.sqlite-wal'].map((name) => statSync(join(dataFolder, 'bridge', name)).size);
    limit(Math.max(...files));
    for (let device = 2; device <= 201; device++) await nas.send(device, 1, 'start');
    const said = (): boolean => bridge.log.some((line) => line.includes('can not be written; accounting waits'));
    await vi.waitUntil(said, { timeout: 20_000 });
    expect(nas.acknowledged).toBeLessThan(201);
    expect((await bridge.status())['unwritten']).not.toBe(0);
    limit('unlimited');
    await nas.allAnswered();
    expect(nas.acknowledged).toBe(201);
    await controller.until(() => stored().size === 201, 20_000);
  });
});
