import { families, familyOf, formatRange, formatService, protocolOf, sweep, type AddressSet } from '#net';
import { lineOf } from '../decide.js';
import { builtIn } from '../policy.js';
import type { Named, RuleLine, Snapshot } from '../snapshot.js';

/** Two files that any Casbin loads, without a function of ours. */
export interface CasbinExport {
  /** `model.conf` */
  readonly model: string;
  /** `policy.csv` */
  readonly policy: string;
  /** Rules that are not in force at the snapshot's instant, and so are not in the file. */
  readonly leftOut: readonly RuleLine[];
}

/**
 * The model without time, since the file is the policy of one instant, and with the access table compared word for word,
 * since Casbin has no "most specific rule wins". `rule` is the id of the line in Cordon.
 */
export const exportModel = `[request_definition]
r = sub, obj, app
r2 = sub, site, posture, segment

[policy_definition]
p = sub, obj, app, eft, rule
p2 = sub, site, posture, segment, rule

[role_definition]
g = _, _
g2 = _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
e2 = some(where (p.eft == allow))

[matchers]
m = g(r.sub, p.sub) && g(r.obj, p.obj) && g2(r.app, p.app)
m2 = r2.sub == p2.sub && r2.site == p2.site && r2.posture == p2.posture && r2.segment == p2.segment
`;

/**
 * A snapshot as Casbin files with the same decisions.
 *
 * Casbin knows names only, and a name does not tell that its addresses lie inside another endpoint, or that two
 * applications share a port. So the file also names the wire: every range of addresses and of ports on which rules are
 * alike is a name of its own (`10.10.4.20`, `tcp/443`) that belongs to everything that contains it.
 */
export function exportCasbin(snapshot: Snapshot): CasbinExport {
  const rules = snapshot.flowRules
    .filter(({ active }) => active)
    .map(({ subject, object, application, effect, id }) => ['p', subject, object, application, effect, id]);
  const grants = snapshot.accessTable.map(({ class: device, site, posture, segment, rule }) => [
    'p2',
    device,
    site,
    posture,
    segment,
    rule.id,
  ]);
  const lines = [
    ...rules,
    ...grants,
    ...[...snapshot.classes, ...snapshot.endpoints].flatMap((named) => linksOf('g', named)),
    ...addressNames(snapshot).flatMap(({ name, groups }) => groups.map((group) => ['g', name, group])),
    ...snapshot.applications.flatMap((named) => linksOf('g2', named)),
    ...serviceNames(snapshot).flatMap(({ name, groups }) => groups.map((group) => ['g2', name, group])),
  ];
  return {
    model: exportModel,
    policy: `${lines.map((words) => words.join(', ')).join('\n')}\n`,
    leftOut: [...snapshot.flowRules, ...snapshot.accessRules].filter(({ active }) => !active).map(lineOf),
  };
}

const linksOf = (type: 'g' | 'g2', { name, parents }: Named): string[][] =>
  parents.map((parent) => [type, name, parent]);

/** A name for what is on the wire. */
export interface WireName {
  readonly name: string;
  /** All that contain it, groups too: one link leads to each, so that no chain grows beyond what Casbin follows. */
  readonly groups: readonly string[];
}

const withoutName: ReadonlySet<string> = new Set([builtIn.internet, builtIn.internal]);

/** Addresses that belong to `internet` or `internal` alone need no name: they are that. Those of no endpoint are nothing. */
export function addressNames({ endpoints }: Snapshot): WireName[] {
  return families.flatMap((family) => {
    const lists = endpoints.map(({ addresses }: { addresses: AddressSet }) => familyOf(addresses, family));
    return [...sweep(lists, 1n)]
      .map(({ first, last, members }) => ({
        name: formatRange({ family, first, last }),
        groups: members.map((i) => endpoints[i]!.name),
      }))
      .filter(({ groups }) => !withoutName.has(groups.join()));
  });
}

/** Ports that belong to `any` alone need no name: they are `any`. */
export function serviceNames({ applications }: Snapshot): WireName[] {
  const lists = applications.map(({ services }) => services);
  return [...sweep(lists, 1)]
    .map(({ first, last, members }) => ({ first, last, groups: members.map((i) => applications[i]!.name) }))
    .filter(({ groups }) => groups.join() !== builtIn.anyApplication)
    .flatMap(({ first, last, groups }) =>
      formatService({ first, last }).map((text) => ({ name: nameOf(text, first), groups })),
    );
}

/** A protocol without ports is `ip/50`, whatever interval of "ports" its packets have. */
const nameOf = (text: string, first: number): string => (text.includes(' ') ? `ip/${protocolOf(first)}` : text);
