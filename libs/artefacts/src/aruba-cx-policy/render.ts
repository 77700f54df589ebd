import { success, type Result } from '#base';
import { families, renderArubaCxAce, type AclEntry, type Family } from '#net';

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
    const lines = renderArubaCxAce(entry).map((match) => `match ${match}`);
    const last = runs.at(-1);
    if (last?.permits === permits) last.lines.push(...lines);
    else runs.push({ permits, lines });
  }
  return [...runs, { permits: false, lines: ['match any any any'] }].map((run, i) => ({
    ...run,
    family,
    title: `${name}-V${family}-${i + 1}`,
  }));
}
