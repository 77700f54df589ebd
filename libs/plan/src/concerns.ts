import { compareText } from '#base';
import type { Snapshot } from '#policy';
import { accessOfTables } from './access/diff-access.js';
import { riskView } from './flows/risk.js';
import { concernKinds, type Concern, type ConcernKind, type FlowChange, type PolicyPlan } from './plan.js';

type Parts = Pick<PolicyPlan, 'changed' | 'flows' | 'dormant' | 'tests' | 'network' | 'observed'>;

/**
 * What of a change people may want to approve. Which of it they must is not decided here. Placement is looked at in whole, not
 * for devices of the inventory alone: who leaves a class out of it must not get around anybody.
 */
export function findConcerns(parts: Parts, before: Snapshot, after: Snapshot): Concern[] {
  const { flows, dormant, tests, network, observed } = parts;
  const touching = (what: FlowChange['touches'][number]): string[] =>
    flows.filter(({ touches }) => touches.includes(what)).map(flowText);
  const atRisk = (risk: FlowChange['risk']): string[] => flows.filter((flow) => flow.risk === risk).map(flowText);
  const found: Readonly<Record<ConcernKind, readonly string[]>> = {
    internet: touching('internet'),
    'life-critical': [...touching('life-critical'), ...lifeCriticalPlaces(before, after)],
    'in-use': [
      ...touching('in-use'),
      ...(observed?.broken ?? []).map(
        ({ source, destination, service }) => `breaks ${source} -> ${destination}: ${service}`,
      ),
    ],
    later: dormant.map(({ sign, file, line, when }) => `${sign} ${file}:${line} (${when})`),
    tests: tests.removed.map(({ kind, name }) => `${kind} \`${name}\` is removed or rewritten`),
    network: network.map(({ kind, name, change }) => `${kind} \`${name}\` ${change}`),
    high: atRisk('high'),
    medium: atRisk('medium'),
    low: atRisk('low'),
    any: parts.changed ? ['the policy changes'] : [],
  };
  return concernKinds.flatMap((kind): Concern[] => {
    const [first, ...more] = found[kind];
    if (first === undefined) return [];
    return [{ kind, summary: more.length > 0 ? `${first}, and ${more.length} more` : first, count: more.length + 1 }];
  });
}

const flowText = ({ change, source, destination, services }: FlowChange): string =>
  `${change === 'opened' ? 'opens' : 'closes'} ${source.text} -> ${destination.text}: ${services.text}`;

/** Life-critical classes, of either policy, that are placed otherwise somewhere, or treated with other care. */
function lifeCriticalPlaces(before: Snapshot, after: Snapshot): string[] {
  const { criticality } = riskView(before, after);
  const isCritical = (name: string): boolean => criticality.get(name) === 'life-critical';
  const placed = accessOfTables(before, after).filter(
    ({ group, before, after }) =>
      isCritical(group.class) &&
      (['segment', 'vlan', 'role', 'sgt', 'voice'] as const).some((at) => before?.[at] !== after?.[at]),
  );
  const care = ({ classes }: Snapshot): Map<string, string> =>
    new Map(
      classes.map(({ name, criticality, dynamicAuthorization: way }) => [name, JSON.stringify([criticality, way])]),
    );
  const [was, is] = [care(before), care(after)];
  const treated = [...new Set([...was.keys(), ...is.keys()])].filter(
    (name) => isCritical(name) && was.get(name) !== is.get(name),
  );
  return [
    ...[...new Set(placed.map(({ group }) => group.class))].sort(compareText).map((name) => `places ${name} otherwise`),
    ...treated.sort(compareText).map((name) => `treats ${name} with other care`),
  ];
}
