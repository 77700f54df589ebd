import { remembered } from '#base';
import { factsOf, noRules, type EnforcedPart, type EnforcementRules, type FlowEntry, type FlowSide } from '#model';
import { addressSet, formatRange, isEmptyAddressSet, rangesOf, type AddressSet } from '#net';
import { indexOf } from './decide.js';
import { criticalAddresses } from './server-down.js';
import type { EnforcementPointEntry, FlowRule, Snapshot } from './snapshot.js';
import { switchRules } from './switch-rules.js';
import { workloadsOf } from './workloads.js';

const bySite = new WeakMap<Snapshot, Map<string, EnforcementRules>>();

/**
 * What an enforcement point at `site` must enforce: every active flow rule with a device on at least one side, for the
 * traffic of the device segments at that site and its child sites. The same object each time.
 */
export function enforcementRules(snapshot: Snapshot, site: string): EnforcementRules {
  const known = remembered(bySite, snapshot, () => new Map<string, EnforcementRules>());
  return remembered(known, site, () => {
    const local = sitesBelow(snapshot, site);
    const placed = snapshot.segments.flatMap(({ sites }) => sites.filter((at) => local.has(at.site)));
    const scope = addressSet(placed.flatMap(({ prefixes }) => rangesOf(prefixes)));
    const critical = criticalAddresses(snapshot, local);
    const entries = snapshot.flowRules.flatMap((rule) => entriesOf(snapshot, rule, critical));
    return { ...noRules, snapshotDigest: snapshot.digest, scope, entries };
  });
}

const flowless = new WeakMap<Snapshot, EnforcementRules>();

/** For a point that enforces no flows. The same object each time. */
export const rulesWithoutFlows = (snapshot: Snapshot): EnforcementRules =>
  remembered(flowless, snapshot, () => ({ ...noRules, snapshotDigest: snapshot.digest }));

/** Of a driver that nobody knows nothing is asked: the loader refuses its point. */
export const partsOf = ({
  driver,
  options,
}: Pick<EnforcementPointEntry, 'driver' | 'options'>): readonly EnforcedPart[] =>
  factsOf(driver)?.enforces(options) ?? [];

/** All that one policy asks of a point, but for what comes and goes with devices. */
export function pointRules(snapshot: Snapshot, point: EnforcementPointEntry): EnforcementRules {
  const hasFlows = partsOf(point).includes('flows');
  const flows = hasFlows ? enforcementRules(snapshot, point.site) : rulesWithoutFlows(snapshot);
  const ofSwitch = point.nas === null ? noRules : switchRules(snapshot, point.nas);
  return withParts(flows, point, { ...ofSwitch, workloads: workloadsOf(snapshot, point.name) });
}

type OtherParts = Pick<EnforcementRules, 'lists' | 'vlans' | 'workloads'>;

const joined = new WeakMap<EnforcementRules, Map<string, EnforcementRules>>();

/**
 * With those of the other parts that the point's driver enforces. The same object for the same rules: what drivers and proofs worked out for
 * it holds for all points that are alike.
 */
export function withParts(flows: EnforcementRules, point: EnforcementPointEntry, parts: OtherParts): EnforcementRules {
  const enforced = partsOf(point);
  const lists = enforced.includes('lists') ? parts.lists : [];
  const vlans = enforced.includes('vlans') ? parts.vlans : [];
  const workloads = enforced.includes('workloads') ? parts.workloads : [];
  if (lists.length + vlans.length + workloads.length === 0) return flows;
  const key = [
    ...lists.map(({ name, entries }) => `${name}/${entries.length}`),
    ...vlans.map(({ id, name }) => `${id}=${name}`),
    ...workloads.map(
      ({ namespace, service, addresses }) =>
        `${namespace}/${service} ${rangesOf(addresses).map(formatRange).join(',')}`,
    ),
  ].join(' ');
  const known = remembered(joined, flows, () => new Map<string, EnforcementRules>());
  return remembered(known, key, () => ({ ...flows, lists, vlans, workloads }));
}

/** A site and all below it. */
export function sitesBelow(snapshot: Snapshot, site: string): ReadonlySet<string> {
  return new Set(
    snapshot.sites.filter(({ name, ancestors }) => name === site || ancestors.includes(site)).map(({ name }) => name),
  );
}

/** Several where a class is also known by the addresses of its critical segment. */
function entriesOf(snapshot: Snapshot, rule: FlowRule, critical: ReadonlyMap<string, AddressSet>): FlowEntry[] {
  if (!rule.active) return [];
  const services = indexOf(snapshot).services.get(rule.application) ?? [];
  const sources = sidesOf(snapshot, rule.subject, critical);
  const destinations = sidesOf(snapshot, rule.object, critical);
  const line = `${rule.file}:${rule.line}`;
  return sources.flatMap((source) =>
    destinations.flatMap((destination): FlowEntry[] => {
      if (!source.isOfDevices && !destination.isOfDevices) return [];
      return [{ id: rule.id, action: rule.effect, source: source.side, destination: destination.side, services, line }];
    }),
  );
}

interface NamedSide {
  readonly side: FlowSide;
  readonly isOfDevices: boolean;
}

function sidesOf(snapshot: Snapshot, name: string, critical: ReadonlyMap<string, AddressSet>): NamedSide[] {
  const side = sideOf(snapshot, name);
  if (!side) return [];
  if (side.kind === 'addresses') return [{ side, isOfDevices: false }];
  const ranges = side.classes.flatMap((role) => {
    const addresses = critical.get(role);
    return addresses ? rangesOf(addresses) : [];
  });
  const known: NamedSide = { side, isOfDevices: true };
  return ranges.length === 0
    ? [known]
    : [known, { side: { kind: 'addresses', addresses: addressSet(ranges) }, isOfDevices: true }];
}

/** Null for a group without members: such a rule matches nothing. */
function sideOf(snapshot: Snapshot, name: string): FlowSide | null {
  if (indexOf(snapshot).classes.has(name)) {
    const classes = snapshot.classes
      .filter((known) => known.name === name || known.ancestors.includes(name))
      .map((known) => known.name);
    return { kind: 'classes', classes: classes.sort() };
  }
  const addresses = snapshot.endpoints.find((endpoint) => endpoint.name === name)?.addresses;
  return addresses && !isEmptyAddressSet(addresses) ? { kind: 'addresses', addresses } : null;
}
