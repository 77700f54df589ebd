import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMac } from '#net';
import { encodeSnapshot } from '#policy';
import { ntHash, scryptHash } from '#radius';
import type { Credential, FeedMessage } from '#model';
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
} from './eapol-test.js';

const token = 'bridge-token-of-the-test';
const secrets = { SECRET_RFC: 'rfc secret', SECRET_CISCO: 'cisco secret' };
const pump = parseMac('00:1a:2b:3c:4d:5e')!;
const other = parseMac('00:1a:2b:3c:4d:60')!;
const password = 'm0nitor! für alle';
const versions = ['1.2', '1.3'] as const;
const methods = [
  ['PEAP', 'MSCHAPV2'],
  ['TTLS', 'PAP'],
  ['TTLS', 'MSCHAPV2'],
] as const;
type Method = (typeof methods)[number];

interface Attempt extends EapolAttempt {
  readonly username?: string;
  readonly password?: string;
  readonly authority?: string;
}

describe.skipIf(!hasEapolTest())('802.1X by password, asked by wpa_supplicant’s own code', () => {
  const controller = new FakeController(token);
  const folder = mkdtempSync(join(tmpdir(), 'cordon-eap-password-'));
  const authorities = {
    rsa: new TestAuthority(join(folder, 'rsa'), 'rsa'),
    ecdsa: new TestAuthority(join(folder, 'ecdsa'), 'ecdsa'),
  } as const satisfies Record<KeyKind, TestAuthority>;
  let bridge: BridgeProcess;
  const devices = [pump, other].map((mac) => ({ mac, class: 'infusion-pump', posture: 'normal' as const }));
  let snapshot: FeedMessage = { type: 'snapshot', snapshot: encodeSnapshot(sampleSnapshot()) };
  let held: readonly Credential[] = [];
  let revision = 1;
  let kind: KeyKind = 'ecdsa';

  const credentialOf = async (username: string, changes: Partial<Credential> = {}): Promise<Credential> => ({
    username,
    mac: pump,
    passwordHash: await scryptHash(password, randomBytes(16)),
    ntHash: ntHash(password).toString('hex'),
    ...changes,
  });

  /** To a bridge that connects (again), and to the one that is there. */
  const send = (): void => {
    controller.initial = [
      snapshot,
      { type: 'devices', reset: true, revision, devices },
      { type: 'credentials', reset: true, revision, credentials: [...held] },
      { type: 'ping' },
    ];
    for (const message of controller.initial) controller.send(message);
  };

  const sendCredentials = async (credentials: readonly Credential[]): Promise<void> => {
    held = credentials;
    revision++;
    send();
    await vi.waitFor(async () => expect((await bridge.status())['credentials']).toBe(credentials.length), 5000);
  };

  const publish = async (keys: KeyKind, more: readonly string[] = []): Promise<void> => {
    kind = keys;
    const server = authorities[keys].issue(`radius-${randomBytes(4).toString('hex')}`, 'serverAuth', 'radius.test');
    const yaml = [
      `certificate: "file:${server.certificate}"`,
      `key: "file:${server.key}"`,
      'methods: [peap, ttls]',
      ...more,
    ].join('\n');
    const access = `${sampleFiles['rules/access.csv']}\np2, infusion-pump, everywhere, verified, pumps-watched, always, "proved"`;
    const published = sampleSnapshot({ 'network/eap.yaml': yaml, 'rules/access.csv': access });
    snapshot = { type: 'snapshot', snapshot: encodeSnapshot(published) };
    send();
    await vi.waitFor(async () => expect((await bridge.status())['snapshot']).toBe(published.digest), 5000);
    expect((await bridge.status())['eapProblem']).toBeNull();
  };

  function authenticate([eap, phase2]: Method, attempt: Attempt = {}): Promise<string> {
    const network = [
      `eap=${eap}`,
      `identity="${attempt.username ?? 'monitor1'}"`,
      'anonymous_identity="anonymous@devices.test"',
      `password="${attempt.password ?? password}"`,
      `ca_cert="${attempt.authority ?? authorities[kind].certificate}"`,
      `phase2="auth=${phase2}"`,
      ...attemptLines(attempt),
    ];
    const target = { folder, port: bridge.authenticationPort, secret: secrets.SECRET_RFC };
    return eapolTest(target, network, attemptOptions(attempt, attempt.mac ?? pump));
  }

  beforeAll(async () => {
    const controllerUrl = await controller.listen();
    bridge = await BridgeProcess.start({ dataFolder: join(folder, 'bridge'), controllerUrl, token, env: secrets });
    await sendCredentials([
      await credentialOf('monitor1'),
      await credentialOf('only-pap', { ntHash: null }),
      await credentialOf('only-mschapv2', { passwordHash: null }),
      await credentialOf('of-another-device', { mac: other }),
    ]);
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

  const refused = async (method: Method, reason: RegExp, attempt: Attempt): Promise<void> => {
    const stdout = await authenticate(method, attempt);
    expectEnd(stdout, 'FAILURE');
    expect(stdout).toContain('Received EAP-Failure');
    expect(stdout).not.toContain('Access-Accept');
    await controller.until(() =>
      controller.events.some((event) => event.type === 'authentication' && reason.test(event.authentication.reason)),
    );
  };

  describe.each(['ecdsa', 'rsa'] as const)('with a server that has an %s certificate', (keys) => {
    beforeAll(() => publish(keys));

    describe.each(methods.map((method) => [method.join(' with '), method] as const))('%s', (_, method) => {
      it.each(versions)('accepts who knows the password, with TLS %s, as unverified', async (tls) => {
        const accepted = await grown('eap.success.password', async () => {
          const stdout = await authenticate(method, { tls });
          expectEnd(stdout, 'SUCCESS');
          expect(stdout).toContain('MPPE keys OK: 1  mismatch: 0');
          expect(vlanIn(stdout)).toBe('210');
        });
        expect(accepted).toBe(1);
      });

      it.each([
        ['1.2', 100],
        ['1.2', 500],
        ['1.3', 100],
        ['1.3', 500],
      ] as const)('puts fragments together: TLS %s, of %i bytes', async (tls, fragmentSize) => {
        expectEnd(await authenticate(method, { tls, fragmentSize }), 'SUCCESS');
      });

      it.each(versions)('resumes a session with TLS %s, with keys of its own', async (tls) => {
        // What an earlier test left is not this supplicant's: its first authentication uses that up, its second is in full.
        const resumed = await grown(`eap.success.tls-${tls}.resumed`, async () => {
          const stdout = await authenticate(method, { tls, again: 3 });
          expectEnd(stdout, 'SUCCESS');
          expect(stdout).toContain('MPPE keys OK: 4  mismatch: 0');
        });
        expect(resumed).toBeGreaterThanOrEqual(2);
      });

      it.each(versions)('refuses by TLS %s who has a wrong password or a name that is not its own', async (tls) => {
        await refused(method, /the password of `monitor1` is wrong/, { tls, password: 'm0nitor! für alle?' });
        await refused(method, /there is no password for `nobody`/, { tls, username: 'nobody' });
        await refused(method, /`of-another-device` is the name of .*60, which is not the device on this port/, {
          tls,
          username: 'of-another-device',
        });
      });
    });

    it('hears that the supplicant does not trust us', async () => {
      const authority = authorities[keys === 'rsa' ? 'ecdsa' : 'rsa'].certificate;
      await refused(methods[0], /unknown ca/i, { authority });
    });
  });

  it('lets a name use only the methods that it has hashes for', async () => {
    await publish('ecdsa');
    const [peap, pap, mschapv2] = methods;
    expectEnd(await authenticate(pap, { username: 'only-pap' }), 'SUCCESS');
    await refused(peap, /`only-pap` may not use MS-CHAPv2/, { username: 'only-pap' });
    await refused(mschapv2, /`only-pap` may not use MS-CHAPv2/, { username: 'only-pap' });
    expectEnd(await authenticate(peap, { username: 'only-mschapv2' }), 'SUCCESS');
    await refused(pap, /the password of `only-mschapv2` is wrong/, { username: 'only-mschapv2' });
  });

  it('counts a proved password for what the policy says', async () => {
    await publish('ecdsa', ['passwordPosture: verified']);
    expect(vlanIn(await authenticate(methods[0]))).toBe('211');
  });

  it('authenticates in full each time where resumption is off', async () => {
    await publish('ecdsa', ['resumption: 0']);
    const full = await grown('eap.success.tls-1.3', async () => {
      const stdout = await authenticate(methods[0], { tls: '1.3', again: 2 });
      expectEnd(stdout, 'SUCCESS');
      expect(stdout).toContain('MPPE keys OK: 3  mismatch: 0');
    });
    expect(full).toBe(3);
  });

  it('lets nobody resume whose password was changed or taken away since', async () => {
    await publish('ecdsa');
    const [peap] = methods;
    const isThere = await credentialOf('monitor1');
    await sendCredentials([isThere]);
    expectEnd(await authenticate(peap), 'SUCCESS');
    await sendCredentials([]);
    await refused(peap, /there is no password for `monitor1`/, {});
    await sendCredentials([await credentialOf('monitor1', { ntHash: ntHash('another one').toString('hex') })]);
    await refused(peap, /the password of `monitor1` is wrong/, {});
    await sendCredentials([isThere]);
    expectEnd(await authenticate(peap), 'SUCCESS');
  });
});
