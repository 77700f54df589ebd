import { list, type Numbers } from './numbers.ts';

/* The furniture of a generated hospital: names and numbers that any hospital has, and those that its sites define. */

/** Applications by name; what many classes use. */
const standard: Readonly<Record<string, readonly string[]>> = {
  dns: ['udp/53', 'tcp/53'],
  ntp: ['udp/123'],
  syslog: ['tcp/6514'],
  ping: ['icmp/8', 'icmp6/128'],
  http: ['tcp/80'],
  https: ['tcp/443'],
  kerberos: ['tcp/88', 'tcp/464'],
  ldap: ['tcp/389', 'udp/389'],
  ldaps: ['tcp/636'],
  ssh: ['tcp/22'],
  rdp: ['tcp/3389'],
  smb: ['tcp/445'],
  winrm: ['tcp/5985-5986'],
  dicom: ['tcp/104', 'tcp/11112'],
  'dicom-tls': ['tcp/2762'],
  'hl7-mllp': ['tcp/2575'],
  astm: ['tcp/5000-5009'],
  'monitor-stream': ['udp/5100-5103'],
  rtp: ['udp/16384-32767'],
  'high-ports': ['tcp/1024-65535'],
};
const groups: Readonly<Record<string, readonly string[]>> = {
  web: ['http', 'https'],
  directory: ['kerberos', 'ldap', 'ldaps'],
  admin: ['ssh', 'rdp', 'smb', 'winrm'],
};

/** Interfaces of devices and servers that a site numbers itself: ranges of one to ten ports that never touch. */
const siteDefined = 40;
const interfaceName = (i: number): string => `interface-${i}`;

/** On every device class. */
export const baseApplications = ['dns', 'ntp', 'syslog', 'ping', 'https'] as const;

const served = [
  ...Object.keys(standard).filter((name) => !['dns', 'ntp', 'ping', 'high-ports'].includes(name)),
  'web',
  'directory',
  ...list(siteDefined, interfaceName),
];

/** What a farm of servers offers: three applications, and on the share `wide` of farms every high port, too. */
export function drawOffers(wide: number, numbers: Numbers): readonly string[] {
  return [...list(3, () => numbers.pick(served)), ...(numbers.chance(wide) ? ['high-ports'] : [])];
}

export const drawInterface = (numbers: Numbers): string => interfaceName(numbers.below(siteDefined));

export function applicationFiles(numbers: Numbers): { catalog: string; membership: readonly string[] } {
  const interfaces = list(siteDefined, (i) => {
    const first = 20_000 + i * 20;
    const width = numbers.below(10);
    const protocol = numbers.chance(0.3) ? 'udp' : 'tcp';
    return `${interfaceName(i)}: { ports: [${protocol}/${first}${width > 0 ? `-${first + width}` : ''}] }`;
  });
  const named = Object.entries(standard).map(([name, ports]) => `${name}: { ports: [${ports.join(', ')}] }`);
  return {
    catalog: [...named, ...interfaces].join('\n'),
    membership: Object.entries(groups).flatMap(([group, members]) => members.map((name) => `g2, ${name}, ${group}`)),
  };
}

const levelNames = ['department', 'service', 'kind', 'model', 'variant', 'revision', 'lot', 'batch'] as const;

/** Class names by level, each level about four times as many as the one above; `parents` names the class above each. */
export function classTree(
  classes: number,
  depth: number,
): { levels: readonly (readonly string[])[]; parents: ReadonlyMap<string, string> } {
  if (depth > levelNames.length || classes < 4 ** (depth - 1)) throw new Error('too few classes for so many levels');
  const weight = (level: number): number => 4 ** level;
  const total = list(depth, weight).reduce((sum, one) => sum + one, 0);
  const counts = list(depth - 1, (level) => Math.max(1, Math.round((classes * weight(level)) / total)));
  counts.push(classes - counts.reduce((sum, one) => sum + one, 0));
  const levels = counts.map((count, level) => list(count, (i) => `${levelNames[level]!}-${i}`));
  const parents = new Map(
    levels.flatMap((names, level) =>
      names.map(
        (name, i) => [name, level === 0 ? 'device' : levels[level - 1]![i % levels[level - 1]!.length]!] as const,
      ),
    ),
  );
  return { levels, parents };
}
