import { remembered } from '#base';
import { families, familyOf, PacketSpace, serviceAlgebra, type PacketSet } from '#net';
import type { Report } from '../codes.js';
import type { FlowRuleSource, Policy } from '../policy.js';
import { criticalPlaces } from '../server-down.js';
import type { AccessGrant, ClassFlows, DirectionFlows } from '../snapshot.js';

/** Rules that a message names; the others are counted. */
const mostNamed = 4;

type Flows = Readonly<Record<string, ClassFlows>>;

/**
 * What a dead RADIUS server means for life-critical devices that come then: connections that they may open at their site
 * otherwise, and that the critical segment does not let through, in whole or in part. One finding for classes that lose the
 * same. What a device may where it counts as something less, such as in onboarding, is no loss. Rules with a schedule don't
 * count either, so that nothing is found by night alone. Decides nothing: an admin reads it before a server dies.
 */
export class LostFlows {
  /** By flows of the critical role, then by those of the device: ids of the rules of which something is lost. */
  private readonly known = new WeakMap<DirectionFlows, WeakMap<DirectionFlows, ReadonlySet<string>>>();

  check(policy: Policy, table: readonly AccessGrant[], flows: Flows, report: Report): void {
    const places = criticalPlaces(policy.nas);
    if (places.length === 0) return;
    const lasting = policy.flowRules.filter(({ when }) => when.kind !== 'schedule');
    const isLifeCritical = (name: string): boolean => policy.classes.get(name)?.criticality === 'life-critical';
    for (const { segment, role: critical } of places) {
      const sites = new Set(policy.nas.flatMap((nas) => (nas.serverDown?.segment === segment ? nas.site : [])));
      const here = table.filter(
        ({ class: name, role, site }) => sites.has(site) && isLifeCritical(name) && isLifeCritical(role),
      );
      const losses = [...Map.groupBy(here, (grant) => grant.class)].flatMap(([name, grants]) => {
        const ids = new Set(grants.flatMap(({ role }) => [...this.lostBy(flows[role]!, flows[critical]!)]));
        const lost = lasting.filter(({ id }) => ids.has(id));
        return lost.length > 0 ? [{ name, lost }] : [];
      });
      for (const alike of Map.groupBy(losses, ({ lost }) => lost.map(({ id }) => id).join()).values()) {
        const { name, lost } = alike[0]!;
        const who = alike.map((one) => `\`${one.name}\``).join(', ');
        const summary = `${who}: while no RADIUS server answers, one that comes gets \`${segment}\` and can't open ${listed(lost)}`;
        const hint = `allow \`${critical}\` the same, or say in cordon.yaml why it can wait`;
        report.add('server-down-flows', policy.classes.get(name)!.span, summary, hint);
      }
    }
  }

  private lostBy({ outbound: own }: ClassFlows, { outbound: critical }: ClassFlows): ReadonlySet<string> {
    const ofCritical = remembered(this.known, critical, () => new WeakMap<DirectionFlows, ReadonlySet<string>>());
    return remembered(ofCritical, own, () => lostRules(own, critical));
  }
}

function lostRules(own: DirectionFlows, critical: DirectionFlows): ReadonlySet<string> {
  const space = new PacketSpace();
  const left = space.union(critical.allowed.map((region) => packets(space, region)));
  const lost = own.allowed.filter((region) => !packets(space, region).subtract(left).equals(space.none));
  const lostPeers = own.peersAllowed.filter(({ peer, services }) => {
    const still = critical.peersAllowed.filter((region) => region.peer === peer).flatMap((region) => region.services);
    return serviceAlgebra.subtract(services, serviceAlgebra.normalize(still)).length > 0;
  });
  return new Set([...lost, ...lostPeers].flatMap(({ rules }) => rules));
}

const packets = (space: PacketSpace, { addresses, services }: DirectionFlows['allowed'][number]): PacketSet =>
  space.union(families.map((family) => space.match({ family, services, destination: familyOf(addresses, family) })));

function listed(rules: readonly FlowRuleSource[]): string {
  const first = rules
    .slice(0, mostNamed)
    .map(({ application, object, span }) => `${application} to \`${object}\` (${span.file}:${span.line})`);
  const more = rules.length > mostNamed ? `, and ${rules.length - mostNamed} more` : '';
  return `${first.join(', ')}${more}`;
}
