import { join } from 'node:path';
import { stringify } from 'yaml';
import { TestAuthority } from '../../authority.ts';
import type { Lab } from '../lab.ts';
import { admit, expectAll, planOf, runCordon, settle, untilVlan } from './steps.ts';

/** A MAC can be copied, so a pump that is known by it alone gets little; the same pump with its certificate gets its rights. */
export async function showCertificate(lab: Lab): Promise<void> {
  const { report, policy, devices } = lab;
  report.scene('scene 7: a device proves by a certificate which one it is, over a real 802.1X port');
  const { mac, port } = planOf('d4');
  const device = devices['d4']!;
  const authority = new TestAuthority(join(lab.folder, 'authority'), 'ecdsa');
  const server = authority.issue('radius', 'serverAuth', 'radius.hospital.example');
  const own = authority.issue('d4', 'clientAuth', `${mac.replaceAll(':', '-')}.devices.hospital.example`);
  const eap = {
    certificate: `file:${server.certificate}`,
    key: `file:${server.key}`,
    authorities: {
      'device-ca': {
        certificates: `file:${authority.certificate}`,
        revocationLists: `file:${authority.revocationList}`,
        devices: [{ from: 'dns-name', pattern: '{mac}.devices.hospital.example' }],
      },
    },
  };
  policy.write('network/eap.yaml', stringify(eap));
  await policy.commit('802.1X by certificate');
  await runCordon(lab);

  await lab.cordon.register(mac, 'infusion-pump');
  await lab.cordon.setClass(mac, 'infusion-pump');
  await admit(lab, 'd4', 'pumps-limited');
  report.equal(
    'by its MAC, the pump is in the VLAN of the unverified',
    await lab.switch.vlan(port),
    policy.segment('pumps-limited').vlan,
  );
  const byMac = await lab.cordon.sessionIn(mac, 'pumps-limited');
  const library = { name: 'drug library', to: policy.endpoint('drug-library-1'), port: 443 };

  await device.credential({ ...own, authority: authority.certificate });
  const since = Date.now();
  await device.plug();
  const took = await untilVlan(lab, port, policy.segment('pumps').vlan, since);
  report.within('with its certificate, by TLS 1.3 on the port, it is in the VLAN of the verified', took, 15_000);
  await settle(lab, 'd4', 'pumps');
  const session = await lab.cordon.sessionIn(mac, 'pumps');
  report.check('by another rule than before', session.rule !== byMac.rule, `${byMac.rule} → ${session.rule}`);
  const { totals } = (await lab.cordon.bridgeCounters()) as { totals: Record<string, number> };
  report.equal('it was one handshake of TLS 1.3', totals['eap.success.tls-1.3'], 1);
  await expectAll(lab, 'd4', 'and it reaches its drug library', [library], 'open');

  await device.credential(null);
  await device.plug();
  await settle(lab, 'd4', 'pumps-limited');
  report.equal(
    'without it, it is back where a copied MAC would be',
    await lab.switch.vlan(port),
    policy.segment('pumps-limited').vlan,
  );
  await lab.cordon.setClass(mac, 'patient-monitor');
  await settle(lab, 'd4', 'monitors');
}
