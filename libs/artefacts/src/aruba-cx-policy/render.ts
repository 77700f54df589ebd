import { success, type Result } from '#base';
import {
  families,
  formatAddress,
  formatPrefix,
  isIcmp,
  type AclEntry,
  type Family,
  type Interval,
  type Prefix,
} from '#net';

const protocolWords: ReadonlyMap<number, string> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);

/**
 * Entries that follow one another and do the same make a class; the policy names the classes in order, with `action drop` where
 * they deny. The last class of each family is everything, and dropped: what becomes of a packet that no class takes is not
 * documented. A line for a role then is `associate policy NAME`.
 */
export function render(acl: readonly AclEntry[], name: string): Result<string> {
  const classes = families.flatMap((family) => classesOf(acl, family, name));
  const sections = classes.map(({ family, title, lines }) => [
    `class ${family === 4 ? 'ip' : 'ipv6'} ${title}`,
    ...numbered(lines),
  ]);
  const policy = classes.map(
    ({ family, title, permits }) => `class ${family === 4 ? 'ip' : 'ipv6'} ${title}${permits ? '' : ' action drop'}`,
  );
  const all = [...sections, [`port-access policy ${name}`, ...numbered(policy)]];
  return success(`${all.map((lines) => lines.join('\n')).join('\n')}\n`);
}

const numbered = (lines: readonly string[]): string[] => lines.map((line, i) => `    ${10 * (i + 1)} ${line}`);

interface TrafficClass {
  readonly family: Family;
  readonly title: string;
  readonly permits: boolean;
  readonly lines: readonly string[];
}

function classesOf(acl: readonly AclEntry[], family: Family, name: string): TrafficClass[] {
  const runs: { permits: boolean; lines: string[] }[] = [];
  for (const entry of acl.filter((each) => each.family === family)) {
    const permits = entry.action === 'permit';
    const last = runs.at(-1);
    if (last?.permits === permits) last.lines.push(...matchesOf(entry));
    else runs.push({ permits, lines: matchesOf(entry) });
  }
  return [...runs, { permits: false, lines: ['match any any any'] }].map((run, i) => ({
    ...run,
    family,
    title: `${name}-V${family}-${i + 1}`,
  }));
}

/** Several only for a range of ICMP types, of which a line takes one. */
function matchesOf({ family, protocol, sourcePorts, destination, destinationPorts, established }: AclEntry): string[] {
  const head = `match ${protocolWord(family, protocol)} any${ports(sourcePorts)} ${addresses(destination)}`;
  if (protocol !== null && isIcmp(protocol)) {
    if (!destinationPorts) return [head];
    const { first, last } = destinationPorts;
    return Array.from({ length: last - first + 1 }, (_, i) => `${head} icmp-type ${first + i}`);
  }
  return [`${head}${ports(destinationPorts)}${established ? ' established' : ''}`];
}

function protocolWord(family: Family, protocol: number | null): string {
  if (protocol === null) return 'any';
  if (protocol === (family === 4 ? 1 : 58)) return family === 4 ? 'icmp' : 'icmpv6';
  return protocolWords.get(protocol) ?? `${protocol}`;
}

function ports(range: Interval<number> | null): string {
  if (!range) return '';
  return range.first === range.last ? ` eq ${range.first}` : ` range ${range.first} ${range.last}`;
}

function addresses(prefix: Prefix | null): string {
  if (!prefix || prefix.length === 0) return 'any';
  return prefix.length === (prefix.family === 4 ? 32 : 128) ? formatAddress(prefix) : formatPrefix(prefix);
}
