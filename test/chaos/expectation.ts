import {
  addressesOf,
  closedPort,
  devicePlans,
  openPort,
  servers,
  services,
  vlans,
  type DevicePlan,
  type PolicyVersion,
  type Vlan,
} from './hospital.ts';

/*
 * What the network must do, worked out from the words of the policy alone and with no line of Cordon: a pump in its segment has what the
 * policy opens for pumps, a device in quarantine has remediation, and nothing else passes at all.
 */

/** What the registry, and orders of people, make of a device. */
export type Standing = 'pump' | 'open' | 'quarantined';

export interface DeviceState {
  readonly standing: Standing;
  /** Where its switch really has it; null: the port is closed. */
  readonly vlan: Vlan | null;
}

export type Purpose = 'library' | 'service' | 'remediation' | 'break-glass' | 'never';

/** A packet that is sent again and again. */
export interface Probe {
  readonly device: DevicePlan;
  readonly name: string;
  readonly purpose: Purpose;
  /** Index of `services`. */
  readonly service: number | null;
  readonly family: 'v4' | 'v6';
  readonly address: string;
  readonly protocol: 6 | 17;
  readonly port: number;
}

const protocols = { tcp: 6, udp: 17 } as const;

export const probesOf = (device: DevicePlan): Probe[] => {
  const probe = (
    purpose: Purpose,
    to: keyof typeof servers,
    family: 'v4' | 'v6',
    protocol: 'tcp' | 'udp',
    port: number,
    service: number | null = null,
  ): Probe => ({
    device,
    purpose,
    service,
    family,
    address: servers[to][family],
    protocol: protocols[protocol],
    port,
    name: `${device.mac} (${device.nas.name}) → ${to} ${protocol}/${port} ${family === 'v4' ? 'IPv4' : 'IPv6'}`,
  });
  return [
    probe('library', 'library', 'v4', 'tcp', 443),
    probe('library', 'library', 'v6', 'tcp', 443),
    ...services.map(({ protocol, port }, i) => probe('service', 'library', i % 2 ? 'v6' : 'v4', protocol, port, i)),
    probe('break-glass', 'library', 'v4', 'tcp', openPort),
    probe('remediation', 'remediation', 'v4', 'tcp', 443),
    probe('never', 'library', 'v4', 'tcp', closedPort),
    probe('never', 'internet', 'v4', 'tcp', 443),
    probe('never', 'internet', 'v6', 'udp', closedPort),
  ];
};

export const allProbes: readonly Probe[] = devicePlans.flatMap(probesOf);

/** Over a connection that stays open. */
export const streamProbes: readonly Probe[] = allProbes
  .filter(({ purpose, family }) => purpose === 'library' && family === 'v4')
  .map((probe) => ({ ...probe, name: `${probe.name}, an open connection` }));

export const sourceOf = ({ device, family }: Probe, vlan: Vlan): string => addressesOf(device, vlan)[family];

export const homeOf = (standing: Standing): Vlan => (standing === 'quarantined' ? vlans.quarantine : vlans.pumps);

/**
 * True: passes; false: is dropped; null: either. A device that its switch has not moved yet has nothing of what it had or shall have, but
 * for remediation: firewalls let a quarantined device have it where it is, until they hear that its address is not one of its segment.
 */
export function verdictOf(
  { purpose, service }: Probe,
  policy: PolicyVersion,
  { standing, vlan }: DeviceState,
): boolean | null {
  if (purpose === 'never') return false;
  if (vlan !== homeOf(standing)) return purpose === 'remediation' ? null : false;
  if (purpose === 'remediation') return standing === 'quarantined';
  if (standing === 'quarantined') return false;
  if (purpose === 'library') return true;
  return purpose === 'break-glass' ? standing === 'open' : policy.open.includes(service!);
}
