import { writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { probe, type Probe } from '../hosts.ts';
import type { Lab } from '../lab.ts';
import { accountingPort, authenticationPort, coaPort, internet, nasPlans, serverAddress } from '../plan.ts';
import { run, timed, waitFor, type Daemon } from '../process.ts';

/**
 * The lab without Cordon: FreeRADIUS answers instead, and no firewall has rules. It shows that the network passes
 * everything that nobody forbids (so what a later scene finds closed, Cordon closed), and that the switch does what
 * RADIUS says. When a proposition fails here, the lab is at fault.
 */
export async function showTheLabItself(lab: Lab): Promise<void> {
  const { report, policy } = lab;
  report.scene('scene 0: the lab itself, with FreeRADIUS in place of Cordon');
  const server = startFreeRadius(lab);
  try {
    await server.saying('Ready to process requests');
    const pump = lab.devices['d1']!;
    const segment = policy.segment('pumps-limited');
    const library = policy.endpoint('drug-library-1');
    await pump.plug();
    const [addresses, ms] = await timed(() => pump.addressesIn(segment));
    report.check('a device gets VLAN, IPv4 and IPv6 address', true, `${addresses.v4}, ${addresses.v6} in ${ms} ms`);
    report.equal('the port is in that VLAN', await lab.switch.vlan('p1'), segment.vlan);
    const everywhere = [library.v4, library.v6, internet.v4, internet.v6];
    const open = await probe('d1', everywhere.map(https));
    report.equal('without ACL and firewall rules everything is reachable', open, Array(4).fill('open'));
    await showChanges(lab, library.v4);
  } finally {
    await server.stop();
    await Promise.all(Object.values(lab.devices).map((device) => device.unplug()));
  }
}

async function showChanges(lab: Lab, library: string): Promise<void> {
  const { report } = lab;
  const pump = lab.devices['d1']!;
  const lines = ['permit udp any eq bootpc any eq bootps', `permit tcp any host ${library} eq 443`];
  const acl = lines.map((line, i) => `Cisco-AVPair += "ip:inacl#${i + 1}=${line}"`);
  const [answer, ms] = await timed(() => coa('coa', [...acl, 'Message-Authenticator = 0x00']));
  report.check('a CoA-Request with an ACL is acknowledged', answer.includes('CoA-ACK'), `${ms} ms`);
  const after = await probe('d1', [https(library), https(internet.v4), https(internet.v6)]);
  report.equal('an IPv4 ACL closes IPv4 and nothing else, as on Cisco', after, ['open', 'blocked', 'open']);
  const bare = await coa('coa', acl);
  report.check('a CoA-Request without Message-Authenticator gets no answer', !/ACK|NAK/.test(bare));
  const stranger = await coa('coa', [...acl, 'Message-Authenticator = 0x00'], '02-00-00-00-00-99');
  report.check('an unknown session is refused', stranger.includes('Session-Context-Not-Found'));
  const quarantine = lab.policy.segment('quarantine');
  const move = [
    'Tunnel-Type = VLAN',
    'Tunnel-Medium-Type = IEEE-802',
    `Tunnel-Private-Group-Id = "${quarantine.vlan}"`,
  ];
  await coa('coa', [...move, 'Message-Authenticator = 0x00']);
  const [, moved] = await timed(() => pump.addressesIn(quarantine));
  report.check('a VLAN change by CoA gives the device new addresses', true, `${moved} ms`);
  const told = await waitFor('accounting', 20_000, async () => {
    const state = (await lab.switch.nas('lab-sw1')).accounting;
    return state.waiting === 0 ? state : undefined;
  });
  report.check('every accounting message was answered', told.answered >= 4, `${told.answered} messages`);
  await coa('disconnect', ['Message-Authenticator = 0x00']);
  // A switch sees a device by its frames, and this one has nothing to say by itself.
  await waitFor('a new session', 20_000, async () => {
    await probe('d1', [https(library)]);
    return (await lab.switch.port('p1')).changes.accept >= 2;
  });
  report.check('a Disconnect-Request ends the session, and the device authenticates again', true);
}

const https = (to: string): Probe => ({ protocol: 'tcp', to, port: 443 });

const [nas] = nasPlans;

async function coa(
  kind: 'coa' | 'disconnect',
  attributes: readonly string[],
  station = '00-1B-BB-00-01-01',
): Promise<string> {
  const stamp = Math.floor(Date.now() / 1000);
  const lines = [`Calling-Station-Id = "${station}"`, `Event-Timestamp = ${stamp}`, ...attributes];
  const command = ['radclient', '-x', '-r', '1', '-t', '1', `${nas!.address}:${coaPort}`, kind, nas!.secret];
  return run(command, { input: `${lines.join('\n')}\n`, mayFail: true });
}

function startFreeRadius(lab: Lab): Daemon {
  const folder = join(lab.folder, 'freeradius');
  mkdirSync(folder);
  writeFileSync(join(folder, 'users'), users(lab.policy.segment('pumps-limited').vlan));
  writeFileSync(join(folder, 'radiusd.conf'), configuration(folder));
  return lab.daemons.start('freeradius', ['freeradius', '-d', folder, '-f', '-l', 'stdout']);
}

const users = (vlan: number): string => `DEFAULT Auth-Type := Accept
	Tunnel-Type = VLAN,
	Tunnel-Medium-Type = IEEE-802,
	Tunnel-Private-Group-Id = "${vlan}",
	Message-Authenticator = 0x00
`;

const configuration = (folder: string): string => `
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = ${folder}
logdir = ${folder}
run_dir = ${folder}
security {
  reject_delay = 0
}
${nasPlans.map((n) => `client ${n.name} {\n  ipaddr = ${n.address}\n  secret = ${n.secret}\n}`).join('\n')}
modules {
  files users {
    filename = ${folder}/users
  }
  always ok {
    rcode = ok
  }
}
server default {
  listen {
    type = auth
    ipaddr = ${serverAddress}
    port = ${authenticationPort}
  }
  listen {
    type = acct
    ipaddr = ${serverAddress}
    port = ${accountingPort}
  }
  authorize {
    users
  }
  preacct {
    ok
  }
  accounting {
    ok
  }
}
`;
