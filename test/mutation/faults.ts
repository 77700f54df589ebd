import type { Fault } from './fault.ts';
import { followingFaults } from './following-faults.ts';
import { handoverFaults } from './handover-faults.ts';
import { identityFaults } from './identity-faults.ts';
import { radiusFaults } from './radius-faults.ts';

const net = 'libs/net/src';
const policy = 'libs/policy/src';
const profiles = 'libs/radius/src/nas-profiles';
const artefacts = 'libs/artefacts/src';
const ace = 'libs/net/src/ace';
const cli = 'libs/drivers/src/cli-over-ssh';
const flows = 'libs/plan/src/flows';
const nftables = 'libs/drivers/src/nftables';

const intervals = [`${net}/interval.spec.ts`];
const addresses = [`${net}/address.spec.ts`];
const services = [`${net}/service.spec.ts`];
const partitions = [`${net}/address-partition.spec.ts`];
const addressIndex = [`${net}/address-index.spec.ts`];
const addressMap = [`${net}/address-map.spec.ts`];
const intervalTables = [`${net}/interval-tables.spec.ts`];
const firstMatch = [`${net}/first-match.spec.ts`];
const packets = [`${net}/packets/packet-set.spec.ts`];
const minimise = [`${net}/minimise/fewest-entries.spec.ts`];
const compile = [`${policy}/compile/compile.spec.ts`];
const access = [`${policy}/compile/access.spec.ts`];
const nextChange = [`${policy}/compile/next-change.spec.ts`];
const incremental = [`${policy}/compile/incremental.spec.ts`];
const budgets = [`${policy}/compile/budgets.spec.ts`];
const decider = [`${policy}/decider.spec.ts`];
const hierarchy = [`${policy}/hierarchy.spec.ts`];
const when = [`${policy}/when.spec.ts`];
const enforcement = [`${policy}/explain.spec.ts`];
const codec = [`${policy}/codec/codec.spec.ts`];
const analyse = [`${policy}/analyse/analyse.spec.ts`];
const placement = [`${policy}/verify/placement.spec.ts`];
const invariants = [`${policy}/verify/invariants.spec.ts`];
const throughout = [`${policy}/verify/throughout.spec.ts`];
const policyTests = [`${policy}/verify/policy-tests.spec.ts`];
const rendering = [`${profiles}/acl-rendering.spec.ts`];
const verifyAcl = [`${profiles}/verify-acl.spec.ts`];
const authorization = [`${profiles}/authorization.spec.ts`];
const registry = [`${profiles}/registry.spec.ts`];
const semantics = [`${nftables}/semantics.spec.ts`];
const contract = [`${artefacts}/contract.spec.ts`];
const ciscoGrammar = [`${artefacts}/cisco-acl/parse.spec.ts`];
const bounds = [`${artefacts}/intended/policy-bounds.spec.ts`];
const proof = [`${artefacts}/nftables/prove.spec.ts`];
const casbin = [`${policy}/casbin/export.spec.ts`];
const diffFlows = [`${flows}/diff-flows.spec.ts`];

const netFaults: readonly Fault[] = [
  {
    name: 'neighbouring intervals stay two',
    file: `${net}/interval.ts`,
    find: 'first <= this.next(top.last)',
    replace: 'first <= top.last',
    caughtBy: intervals,
  },
  {
    name: 'what is taken out leaves its first value behind',
    file: `${net}/interval.ts`,
    find: 'last: this.previous(cut.first)',
    replace: 'last: cut.first',
    caughtBy: intervals,
  },
  {
    name: 'an intersection loses single values',
    file: `${net}/interval.ts`,
    find: 'if (first <= last) out.push({ first, last });',
    replace: 'if (first < last) out.push({ first, last });',
    caughtBy: intervals,
  },
  {
    name: 'set operations forget the IPv6 half of the second set',
    file: `${net}/address.ts`,
    find: 'v6: combine(a.v6, b.v6)',
    replace: 'v6: combine(a.v6, [])',
    caughtBy: addresses,
  },
  {
    name: 'a prefix ends one address early',
    file: `${net}/address.ts`,
    find: 'last: value | ((1n << BigInt(bitsOf(family) - length)) - 1n)',
    replace: 'last: (value | ((1n << BigInt(bitsOf(family) - length)) - 1n)) - 1n',
    caughtBy: addresses,
  },
  {
    name: 'a service over several protocols loses the last of them',
    file: `${net}/service.ts`,
    find: 'protocol <= protocolOf(last)',
    replace: 'protocol < protocolOf(last)',
    caughtBy: services,
  },
  {
    name: 'ICMP types are taken up to 65535',
    file: `${net}/service.ts`,
    find: 'last > (portLimit.get(protocol) ?? 0xffff)',
    replace: 'last > 0xffff',
    caughtBy: services,
  },
  {
    name: 'a sweep lets each cell overlap the next by one',
    file: `${net}/sweep.ts`,
    find: 'last: subtract(places[i]!, one)',
    replace: 'last: places[i]!',
    caughtBy: partitions,
  },
  {
    name: 'the atoms of a set take in those that lie between them',
    file: `${net}/address-partition.ts`,
    find: 'if (top?.last === atom - 1) top.last = atom;',
    replace: 'if (top) top.last = atom;',
    caughtBy: partitions,
  },
  {
    name: 'an address that no set holds is taken for the first atom',
    file: `${net}/address-partition.ts`,
    find: 'found < 0 ? this.rest : found',
    replace: 'found < 0 ? 0 : found',
    caughtBy: partitions,
  },
  {
    name: 'a range of addresses ends with the word that it begins in',
    file: `${net}/address-index.ts`,
    find: 'append(parts, to, { first: 0n, last: last & end, value });',
    replace: '',
    caughtBy: addressIndex,
  },
  {
    name: 'what lies between two intervals belongs to the first of them',
    file: `${net}/interval-tables.ts`,
    find: 'if (first > end) begin(end, 0);',
    replace: '',
    caughtBy: intervalTables,
  },
  {
    name: 'addresses that want the same slot are taken for one',
    file: `${net}/address-map.ts`,
    find: 'slots[slot] === 0 || this.has(slot)',
    replace: 'slots[slot] === 0 || mask > 0',
    caughtBy: addressMap,
  },
  {
    name: 'the union of atoms forgets IPv6',
    file: `${net}/address-partition.ts`,
    find: 'for (const range of v6) ranges.push({ family: 6, ...range });',
    replace: '',
    caughtBy: partitions,
  },
  {
    name: 'a wide line stands above the narrow ones that it contains',
    file: `${net}/first-match.ts`,
    find: `  emit(low, state, family, out);
  emit(high, state, family, out);
  if (state !== inherited && state !== 'keep') out.push({ action: state, prefix });`,
    replace: `  if (state !== inherited && state !== 'keep') out.push({ action: state, prefix });
  emit(low, state, family, out);
  emit(high, state, family, out);`,
    caughtBy: firstMatch,
  },
  {
    name: 'an interval that ends on the first address of a half is lost there',
    file: `${net}/first-match.ts`,
    find: 'list[end - 1]!.last >= middle',
    replace: 'list[end - 1]!.last > middle',
    caughtBy: firstMatch,
  },
  {
    name: 'ICMPv6 exists in IPv4',
    file: `${net}/packets/packet-space.ts`,
    find: '(existsIn(protocol, family) ? this.diagram.full : this.diagram.empty)',
    replace: 'this.diagram.full',
    caughtBy: packets,
  },
  {
    name: 'a deny does not shield what stands below it in a first-match list',
    file: `${net}/packets/packet-space.ts`,
    find: 'lower.permitted.subtract(upper.decided)',
    replace: 'lower.permitted.subtract(upper.permitted)',
    caughtBy: packets,
  },
  {
    name: 'established matches protocols without flags',
    file: `${net}/packets/packet-space.ts`,
    find: '(established === true && !isTcp)',
    replace: 'false',
    caughtBy: packets,
  },
  {
    name: 'an IPv6 range that ends within a word takes all of it',
    file: `${net}/packets/packet-space.ts`,
    find: '(last & rest) === rest ? high : high - 1',
    replace: 'high',
    caughtBy: packets,
  },
  {
    name: 'the empty set has a witness',
    file: `${net}/packets/packet-set.ts`,
    find: 'this.isEmpty ? null : lowestPacket(this.space.diagram, this.node)',
    replace: 'lowestPacket(this.space.diagram, this.node)',
    caughtBy: packets,
  },
  {
    name: 'the witness lies one before the set',
    file: `${net}/packets/measure.ts`,
    find: 'i === 0 ? 0 : node.lasts[i - 1]! + 1',
    replace: 'i === 0 ? 0 : node.lasts[i - 1]!',
    caughtBy: packets,
  },
  {
    name: 'a - b is remembered as b - a',
    file: `${net}/packets/diagram.ts`,
    find: "operation === 'subtract' || a.id < b.id ?",
    replace: 'a.id < b.id ?',
    caughtBy: packets,
  },
  {
    name: 'the last proof of a list looks at IPv4 only',
    file: `${net}/minimise/proof.ts`,
    find: 'return protocolCells(own, regions, family).every(',
    replace: 'return family === 6 || protocolCells(own, regions, family).every(',
    caughtBy: minimise,
  },
  {
    name: 'a part of a list that speaks of everything stands above others',
    file: `${net}/minimise/groups.ts`,
    find: 'return [...contained, last]',
    replace: 'return [last, ...contained]',
    caughtBy: minimise,
  },
  {
    name: 'two parts of a list speak of everything',
    file: `${net}/minimise/groups.ts`,
    find: 'const last = wide.length === 1 ? wide[0]! : this.groupOf(wide.flatMap((group) => group.members));',
    replace: 'const last = wide[0]!;',
    caughtBy: minimise,
  },
  {
    name: 'regions of the same addresses share a list whatever they want',
    file: `${net}/minimise/groups.ts`,
    find: 'regions.find((one) => one.demand === demand)',
    replace: 'regions[0]',
    caughtBy: minimise,
  },
  {
    name: 'regions beside one another are said apart',
    file: `${net}/minimise/groups.ts`,
    find: 'Math.min(block.free + 1, this.bits)',
    replace: 'Math.min(block.free, this.bits)',
    caughtBy: minimise,
  },
  {
    name: 'the last proof of a list takes lines of both actions for one run',
    file: `${net}/minimise/proof.ts`,
    find: 'matches[start - 1]!.action === action',
    replace: 'matches[start - 1]!.established === false',
    caughtBy: minimise,
  },
  {
    name: 'a prefix taken out of an axis is permitted on the ports between, too',
    file: `${net}/minimise/separate.ts`,
    find: 'top?.last === first - 1',
    replace: 'top',
    caughtBy: minimise,
  },
  {
    name: 'a line is idle though one between decides otherwise',
    file: `${net}/minimise/idle-lines.ts`,
    find: 'if (meets(lower, line)) return false;',
    replace: '',
    caughtBy: minimise,
  },
  {
    name: 'the gap below a range of ports takes in its first port',
    file: `${net}/minimise/axes.ts`,
    find: 'add(next, first - 1, none)',
    replace: 'add(next, first, none)',
    caughtBy: minimise,
  },
  {
    name: 'replies of a list lose established',
    file: `${net}/minimise/axes.ts`,
    find: 'established: kind % 2 === 1',
    replace: 'established: false',
    caughtBy: minimise,
  },
];

const compileFaults: readonly Fault[] = [
  {
    name: 'rules that have one set of addresses in common are taken to have none',
    file: `${net}/sweep.ts`,
    find: 'if (open++ === 0) holder = list;',
    replace: 'if (open++ <= 1) holder = list;',
    caughtBy: compile,
  },
  {
    name: 'an allow overrides a deny',
    file: `${policy}/compile/normal-form.ts`,
    find: "members.some((i) => sorted[i]!.effect === 'deny') ? 'deny' : 'allow'",
    replace: "members.every((i) => sorted[i]!.effect === 'deny') ? 'deny' : 'allow'",
    caughtBy: compile,
  },
  {
    name: 'regions of the same rules are merged though their services differ',
    file: `${policy}/compile/normal-form.ts`,
    find: '`${number}|${rules.join()}`',
    replace: '`${rules.join()}`',
    caughtBy: compile,
  },
  {
    name: "a parent's allow is not inherited",
    file: `${policy}/compile/flows.ts`,
    find: 'const groups = [...this.tree.distances(name).keys()];',
    replace: 'const groups = [name];',
    caughtBy: compile,
  },
  {
    name: 'a rule towards a class forgets the classes below it',
    file: `${policy}/compile/flows.ts`,
    find: 'of this.tree.members(flow[far]!)',
    replace: 'of [flow[far]!]',
    caughtBy: compile,
  },
  {
    name: 'a group of applications stands for nothing',
    file: `${policy}/resolve.ts`,
    find: 'const members = policy.applicationTree.members(name);',
    replace: 'const members = [name];',
    caughtBy: compile,
  },
  {
    name: 'segments are taken for endpoints',
    file: `${policy}/resolve.ts`,
    find: 'place: endpoints.length + i',
    replace: 'place: i',
    caughtBy: bounds,
  },
  {
    name: 'the nearest site decides before the nearest class',
    file: `${policy}/compile/access.ts`,
    find: 'const rank = distance * 1000 + steps;',
    replace: 'const rank = steps * 1000 + distance;',
    caughtBy: placement,
  },
  {
    name: 'the least specific access rule wins',
    file: `${policy}/compile/access.ts`,
    find: 'if (rank < least) [best',
    replace: 'if (best === null || rank > least) [best',
    caughtBy: placement,
  },
  {
    name: 'a site takes the segment of the site farthest above',
    file: `${policy}/compile/access.ts`,
    find: '.sort(([, a], [, b]) => a - b)',
    replace: '.sort(([, a], [, b]) => b - a)',
    caughtBy: access,
  },
  {
    name: 'access rules that tie are not told',
    file: `${policy}/compile/access.ts`,
    find: 'else if (rank === least && rule.segment !== best!.segment) rival ??= rule;',
    replace: '',
    caughtBy: access,
  },
  {
    name: 'a device of another class is let into a dedicated segment',
    file: `${policy}/compile/access.ts`,
    find: '!policy.principalTree.belongs(ask.class, dedicatedTo) &&',
    replace: 'false &&',
    caughtBy: access,
  },
  {
    name: 'grants lose the security group tag',
    file: `${policy}/compile/access.ts`,
    find: 'const { vlan, sgt } = there;',
    replace: 'const { vlan } = there, sgt = null;',
    caughtBy: placement,
  },
  {
    name: 'a device in quarantine counts as its class',
    file: `${policy}/compile/access.ts`,
    find: 'const role = segment.role ?? ask.class;',
    replace: 'const role = ask.class;',
    caughtBy: placement,
  },
  {
    name: 'a port ACL minds a deny only where nothing but the denied class can be',
    file: `${policy}/compile/port-acl.ts`,
    find: "if (rule.effect === 'deny') return possible;",
    replace: "if (rule.effect === 'deny') return own;",
    caughtBy: bounds,
  },
  {
    name: 'segments of the classes below are not the class',
    file: `${policy}/compile/class-places.ts`,
    find: 'const classes = this.tree.members(name);',
    replace: 'const classes = [name];',
    caughtBy: bounds,
  },
  {
    name: 'established is dropped on replies',
    file: `${policy}/compile/port-acl-replies.ts`,
    find: 'established: true',
    replace: 'established: false',
    caughtBy: bounds,
  },
  {
    name: 'UDP replies lose their source port',
    file: `${policy}/compile/port-acl-replies.ts`,
    find: 'services: [whole(protocol)], sourcePorts: [ports] }] : null',
    replace: 'services: [whole(protocol)] }] : null',
    caughtBy: bounds,
  },
  {
    name: 'a ping over IPv6 is answered with a ping',
    file: `${policy}/compile/port-acl-replies.ts`,
    find: '{ request: 128, reply: 129 }',
    replace: '{ request: 128, reply: 128 }',
    caughtBy: bounds,
  },
  {
    name: 'replies may come from nearly all of UDP',
    file: `${policy}/compile/port-acl-replies.ts`,
    find: 'portsWithoutState(parts) > mostReplyPorts',
    replace: 'false',
    caughtBy: compile,
  },
  {
    name: 'port ACLs are remembered without the rules by which others may open connections',
    file: `${policy}/compile/compile.ts`,
    find: '[opening.number, receiving.number]',
    replace: '[opening.number]',
    caughtBy: bounds,
  },
  {
    name: 'the snapshot is good until the last change instead of the next',
    file: `${policy}/compile/compile.ts`,
    find: '.sort((a, b) => a.getTime() - b.getTime())[0]',
    replace: '.sort((a, b) => b.getTime() - a.getTime())[0]',
    caughtBy: nextChange,
  },
  {
    name: 'the access table is remembered when its rules change, or their hours do',
    file: `${policy}/compile/compile.ts`,
    find: '[classes, segments, sites, principalTree, siteTree, ...active]',
    replace: '[classes, segments, sites, principalTree, siteTree]',
    caughtBy: incremental,
  },
  {
    name: 'a result is remembered when the last thing that it was made from goes',
    file: `${policy}/version-memory.ts`,
    find: 'before.length !== of.length ||',
    replace: '',
    caughtBy: incremental,
  },
  {
    name: 'a rule that was in force once stays in force',
    file: `${policy}/compile/conditions.ts`,
    find: '!conditional || isInForce(all[i]!)',
    replace: 'true',
    caughtBy: incremental,
  },
  {
    name: 'an error in a line is told once and then forgotten',
    file: `${policy}/version-memory.ts`,
    find: 'if (this.values[before] === undefined) return false;',
    replace: '',
    caughtBy: incremental,
  },
  {
    name: 'what stands behind a change begins a line too late',
    file: `${policy}/load/rule-lines.ts`,
    find: 'lines.slice(placeOfLine(lines, behind + 1))',
    replace: 'lines.slice(placeOfLine(lines, behind + 2))',
    caughtBy: incremental,
  },
  {
    name: 'a rule that moved keeps its line',
    file: `${policy}/load/load.ts`,
    find: '{ ...before, span }',
    replace: 'before',
    caughtBy: incremental,
  },
  {
    name: 'rules that are known keep their hash whatever is in force',
    file: `${policy}/codec/rule-parts.ts`,
    find: ' && active === other.active',
    replace: '',
    caughtBy: incremental,
  },
  {
    name: 'a class keeps its rules when those of a group above it change',
    file: `${policy}/compile/flows.ts`,
    find: 'changed.flatMap((group) => this.tree.members(group))',
    replace: 'changed',
    caughtBy: incremental,
  },
  {
    name: 'what a class may do is taken from the version before',
    file: `${policy}/version-memory.ts`,
    find: 'i >= values.length || changed.has(name)',
    replace: 'i >= values.length',
    caughtBy: incremental,
  },
  {
    name: 'what versions end with is looked for without its keys',
    file: `${policy}/version-memory.ts`,
    find: 'return items[now] === this.items[before] || this.keyOf(items[now]!) === this.keys[before];',
    replace: 'return true;',
    caughtBy: incremental,
  },
  {
    name: 'a part of a record is taken to be as before if its first member is',
    file: `${policy}/codec/record-hashes.ts`,
    find: 'const end = Math.min(from + partSize, values.length);',
    replace: 'const end = Math.min(from + 1, values.length);',
    caughtBy: incremental,
  },
  {
    name: 'groups whose rules are as many as before are taken to be the same',
    file: `${policy}/compile/flows.ts`,
    find: 'a.length === b.length && a.every((flow, i) => flow === b[i] || flow.id === b[i]!.id)',
    replace: 'a.length === b.length',
    caughtBy: incremental,
  },
  {
    name: 'switches of one make are taken to have one ACL budget',
    file: `${policy}/compile/budgets.ts`,
    find: '`${role} ${voice} ${nas.profile} ${nas.aclEntries} ${nas.portAcl}`',
    replace: '`${role} ${voice} ${nas.profile} ${nas.portAcl}`',
    caughtBy: budgets,
  },
  {
    name: 'what a switch would be told is not read back',
    file: `${policy}/compile/budgets.ts`,
    find: 'unfit.length > 0 ? unfit : [...differences(space, profile, authorization)]',
    replace: 'unfit',
    caughtBy: budgets,
  },
];

const policyFaults: readonly Fault[] = [
  {
    name: 'a deny on the address of the source does not override an allow on its class',
    file: `${policy}/outcomes.ts`,
    find: '[...this.rules[a]!, ...this.rules[b]!]',
    replace: 'this.rules[a]!',
    caughtBy: decider,
  },
  {
    name: 'an endpoint is not looked at where the class of the source has rules',
    file: `${policy}/decider.ts`,
    find: 'this.outcomes.join(byClass, byAddress)',
    replace: 'byClass || byAddress',
    caughtBy: decider,
  },
  {
    name: 'a deny counts only where nothing allows',
    file: `${policy}/decide.ts`,
    find: 'if (denies.length > 0) return',
    replace: 'if (denies.length > 0 && denies.length === matching.length) return',
    caughtBy: decider,
  },
  {
    name: 'until ends with its first instant after, not before',
    file: `${policy}/when.ts`,
    find: "if (when.kind === 'until') return at < when.end;",
    replace: "if (when.kind === 'until') return at <= when.end;",
    caughtBy: when,
  },
  {
    name: 'until ends as its day begins',
    file: `${policy}/when.ts`,
    find: 'end: new Date(start.getTime() + day)',
    replace: 'end: start',
    caughtBy: when,
  },
  {
    name: 'a window past midnight goes on by the day that begins, not by the day that it began on',
    file: `${policy}/when.ts`,
    find: 'days.includes(yesterday)',
    replace: 'days.includes(local.weekday)',
    caughtBy: when,
  },
  {
    name: 'a window is open in the minute in which it ends',
    file: `${policy}/when.ts`,
    find: 'local.minutes >= from && local.minutes < to;',
    replace: 'local.minutes >= from && local.minutes <= to;',
    caughtBy: when,
  },
  {
    name: 'membership ends with the direct parents',
    file: `${policy}/hierarchy.ts`,
    find: 'if (!distance.has(next)) distance.set',
    replace: 'if (steps < 1 && !distance.has(next)) distance.set',
    caughtBy: hierarchy,
  },
  {
    name: 'enforcement points get rules that are not in force',
    file: `${policy}/enforcement.ts`,
    find: 'if (!rule.active) return [];',
    replace: '',
    caughtBy: enforcement,
  },
  {
    name: 'enforcement points forget the sites below their own',
    file: `${policy}/enforcement.ts`,
    find: 'name === site || ancestors.includes(site)',
    replace: 'name === site',
    caughtBy: enforcement,
  },
  {
    name: 'enforcement points forget the classes below the one that a rule names',
    file: `${policy}/enforcement.ts`,
    find: 'known.name === name || known.ancestors.includes(name)',
    replace: 'known.name === name',
    caughtBy: compile,
  },
  {
    name: 'what may be opened is read for what may be received',
    file: `${policy}/codec/decode.ts`,
    find: 'inbound: flows(inbound)',
    replace: 'inbound: flows(outbound)',
    caughtBy: codec,
  },
  {
    name: 'entries are stored without established',
    file: `${policy}/codec/acl.ts`,
    find: 'pair(destinationPorts), established]',
    replace: 'pair(destinationPorts), false]',
    caughtBy: codec,
  },
  {
    name: 'gaps of plain permits are not seen',
    file: `${net}/minimise/one-set.ts`,
    find: 'gaps.push(...bordersOfKind(kind, bordersOfGaps(intervals)));',
    replace: '',
    caughtBy: minimise,
  },
  {
    name: 'several ports of several prefixes are said one by one',
    file: `${net}/minimise/one-set.ts`,
    find: 'if (intervals.length > 1 && strokes.length > 1) return null;',
    replace: '',
    caughtBy: minimise,
  },
  {
    name: 'replies of addresses that may open connections to all ports are said again',
    file: `${net}/minimise/one-set.ts`,
    find: 'return wanted.some(isSaid) ? null : { lines: out, gaps };',
    replace: 'return { lines: out, gaps };',
    caughtBy: minimise,
  },
  {
    name: 'a grant of a stored snapshot has the rule of another',
    file: `${policy}/codec/decode.ts`,
    find: 'rule: rules.get(String(row.at(-1))),',
    replace: 'rule: [...rules.values()][0],',
    caughtBy: codec,
  },
  {
    name: 'the digest leaves out the port ACLs',
    file: `${policy}/codec/encode.ts`,
    find: 'Object.fromEntries(names.map((name) =>',
    replace: "Object.fromEntries(names.filter((name) => name !== 'portAcls').map((name) =>",
    caughtBy: codec,
  },
  {
    name: 'a snapshot is taken whatever its digest',
    file: `${policy}/codec/decode.ts`,
    find: 'if (found !== digest) throw',
    replace: 'if (found === null) throw',
    caughtBy: codec,
  },
  {
    name: 'a deny with hours is taken to close for good',
    file: `${policy}/analyse/standing.ts`,
    find: 'if (this.inForceWhenever(other, allow)) yield other;',
    replace: 'yield other;',
    caughtBy: analyse,
  },
  {
    name: 'of two dates the earlier is taken for the longer',
    file: `${policy}/analyse/when-order.ts`,
    find: 'narrower.end <= wider.end',
    replace: 'narrower.end >= wider.end',
    caughtBy: analyse,
  },
  {
    name: 'analysis mixes up the ICMPs of the families',
    file: `${policy}/analyse/cells.ts`,
    find: '{ 4: without(all, protocols.icmp6), 6: without(all, protocols.icmp) }',
    replace: '{ 4: without(all, protocols.icmp), 6: without(all, protocols.icmp6) }',
    caughtBy: analyse,
  },
  {
    name: 'an access rule with hours hides the one behind it for good',
    file: `${policy}/analyse/placements.ts`,
    find: "ranked.find(({ rule }) => rule.when.kind === 'always')",
    replace: 'ranked[0]',
    caughtBy: analyse,
  },
  {
    name: 'an invariant over time takes the denies of some period for those of all',
    file: `${policy}/verify/universe.ts`,
    find: "(rule.effect === 'allow') === (lean === 'open')",
    replace: "lean === 'open'",
    caughtBy: throughout,
  },
  {
    name: 'what holds in one period is taken to hold in all',
    file: `${policy}/verify/timeline.ts`,
    find: 'periods.every((period) => period.always.has(text))',
    replace: 'periods.some((period) => period.always.has(text))',
    caughtBy: throughout,
  },
  {
    name: 'a policy test looks at the first part of its question only',
    file: `${policy}/verify/policy-tests.ts`,
    find: 'parts.find(({ verdict })',
    replace: 'parts.slice(0, 1).find(({ verdict })',
    caughtBy: policyTests,
  },
  {
    name: 'services that an invariant excepts are judged all the same',
    file: `${policy}/verify/packets.ts`,
    find: 'serviceAlgebra.subtract(withoutOtherFamily(universe, part), excepted)',
    replace: 'withoutOtherFamily(universe, part)',
    caughtBy: invariants,
  },
  {
    name: 'an invariant about a class forgets the classes below it',
    file: `${policy}/verify/universe.ts`,
    find: 'scope.below ? this.policy.principalTree.members(name) : [name]',
    replace: '[name]',
    caughtBy: invariants,
  },
  {
    name: 'that a class must always be in a segment is read as that it must not',
    file: `${policy}/verify/access-claims.ts`,
    find: "kind === 'always' ? !isThere : isThere",
    replace: 'isThere',
    caughtBy: invariants,
  },
  {
    name: 'Casbin files hold rules that are not in force',
    file: `${policy}/casbin/export.ts`,
    find: '.filter(({ active }) => active)',
    replace: '',
    caughtBy: casbin,
  },
];

const deviceFaults: readonly Fault[] = [
  {
    name: "a rule for all of one family's addresses is written for both families",
    file: `${profiles}/filter-rules.ts`,
    find: "family === 4 ? '0.0.0.0/0' : '::/0'",
    replace: "family === 4 ? 'any' : 'any'",
    caughtBy: verifyAcl,
  },
  {
    name: 'filter rules lose established',
    file: `${profiles}/filter-rules.ts`,
    find: 'return rule + options + established;',
    replace: 'return rule + options;',
    caughtBy: verifyAcl,
  },
  {
    name: 'filter rules lose the ICMP type',
    file: `${profiles}/filter-rules.ts`,
    find: "icmp && destinationPorts ? ` icmptypes${ports(destinationPorts)}` : ''",
    replace: "''",
    caughtBy: verifyAcl,
  },
  {
    name: 'a net mask is written for a wildcard mask',
    file: `${ace}/render-cisco.ts`,
    find: '(1n << BigInt(32 - prefix.length)) - 1n',
    replace: '(1n << 32n) - (1n << BigInt(32 - prefix.length))',
    caughtBy: verifyAcl,
  },
  {
    name: 'a range of ports ends one port early on Catalyst',
    file: `${ace}/render-cisco.ts`,
    find: 'range ${range.first} ${range.last}',
    replace: 'range ${range.first} ${range.last - 1}',
    caughtBy: verifyAcl,
  },
  {
    name: 'the security group tag is sent in decimal',
    file: `${profiles}/cisco-ios-xe.ts`,
    find: 'sgt.toString(16)',
    replace: 'sgt.toString(10)',
    caughtBy: authorization,
  },
  {
    name: 'inline ACLs are read in the order of arrival instead of by number',
    file: `${profiles}/parse-cisco-aces.ts`,
    find: '.sort(([a], [b]) => a - b)',
    replace: '',
    caughtBy: rendering,
  },
  {
    name: 'a wildcard mask with gaps is read as a prefix',
    file: `${profiles}/parse-cisco-aces.ts`,
    find: ' || (mask.value & (mask.value + 1n)) !== 0n',
    replace: '',
    caughtBy: rendering,
  },
  {
    name: 'a filter rule to any is read for IPv4 only',
    file: `${profiles}/parse-filter-rules.ts`,
    find: '[destination.family] : [4, 6]',
    replace: '[destination.family] : [4]',
    caughtBy: verifyAcl,
  },
  {
    name: 'words that are not understood at the end of a filter rule are skipped',
    file: `${profiles}/parse-filter-rules.ts`,
    find: 'words.end();',
    replace: '',
    caughtBy: rendering,
  },
  {
    name: 'what a switch would drop too much is no difference',
    file: `${profiles}/verify-acl.ts`,
    find: 'const missing = intended.subtract(written).witness;',
    replace: 'const missing = space.none.witness;',
    caughtBy: verifyAcl,
  },
  {
    name: 'the name of an ACL does not depend on its ports',
    file: `${profiles}/filter-name.ts`,
    find: '${rangeText(sourcePorts)} ${rangeText(destinationPorts)}',
    replace: '${rangeText(sourcePorts)}',
    caughtBy: registry,
  },
  {
    name: 'a filter rule for Aruba leaves a source port out that it has no words for',
    file: `${profiles}/aruba-rules.ts`,
    find: 'if (sourcePorts || established) return null;',
    replace: 'if (established) return null;',
    caughtBy: registry,
  },
  {
    name: 'a switch that filters IPv4 only is given an ACL for both families',
    file: `${profiles}/told-acl.ts`,
    find: "portAcl === 'full' ? [4, 6] : [4]",
    replace: '[4]',
    caughtBy: registry,
  },
  {
    name: 'an ACL of another make beside the own one is not seen',
    file: `${profiles}/verify-acl.ts`,
    find: 'if (foreign)',
    replace: 'if (foreign && !told)',
    caughtBy: registry,
  },
  {
    name: 'the State of a download counts for any ACL',
    file: 'libs/radius/src/acl-download.ts',
    find: 'cordon acl-download ${offset} ${name}',
    replace: 'cordon acl-download ${offset}',
    caughtBy: ['libs/radius/src/acl-download.spec.ts'],
  },
  {
    name: 'the two closing denies are not counted',
    file: `${profiles}/authorization.ts`,
    find: '?.length ?? 1), 0) + filtered.length;',
    replace: '?.length ?? 1), 0);',
    caughtBy: authorization,
  },
  {
    name: 'nftables asks the allows before the denies',
    file: `${nftables}/render.ts`,
    find: "['deny', 'allow'] as const",
    replace: "['allow', 'deny'] as const",
    caughtBy: semantics,
  },
  {
    name: 'nftables lets what the opener sends pass by its connection',
    file: `${nftables}/render.ts`,
    find: "{ match: { op: '==', left: { ct: { key: 'direction' } }, right: 'reply' } },",
    replace: '',
    caughtBy: semantics,
  },
  {
    name: 'IPv6 members stand in the sets of IPv4',
    file: `${nftables}/render.ts`,
    find: "if (text.includes(':') === isSix)",
    replace: "if (!isSix || text.includes(':'))",
    caughtBy: semantics,
  },
  {
    name: 'the scope of all addresses lacks one in the middle',
    file: `${nftables}/render.ts`,
    find: 'first: half + 1n,',
    replace: 'first: half + 2n,',
    caughtBy: semantics,
  },
  {
    name: "a Cisco list's wildcard mask has one bit",
    file: `${ace}/render-cisco.ts`,
    find: '(1n << BigInt(32 - prefix.length)) - 1n',
    replace: '1n << BigInt(32 - prefix.length)',
    caughtBy: contract,
  },
  {
    name: 'OpenFlow lets a reset through, or not: established is ACK alone',
    file: `${artefacts}/openflow/render.ts`,
    find: "[',tcp_flags=+ack', ',tcp_flags=+rst']",
    replace: "[',tcp_flags=+ack']",
    caughtBy: contract,
  },
  {
    name: 'OpenFlow priorities rise, so that the last line decides',
    file: `${artefacts}/openflow/render.ts`,
    find: 'firstPriority - i',
    replace: 'firstPriority + i',
    caughtBy: contract,
  },
  {
    name: "a family's any is that of IPv4 on Aruba",
    file: `${artefacts}/aruba-nas-filter-rule/render.ts`,
    find: "family === 4 ? '0.0.0.0/0' : '::/0'",
    replace: "family === 0 ? '' : '0.0.0.0/0'",
    caughtBy: contract,
  },
  {
    name: 'what IOS XE permits by itself in IPv6 is forgotten',
    file: `${artefacts}/cisco-acl/implicit.ts`,
    find: 'return [discovery, deny];',
    replace: 'return [deny];',
    caughtBy: ciscoGrammar,
  },
  {
    name: 'gt is read as greater or equal',
    file: `${ace}/parse-cisco.ts`,
    find: 'between(words, port() + 1, 0xffff)',
    replace: 'between(words, port(), 0xffff)',
    caughtBy: ciscoGrammar,
  },
  {
    name: 'what only some holders of an address may receive counts as allowed to all',
    file: `${artefacts}/intended/policy-bounds.ts`,
    find: 'reduce((a, b) => a.intersect(b))',
    replace: 'reduce((a, b) => a.union(b))',
    caughtBy: bounds,
  },
  {
    name: 'the proof of a firewall lets it leave packets alone that are its own',
    file: `${artefacts}/nftables/prove.ts`,
    find: "[untouched.intersect(scope), 'the table leaves it alone, though it is ours'],",
    replace: '',
    caughtBy: proof,
  },
  {
    name: 'the proof of a firewall lets it drop packets that are none of its own',
    file: `${artefacts}/nftables/prove.ts`,
    find: "[dropped.subtract(scope), 'the table drops it, though it is none of ours'],",
    replace: '',
    caughtBy: proof,
  },
  {
    name: 'a set of devices may hold strangers',
    file: `${artefacts}/nftables/prove.ts`,
    find: "return count === members.size ? null : 'holds addresses of other classes';",
    replace: 'return null;',
    caughtBy: proof,
  },
];

const driverFaults: readonly Fault[] = [
  {
    name: 'a new list on a switch is made from its first deny on',
    file: `${cli}/edit-list.ts`,
    find: '.filter(isDeny)\n    .reverse()',
    replace: '.filter(isDeny)',
    caughtBy: [`${cli}/edit-list.spec.ts`],
  },
  {
    name: 'what is denied too much on a switch is taken away before the missing permits come',
    file: `${cli}/edit-list.ts`,
    find: '...removeAll(wrong.filter((entry) => !isDeny(entry))),\n    ...addPermits(missing),\n    ...removeAll(wrong.filter(isDeny)),',
    replace: '...removeAll(wrong),\n    ...addPermits(missing),',
    caughtBy: [`${cli}/edit-list.spec.ts`],
  },
  {
    name: 'a switch is saved before its change is confirmed',
    file: `${cli}/session.ts`,
    find: 'await this.device.confirm();\n    this.isUnsaved = true;\n    await this.save();',
    replace: 'await this.save();\n    await this.device.confirm();',
    caughtBy: [`${cli}/simulated.spec.ts`],
  },
];

const planFaults: readonly Fault[] = [
  {
    name: 'what was allowed before counts as opened',
    file: `${flows}/difference.ts`,
    find: "...others.map((region) => box('b', 'deny', region)),",
    replace: '',
    caughtBy: diffFlows,
  },
  {
    name: 'a plan forgets denies between classes where an endpoint contains them',
    file: `${flows}/difference.ts`,
    find: '[...fixed.denied, ...own.denied]',
    replace: '[...fixed.denied]',
    caughtBy: diffFlows,
  },
  {
    name: 'what closes towards addresses is not told',
    file: `${flows}/class-changes.ts`,
    find: 'closed: allowedOnlyBy(was, is) };',
    replace: 'closed: [] };',
    caughtBy: diffFlows,
  },
  {
    name: 'changes between classes are joined though their services differ',
    file: `${flows}/group-changes.ts`,
    find: "({ at, services }) => `${at ? rangeTexts(at).join() : ''}|${formatServices(services)}`",
    replace: "({ at }) => `${at ? rangeTexts(at).join() : ''}`",
    caughtBy: diffFlows,
  },
  {
    name: 'a class that becomes less critical in the same change is no risk',
    file: `${flows}/risk.ts`,
    find: 'weight[own] > weight[known]',
    replace: 'weight[own] < weight[known]',
    caughtBy: diffFlows,
  },
  {
    name: 'lines that stood before are named as new',
    file: `${flows}/responsible-lines.ts`,
    find: '.filter((rule) => !other.has(meaningOf(rule)))',
    replace: '',
    caughtBy: diffFlows,
  },
];

export const faults: readonly Fault[] = [
  ...followingFaults,
  ...netFaults,
  ...compileFaults,
  ...policyFaults,
  ...deviceFaults,
  ...planFaults,
  ...driverFaults,
  ...handoverFaults,
  ...identityFaults,
  ...radiusFaults,
];
