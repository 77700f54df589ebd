import { factsOf, noRules, type EnforcedPart, type EnforcementRules, type FlowEntry, type FlowSide } from '#model';
import { addressSet, isEmptyAddressSet, rangesOf, type AddressSet } from '#net';
import { indexOf } from './decide.js';
import { criticalAddresses } from './server-down.js';
import type { EnforcementPointEntry, FlowRule, Snapshot } from './snapshot.js';
import { switchRules } from './switch-rules.js';

/**
 * What an enforcement point at `site` must enforce: every active flow rule with a device on at least one side, for the
 * traffic of the device segments at that site and its child sites.
 */
export function enforcementRules(snapshot: Snapshot, site: string): EnforcementRules {
  const local = sitesBelow(snapshot, site);
  const placed = snapshot.segments.flatMap(({ sites }) => sites.filter((at) => local.has(at.site)));
  const scope = addressSet(placed.flatMap(({ prefixes }) => rangesOf(prefixes)));
  const critical = criticalAddresses(snapshot, local);
  const entries = snapshot.flowRules.flatMap((rule) => entriesOf(snapshot, rule, critical));
  return { ...noRules, snapshotDigest: snapshot.digest, scope, entries };
}

/** Of a driver that nobody knows nothing is asked: the loader refuses its point. */
export const partsOf = ({
  driver,
  options,
}: Pick<EnforcementPointEntry, 'driver' | 'options'>): readonly EnforcedPart[] =>
  factsOf(driver)?.enforces(options) ?? [];

/** All that one policy asks of a point, but for what comes and goes with devices. */
export function pointRules(snapshot: Snapshot, point: EnforcementPointEntry): EnforcementRules {
  const parts = partsOf(point);
  const flows = parts.includes('flows')
    ? enforcementRules(snapshot, point.site)
    : { ...noRules, snapshotDigest: snapshot.digest };
  if (point.nas === null) return flows;
  const { lists, vlans } = switchRules(snapshot, point.nas);
  return { ...flows, ...(parts.includes('lists') && { lists }), ...(parts.includes('vlans') && { vlans }) };
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
