import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMac } from '#net';
import { encodeSnapshot } from '#policy';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { FakeController } from '../../apps/radius-bridge/test/fake-controller.js';
import { sampleFiles, sampleSnapshot } from '../../apps/radius-bridge/test/sample-policy.js';
import { TestAuthority, type KeyKind } from '../authority.js';
import {
  attemptLines,
  attemptOptions,
  eapolTest,
  expectEnd,
  hasEapolTest,
  vlanIn,
  type EapolAttempt,
  type EapolTarget,
} from './eapol-test.js';

const token = 'bridge-token-of-the-test';
const secrets = { SECRET_RFC: 'rfc secret', SECRET_CISCO: 'cisco secret' };
const pump = parseMac('00:1a:2b:3c:4d:5e')!;
const other = parseMac('00:1a:2b:3c:4d:60')!;

const versions = ['1.2', '1.3'] as const;

interface Supplicant {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

describe.skipIf(!hasEapolTest())('802.1X, asked by wpa_supplicant’s own code', () => {
  const controller = new FakeController(token);
  const folder = mkdtempSync(join(tmpdir(), 'cordon-eap-'));
  const authorities = {
    rsa: new TestAuthority(join(folder, 'rsa'), 'rsa'),
    ecdsa: new TestAuthority(join(folder, 'ecdsa'), 'ecdsa'),
  } as const satisfies Record<KeyKind, TestAuthority>;
  const manufacturer = new TestAuthority(join(folder, 'manufacturer'), 'ecdsa', 'manufacturer');
  const stranger = new TestAuthority(join(folder, 'stranger'), 'ecdsa', 'somebody else');
  const nameOf = (mac: string): string => `${mac.replaceAll(':', '-')}.devices.test`;
  let bridge: BridgeProcess;

  const eapYaml = (kind: KeyKind, more = ''): string => {
    const server = authorities[kind].issue('radius', 'serverAuth', 'radius.test');
    const authority = (name: string, { certificate, revocationList }: TestAuthority, rule: string): string =>
      `  ${name}: { certificates: "file:${certificate}", revocationLists: "file:${revocationList}", devices: [{ ${rule} }] }`;
    return [
      `certificate: "file:${server.certificate}"`,
      `key: "file:${server.key}"`,
      more,
      'authorities:',
      ...Object.entries(authorities).map(([name, one]) =>
        authority(name, one, 'from: dns-name, pattern: "{mac}.devices.test"'),
      ),
      authority('manufacturer', manufacturer, 'from: serial-number, pattern: "PID:Pump SN:{serial}"'),
    ].join('\n');
  };

  const publish = async (kind: KeyKind, more = ''): Promise<void> => {
    const access = `${sampleFiles['rules/access.csv']}\np2, infusion-pump, everywhere, verified, pumps-watched, always, "by certificate"`;
    const snapshot = sampleSnapshot({ 'network/eap.yaml': eapYaml(kind, more), 'rules/access.csv': access });
    const message = { type: 'snapshot' as const, snapshot: encodeSnapshot(snapshot) };
    const devices = [pump, other].map((mac) => ({ mac, class: 'infusion-pump', posture: 'normal' as const }));
    controller.initial = [message, { type: 'devices', reset: true, revision: 1, devices }, { type: 'ping' }];
    controller.send(message);
    await vi.waitFor(async () => expect((await bridge.status())['snapshot']).toBe(snapshot.digest), 5000);
    expect((await bridge.status())['eapProblem']).toBeNull();
  };

  const supplicantOf = (kind: KeyKind, name: string, mac: string, options: readonly string[] = []): Supplicant => ({
    ...authorities[kind].issue(name, 'clientAuth', nameOf(mac), options),
    authority: authorities[kind].certificate,
  });

  const target = (): EapolTarget => ({ folder, port: bridge.authenticationPort, secret: secrets.SECRET_RFC });

  function authenticate(supplicant: Supplicant, attempt: EapolAttempt = {}): Promise<string> {
    const network = [
      'eap=TLS',
      'identity="anonymous@devices.test"',
      `ca_cert="${supplicant.authority}"`,
      `client_cert="${supplicant.certificate}"`,
      `private_key="${supplicant.key}"`,
      ...attemptLines(attempt),
    ];
    return eapolTest(target(), network, attemptOptions(attempt, attempt.mac ?? pump));
  }

  beforeAll(async () => {
    const controllerUrl = await controller.listen();
    controller.initial = [{ type: 'snapshot', snapshot: encodeSnapshot(sampleSnapshot()) }, { type: 'ping' }];
    bridge = await BridgeProcess.start({ dataFolder: join(folder, 'bridge'), controllerUrl, token, env: secrets });
    await publish('ecdsa');
  });

  afterAll(async () => {
    await bridge.end('SIGTERM');
    await controller.close();
    rmSync(folder, { recursive: true });
  });

  const grown = async (name: string, during: () => Promise<void>): Promise<number> => {
    const before = (await bridge.counters())[name] ?? 0;
    await during();
    return ((await bridge.counters())[name] ?? 0) - before;
  };

  const reasons = (): string[] =>
    controller.events.flatMap((event) => (event.type === 'authentication' ? event.authentication.reason : []));

  /** `reason`: what the controller is told, of the first of several like attempts. */
  const refused = async (supplicant: Supplicant, reason: RegExp, attempt: EapolAttempt = {}): Promise<void> => {
    const stdout = await authenticate(supplicant, attempt);
    expectEnd(stdout, 'FAILURE');
    expect(stdout).toContain('Received EAP-Failure');
    expect(stdout).not.toContain('Access-Accept');
    await controller.until(() => reasons().some((told) => reason.test(told)));
  };

  describe.each(['ecdsa', 'rsa'] as const)('with %s certificates', (kind) => {
    let supplicant: Supplicant;

    beforeAll(async () => {
      await publish(kind);
      supplicant = supplicantOf(kind, 'pump', pump);
    });

    it.each(versions)('accepts a device with TLS %s, in the VLAN of the verified', async (tls) => {
      const accepted = await grown(`eap.success.tls-${tls}`, async () => {
        const stdout = await authenticate(supplicant, { tls });
        expectEnd(stdout, 'SUCCESS');
        // The keys of both sides, compared by eapol_test.
        expect(stdout).toContain('MPPE keys OK: 1  mismatch: 0');
        expect(vlanIn(stdout)).toBe('211');
      });
      expect(accepted).toBe(1);
    });

    it.each([
      ['1.2', 100],
      ['1.2', 500],
      ['1.3', 100],
      ['1.3', 500],
    ] as const)('puts fragments together: TLS %s, of %i bytes', async (tls, fragmentSize) => {
      const stdout = await authenticate(supplicant, { tls, fragmentSize });
      expectEnd(stdout, 'SUCCESS');
    });

    it.each(versions)('resumes a session with TLS %s, with keys of its own', async (tls) => {
      const resumed = await grown(`eap.success.tls-${tls}.resumed`, async () => {
        const stdout = await authenticate(supplicant, { tls, again: 3 });
        expectEnd(stdout, 'SUCCESS');
        expect(stdout).toContain('MPPE keys OK: 4  mismatch: 0');
      });
      expect(resumed).toBe(3);
    });

    it.each(versions)('refuses by TLS %s who is expired, revoked, a stranger or another device', async (tls) => {
      const past = ['-startdate', '20200101000000Z', '-enddate', '20210101000000Z'];
      await refused(supplicantOf(kind, 'expired', pump, past), /CERT_HAS_EXPIRED/, { tls });
      const revoked = supplicantOf(kind, 'revoked', pump);
      expectEnd(await authenticate(revoked, { tls }), 'SUCCESS');
      authorities[kind].revoke(revoked.certificate);
      await publish(kind);
      await refused(revoked, /CERT_REVOKED/, { tls });
      const foreign = stranger.issue('pump', 'clientAuth', nameOf(pump));
      await refused({ ...foreign, authority: supplicant.authority }, /not accepted/, { tls });
      await refused(supplicantOf(kind, 'other', other), /not the device on this port/, { tls });
      const server = authorities[kind].issue('not-a-client', 'serverAuth', nameOf(pump));
      await refused({ ...server, authority: supplicant.authority }, /INVALID_PURPOSE/, { tls });
    });

    it.each(versions)('hears by TLS %s that the supplicant does not trust us', async (tls) => {
      await refused({ ...supplicant, authority: stranger.certificate }, /unknown ca/i, { tls });
    });
  });

  it.each(versions)('authenticates again in full where resumption is off, with TLS %s', async (tls) => {
    await publish('ecdsa', 'resumption: 0');
    const supplicant = supplicantOf('ecdsa', 'pump-in-full', pump);
    const full = await grown(`eap.success.tls-${tls}`, async () => {
      const stdout = await authenticate(supplicant, { tls, again: 3 });
      expectEnd(stdout, 'SUCCESS');
      expect(stdout).toContain('MPPE keys OK: 4  mismatch: 0');
    });
    expect(full).toBe(4);
  });

  it.each([
    ['1.2', '1.3'],
    ['1.3', '1.2'],
  ] as const)('serves only TLS %s where the policy says so', async (served, other) => {
    await publish('ecdsa', `versions: ["${served}"]`);
    const supplicant = supplicantOf('ecdsa', 'pump-of-one-version', pump);
    expectEnd(await authenticate(supplicant, { tls: served }), 'SUCCESS');
    const stdout = await authenticate(supplicant, { tls: other });
    // A supplicant of TLS 1.3 goes down to 1.2, one of 1.2 can't go up.
    expectEnd(stdout, served === '1.2' ? 'SUCCESS' : 'FAILURE');
  });

  let revision = 1;
  const sayRecord = async (serial: string): Promise<void> => {
    revision++;
    const device = {
      mac: pump,
      class: 'infusion-pump',
      posture: 'normal' as const,
      ...(serial !== '' && { serial }),
    };
    controller.send({ type: 'devices', reset: false, revision, devices: [device] });
    await vi.waitFor(async () => expect((await bridge.status())['revision']).toBe(revision), 5000);
  };
  const ownOf = (serial: string): Supplicant => ({
    ...manufacturer.issue(`pump-${serial}`, 'clientAuth', 'pump.manufacturer.test', [], `PID:Pump SN:${serial}`),
    authority: authorities.ecdsa.certificate,
  });

  describe.each(versions)('by serial number, with TLS %s', (tls) => {
    beforeAll(() => publish('ecdsa'));

    it('accepts the device whose record has it, as verified', async () => {
      await sayRecord('ab-17');
      const stdout = await authenticate(ownOf('AB-17'), { tls, again: 1 });
      expectEnd(stdout, 'SUCCESS');
      expect(stdout).toContain('MPPE keys OK: 2  mismatch: 0');
      expect(vlanIn(stdout)).toBe('211');
    });

    it('refuses another serial number, none, and a device without a record, with the reason', async () => {
      await sayRecord(`other-${tls}`);
      const inventory = `of serial number \`AB-18\`, and the inventory has`;
      await refused(ownOf('AB-18'), new RegExp(`${inventory} \`other-${tls}\` for ${pump}`), { tls });
      await sayRecord('');
      await refused(ownOf('AB-18'), new RegExp(`${inventory} no serial number for ${pump}`), { tls });
      await refused(ownOf('AB-18'), new RegExp(`${inventory} no record of 00:1a:2b:3c:4d:99`), {
        tls,
        mac: '00:1a:2b:3c:4d:99',
      });
    });

    it('refuses a session that is resumed once the record has another', async () => {
      await sayRecord('AB-19');
      let ended = '';
      const resumed = `eap.success.tls-${tls}.resumed`;
      const before = (await bridge.counters())[resumed] ?? 0;
      const attempts = authenticate(ownOf('AB-19'), { tls, again: 1000 }).then((stdout) => (ended = stdout));
      await vi.waitFor(async () => expect((await bridge.counters())[resumed] ?? 0).toBeGreaterThan(before), 5000);
      expect(ended).toBe('');
      await sayRecord(`new-${tls}`);
      await controller.until(() => reasons().some((told) => told.includes(`the inventory has \`new-${tls}\``)));
      const [good = ''] = (await attempts).split('Received EAP-Failure');
      expect([...good.matchAll(/Handshake finished - resumed=(\d)/g)].at(-1)?.[1]).toBe('1');
    });
  });

  it('goes on after its workers were killed', async () => {
    await publish('ecdsa');
    const supplicant = supplicantOf('ecdsa', 'pump-after-a-kill', pump);
    const { stdout } = spawnSync('pgrep', ['-P', `${bridge.child.pid}`], { encoding: 'utf8' });
    const workers = stdout.trim().split('\n').map(Number);
    expect(workers.length).toBeGreaterThan(0);
    for (const worker of workers) process.kill(worker, 'SIGKILL');
    await vi.waitFor(async () => expectEnd(await authenticate(supplicant), 'SUCCESS'), {
      timeout: 10_000,
      interval: 500,
    });
  });

  it('tells a supplicant of another method at once', async () => {
    const stdout = await eapolTest(target(), ['eap=PEAP', 'identity="a"', 'password="b"'], ['-t', '5', '-r', '0']);
    expect(stdout).toContain('Received EAP-Failure');
    await controller.until(() => reasons().includes('the supplicant wants PEAP, and only EAP-TLS is served'));
  });

  it('knows serial numbers after a restart while the controller is gone', async () => {
    await publish('ecdsa');
    await sayRecord('AB-20');
    await bridge.end('SIGTERM');
    const controllerUrl = 'http://127.0.0.1:9';
    bridge = await BridgeProcess.start({ dataFolder: join(folder, 'bridge'), controllerUrl, token, env: secrets });
    expectEnd(await authenticate(ownOf('ab-20')), 'SUCCESS');
    expectEnd(await authenticate(ownOf('AB-21')), 'FAILURE');
  });
});
