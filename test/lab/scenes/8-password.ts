import { join } from 'node:path';
import { stringify } from 'yaml';
import { TestAuthority } from '../../authority.ts';
import type { DevicePassword } from '../hosts.ts';
import type { Lab } from '../lab.ts';
import { admit, expectAll, planOf, runCordon, settle, untilVlan } from './steps.ts';

/** A device that can't hold a certificate knows a password: by PEAP and by EAP-TTLS, over a real 802.1X port. */
export async function showPassword(lab: Lab): Promise<void> {
  const { report, policy, devices } = lab;
  report.scene('scene 8: a device proves by a password which one it is, in PEAP and in EAP-TTLS');
  const { mac, port } = planOf('d4');
  const device = devices['d4']!;
  const authority = new TestAuthority(join(lab.folder, 'password-authority'), 'ecdsa');
  const server = authority.issue('radius', 'serverAuth', 'radius.hospital.example');
  const eap = {
    certificate: `file:${server.certificate}`,
    key: `file:${server.key}`,
    methods: ['peap', 'ttls'],
    passwordPosture: 'verified',
  };
  policy.write('network/eap.yaml', stringify(eap));
  await policy.commit('802.1X by password');
  await runCordon(lab);

  await lab.cordon.register(mac, 'infusion-pump');
  await lab.cordon.setClass(mac, 'infusion-pump');
  const username = 'pump-d4';
  const password = await lab.cordon.drawPassword(username, mac);
  const library = { name: 'drug library', to: policy.endpoint('drug-library-1'), port: 443 };
  const own = { username, password, authority: authority.certificate };

  await admit(lab, 'd4', 'pumps-limited');
  const ways = [
    ['PEAP', 'MSCHAPV2'],
    ['TTLS', 'PAP'],
    ['TTLS', 'MSCHAPV2'],
  ] as const;
  for (const [method, inner] of ways) {
    const credential: DevicePassword = { method, inner, ...own };
    await device.credential({ ...credential, password: 'not-the-password' });
    await device.plug();
    await settle(lab, 'd4', 'pumps-limited');
    report.equal(
      `${method} with ${inner}: with a wrong password the pump is where its MAC alone would be`,
      await lab.switch.vlan(port),
      policy.segment('pumps-limited').vlan,
    );
    await device.credential(credential);
    const since = Date.now();
    await device.plug();
    const took = await untilVlan(lab, port, policy.segment('pumps').vlan, since);
    report.within('with its own it is in the VLAN of the verified', took, 15_000);
    await settle(lab, 'd4', 'pumps');
    await expectAll(lab, 'd4', 'and it reaches its drug library', [library], 'open');
  }

  await device.credential(null);
  await device.plug();
  await settle(lab, 'd4', 'pumps-limited');
  await lab.cordon.setClass(mac, 'patient-monitor');
  await settle(lab, 'd4', 'monitors');
}
