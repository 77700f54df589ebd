import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSnapshot } from '#policy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BridgeProcess } from '../../apps/radius-bridge/test/bridge-process.js';
import { FakeController } from '../../apps/radius-bridge/test/fake-controller.js';
import { sampleSnapshot } from '../../apps/radius-bridge/test/sample-policy.js';
import { radclient } from './radclient.js';

const root = join(import.meta.dirname, '../..');
const token = 'bridge-token-of-the-test';
const secrets = { SECRET_RFC: 'rfc secret', SECRET_CISCO: 'cisco secret' };
const pump = '00:1a:2b:3c:4d:5e';

describe('bridge', () => {
  const controller = new FakeController(token);
  const dataFolder = mkdtempSync(join(tmpdir(), 'cordon-bridge-'));
  let bridge: BridgeProcess;

  beforeAll(async () => {
    // Type errors are `npm run check`'s to report; the compiler writes its output all the same.
    spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], { cwd: root });
    const controllerUrl = await controller.listen();
    controller.initial = [
      { type: 'snapshot', snapshot: encodeSnapshot(sampleSnapshot()) },
      { type: 'devices', reset: true, revision: 1, devices: [{ mac: pump as never, class: 'infusion-pump', posture: 'normal' }] },
      { type: 'ping' },
    ];
    bridge = await BridgeProcess.start({ dataFolder, controllerUrl, token, env: secrets });
    await controller.until(() => controller.connections.length > 0);
  });

  afterAll(async () => {
    await bridge?.end('SIGTERM');
    await controller.close();
    rmSync(dataFolder, { recursive: true });
  });

  it('answers', async () => {
    console.log(bridge.startMilliseconds, await bridge.status(), bridge.log);
    const reply = radclient(bridge.authenticationPort, 'auth', secrets.SECRET_RFC, {
      'User-Name': '001a2b3c4d5e', 'User-Password': '001a2b3c4d5e', 'Calling-Station-Id': '00-1A-2B-3C-4D-5E', 'NAS-Port': '7', 'Message-Authenticator': '0x00',
    });
    console.log(reply);
    console.log(await bridge.status(), bridge.log);
    await controller.until(() => controller.events.length >= 2);
    console.log(JSON.stringify(controller.events, null, 1), controller.violations);
    expect(await bridge.end('SIGTERM')).toBe(0);
  });
});
