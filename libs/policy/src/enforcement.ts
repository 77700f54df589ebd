import { noRules, type EnforcementRules, type FlowEntry, type FlowSide } from '#model';
import { addressSet, isEmptyAddressSet, rangesOf } from '#net';
import { indexOf } from './decide.js';
import type { FlowRule, Snapshot } from './snapshot.js';

/**
 * What an enforcement point at `site` must enforce: every active flow rule with a device on at least one side, for the
 * traffic of the device segments at that site and its child sites.
 */
export function enforcementRules(snapshot: Snapshot, site: string): EnforcementRules {
  const local = sitesBelow(snapshot, site);
  const placed = snapshot.segments.flatMap(({ sites }) => sites.filter((at) => local.has(at.site)));
  const scope = addressSet(placed.flatMap(({ prefixes }) => rangesOf(prefixes)));
  const entries = snapshot.flowRules.flatMap((rule) => entryOf(snapshot, rule));
  return { ...noRules, snapshotDigest: snapshot.digest, scope, entries };
}

/** A site and all below it. */
export function sitesBelow(snapshot: Snapshot, site: string): ReadonlySet<string> {
  return new Set(
    snapshot.sites.filter(({ name, ancestors }) => name === site || ancestors.includes(site)).map(({ name }) => name),
  );
}

function entryOf(snapshot: Snapshot, rule: FlowRule): FlowEntry[] {
  if (!rule.active) return [];
  const source = sideOf(snapshot, rule.subject);
  const destination = sideOf(snapshot, rule.object);
  if (!source || !destination || (source.kind === 'addresses' && destination.kind === 'addresses')) return [];
  const services = indexOf(snapshot).services.get(rule.application) ?? [];
  return [{ id: rule.id, action: rule.effect, source, destination, services, line: `${rule.file}:${rule.line}` }];
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
