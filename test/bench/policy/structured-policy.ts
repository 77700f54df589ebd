import { applicationFiles, baseApplications, classTree, drawInterface } from './hospital.ts';
import { list, Numbers } from './numbers.ts';
import type { PolicyParameters } from './parameters.ts';
import { flowLine, nasFile, siteName } from './policy-lines.ts';
import { drawServers, type Servers } from './servers.ts';

/** Of 100 allows, how many go to the department's own farms, to shared ones, to one own server, to another department. */
const towards = { own: 70, shared: 15, server: 7, foreign: 4 } as const;
const shareOfPeers = 0.2;

/**
 * Like a hospital's: a tree of classes with rules on every level, farms of neighbouring servers that belong to a department
 * or to everybody, applications with ranges and groups, a few broad denies, both families, several sites.
 */
export function structuredPolicy(parameters: PolicyParameters): ReadonlyMap<string, string> {
  const { seed, classes, depth, sites, nas } = parameters;
  const numbers = new Numbers(seed);
  const tree = classTree(classes, depth);
  const departments = tree.levels[0]!;
  const applications = applicationFiles(numbers);
  const servers = drawServers(parameters, departments, numbers);
  const flows = drawFlows(parameters, tree, servers, numbers);
  return new Map([
    ['catalog/classes.yaml', ['quarantined: {}', ...classLines(tree.levels)].join('\n')],
    ['catalog/endpoints.yaml', servers.catalog],
    ['catalog/applications.yaml', applications.catalog],
    ['catalog/sites.yaml', list(sites, (site) => `${siteName(site, sites)}: {}`).join('\n')],
    ['catalog/segments.yaml', segments(departments, sites)],
    [
      'rules/membership.csv',
      [
        ...[...tree.parents].map(([name, parent]) => `g, ${name}, ${parent}`),
        ...servers.membership,
        ...applications.membership,
      ].join('\n'),
    ],
    ['rules/flows.csv', flows.join('\n')],
    [
      'rules/access.csv',
      [
        'p2, device, everywhere, quarantined, quarantine, always, "generated"',
        ...departments.flatMap((name) =>
          ['verified', 'unverified'].map(
            (posture) => `p2, ${name}, everywhere, ${posture}, ${name}, always, "generated"`,
          ),
        ),
      ].join('\n'),
    ],
    ...nasFile(nas, sites),
  ]);
}

type Tree = ReturnType<typeof classTree>;

function classLines(levels: Tree['levels']): string[] {
  const criticality = ['life-critical', 'high', 'standard', 'standard'] as const;
  return levels.flatMap((names) => names.map((name, i) => `${name}: { criticality: ${criticality[i % 4]!} }`));
}

/** One segment for each department and one for quarantine, at every site. */
function segments(departments: readonly string[], sites: number): string {
  const names = ['quarantine', ...departments];
  if (names.length * sites > 8192) throw new Error('more segments than 10.128.0.0/9 has networks of /22');
  return names
    .map((name, i) => {
      const placed = list(sites, (site) => {
        const n = i * sites + site;
        const prefixes = `10.${128 + (n >> 6)}.${(n & 63) * 4}.0/22, "fd80:${n.toString(16)}::/64"`;
        return `${siteName(site, sites)}: { vlan: ${100 + i}, prefixes: [${prefixes}] }`;
      });
      const kind = i === 0 ? 'role: quarantined' : `dedicatedTo: ${name}`;
      return `${name}: { ${kind}, sites: { ${placed.join(', ')} } }`;
    })
    .join('\n');
}

function drawFlows(parameters: PolicyParameters, tree: Tree, servers: Servers, numbers: Numbers): string[] {
  const { rules, denies, towardsDevices } = parameters;
  const departmentOf = (name: string): string => {
    const parent = tree.parents.get(name)!;
    return parent === 'device' ? name : departmentOf(parent);
  };
  const all = [...tree.parents.keys()];
  const departments = tree.levels[0]!;
  const upper = tree.levels.length === 1 ? all : tree.levels.slice(0, -1).flat();
  const farmsOf = (name: string) => servers.byDepartment.get(departmentOf(name))!;

  const allow = (i: number): string => {
    const subject = all[i % all.length]!;
    const dice = numbers.below(100);
    const { own, shared, server, foreign } = towards;
    if (dice >= own + shared + server + foreign)
      return flowLine(subject, numbers.pick(servers.vendors), 'https', 'allow');
    const farms =
      dice < own || (dice >= own + shared && dice < own + shared + server)
        ? farmsOf(subject)
        : dice < own + shared
          ? servers.shared
          : farmsOf(numbers.pick(all));
    const farm = numbers.pick(farms);
    const object = dice >= own + shared && dice < own + shared + server ? numbers.pick(farm.servers) : farm.name;
    return flowLine(subject, object, numbers.pick(farm.offers), 'allow');
  };
  const deny = (i: number): string => {
    const subject = numbers.pick(upper);
    if (i % 3 === 0) return flowLine(subject, 'internet', 'any', 'deny');
    if (i % 3 === 1) return flowLine(subject, `servers-of-${departmentOf(subject)}`, 'admin', 'deny');
    const other = numbers.pick(departments);
    return other === departmentOf(subject)
      ? flowLine(subject, 'servers-for-all', 'admin', 'deny')
      : flowLine(subject, `servers-of-${other}`, 'any', 'deny');
  };
  const towardsDevice = (): string => {
    const application = drawInterface(numbers);
    if (numbers.chance(shareOfPeers)) {
      // Only a department has a segment of its own, so only its devices can be told by address in a port ACL.
      return flowLine(numbers.pick(departments), numbers.pick(departments), application, 'allow');
    }
    const object = numbers.pick(all);
    return flowLine(numbers.pick(farmsOf(object)).name, object, application, 'allow');
  };

  const lines = new Set(
    baseApplications.map((name, i) => flowLine('device', servers.shared[i % 2]!.name, name, 'allow')),
  );
  const add = (count: number, draw: (i: number) => string): void => {
    const limit = lines.size + count;
    // The same line twice is an error, so it is drawn again.
    for (let i = 0, tries = 0; lines.size < limit; i += 1, tries += 1) {
      if (tries > count * 20 + 1000) throw new Error('too many rules for so few classes and endpoints');
      lines.add(draw(i));
    }
  };
  const denied = Math.round(rules * denies);
  const received = Math.round(rules * towardsDevices);
  add(denied, deny);
  add(received, towardsDevice);
  add(Math.max(0, rules - lines.size), allow);
  return [...lines];
}
