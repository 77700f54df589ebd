import fc from 'fast-check';
import { hasAddress, isIcmp, matchAcl, serviceAlgebra, serviceKey, type Address } from '#net';
import type { FlowSide } from '#model';
import { describe, expect, it } from 'vitest';
import { CasbinOracle } from '../casbin/oracle.js';
import { decodeSnapshot } from '../codec/decode.js';
import { encodeSnapshot } from '../codec/encode.js';
import { decideFlow } from '../decider.js';
import { enforcementRules } from '../enforcement.js';
import { loadPolicy } from '../load/load.js';
import type { Policy } from '../policy.js';
import type { DirectionFlows, Snapshot } from '../snapshot.js';
import { at, deviceAddress, packets, policyFiles } from '../spec/generated.js';
import { naiveVerdict, type NaivePacket, type NaiveSide } from '../spec/naive.js';
import { compilePolicy } from './compile.js';

const instant = new Date('2026-11-23T12:00:00Z');

function build(files: ReadonlyMap<string, string>): { policy: Policy; snapshot: Snapshot } {
  const policy = loadPolicy(files);
  if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics[0]));
  const snapshot = compilePolicy(policy.value, instant);
  if (!snapshot.ok) throw new Error(JSON.stringify(snapshot.diagnostics[0]));
  return { policy: policy.value, snapshot: snapshot.value };
}

const cases = fc.tuple(policyFiles, fc.array(packets, { minLength: 40, maxLength: 40 }));

describe('a compiled policy, against the plainest evaluation of its rules', () => {
  it('decides every packet alike, by rule and by normal form', () => {
    fc.assert(
      fc.property(cases, ([files, list]) => {
        const { policy, snapshot } = build(files);
        for (const packet of list) {
          const expected = naiveVerdict(policy, packet, instant);
          expect(decideFlow(snapshot, packet).verdict).toBe(expected);
          expect(byNormalForm(snapshot, packet)).toBe(expected);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('decides every packet as Casbin does', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ([files, list]) => {
        const { policy, snapshot } = build(files);
        const oracle = await CasbinOracle.create(policy, instant);
        for (const packet of list.slice(0, 15)) {
          const allowed = await oracle.packet(packet.source, packet.destination, packet.protocol, packet.port, false);
          expect(decideFlow(snapshot, packet).verdict).toBe(allowed ? 'allow' : 'deny');
        }
      }),
      { numRuns: 60 },
    );
  });

  it('has disjoint regions, each allowed by the rules it names', () => {
    fc.assert(
      fc.property(policyFiles, (files) => {
        const { snapshot } = build(files);
        const effects = new Map(snapshot.flowRules.map((rule) => [rule.id, rule.effect]));
        for (const { outbound, inbound } of Object.values(snapshot.flows)) {
          for (const { allowed, denied } of [outbound, inbound]) {
            const all = [...allowed, ...denied];
            for (const [i, a] of all.entries()) for (const b of all.slice(i + 1)) expect(overlaps(a, b)).toBe(false);
            for (const { rules } of allowed)
              expect(rules.map((id) => effects.get(id))).toEqual(rules.map(() => 'allow'));
            expect(allowed.every(({ rules }) => rules.length > 0)).toBe(true);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('survives the wire', () => {
    fc.assert(
      fc.property(policyFiles, (files) => {
        const { snapshot } = build(files);
        expect(decodeSnapshot(JSON.parse(JSON.stringify(encodeSnapshot(snapshot))))).toEqual(snapshot);
      }),
      { numRuns: 50 },
    );
  });

  it('gives enforcement points the same decisions', () => {
    fc.assert(
      fc.property(cases, ([files, list]) => {
        const { policy, snapshot } = build(files);
        const { entries } = enforcementRules(snapshot, 'main');
        const covers = (side: FlowSide, packet: NaiveSide): boolean =>
          side.kind === 'classes'
            ? side.classes.includes(packet.class ?? '')
            : packet.address !== undefined && hasAddress(side.addresses, packet.address);
        for (const packet of list) {
          const key = serviceKey(packet.protocol, packet.port);
          const hit = entries.filter(
            ({ source, destination, services }) =>
              covers(source, packet.source) &&
              covers(destination, packet.destination) &&
              serviceAlgebra.contains(services, key),
          );
          const allowed = hit.length > 0 && hit.every(({ action }) => action === 'allow');
          expect(allowed ? 'allow' : 'deny').toBe(naiveVerdict(policy, packet, instant));
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('a port ACL', () => {
  const roles = ['pump', 'monitor', 'unknown'];

  it('permits what the class may open to fixed addresses, and nothing else', () => {
    fc.assert(
      fc.property(cases, ([files, list]) => {
        const { policy, snapshot } = build(files);
        for (const packet of list) {
          const { address } = packet.destination;
          if (!address) continue;
          for (const role of roles) {
            const expected =
              naiveVerdict(policy, { ...packet, source: { class: role } }, instant) === 'allow' ? 'permit' : 'deny';
            expect(aclVerdict(snapshot, role, address, packet)).toBe(expected);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never permits a packet to an address where a denied class may be', () => {
    fc.assert(
      fc.property(cases, ([files, list]) => {
        const { policy, snapshot } = build(files);
        for (const packet of list) {
          for (const [peer, addresses] of Object.entries(deviceAddress)) {
            for (const address of addresses.map(at)) {
              if (packet.protocol === (address.family === 4 ? 58 : 1)) continue;
              for (const role of roles) {
                if (aclVerdict(snapshot, role, address, packet) === 'deny') continue;
                const destination = { class: peer, address };
                expect(naiveVerdict(policy, { ...packet, source: { class: role }, destination }, instant)).toBe(
                  'allow',
                );
              }
            }
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('lets no UDP replies through where that would be nearly all of UDP', () => {
    const files = new Map([
      ['catalog/classes.yaml', 'pump: {}'],
      [
        'catalog/endpoints.yaml',
        'server: { addresses: [10.0.0.1, "fd00::1"] }\ninternal: { addresses: [10.0.0.0/8, "fd00::/8"] }',
      ],
      ['catalog/applications.yaml', 'dns: { ports: [udp/53] }\nmedia: { ports: [udp/16384-32767] }'],
      ['catalog/sites.yaml', 'main: {}'],
      ['catalog/segments.yaml', 'pumps: { sites: { main: { vlan: 10, prefixes: [10.1.0.0/24, "fd01::/64"] } } }'],
      [
        'rules/access.csv',
        'p2, pump, main, unverified, pumps, always, note\np2, device, main, quarantined, pumps, always, note',
      ],
    ]);
    const rules = 'p, server, pump, any, allow, always, note\np, server, pump, dns, deny, always, note';
    const reply = (sourcePort: number) => ({
      protocol: 17,
      sourcePort,
      destination: at('10.0.0.1'),
      destinationPort: 9,
      established: false,
    });
    const wide = build(new Map([...files, ['rules/flows.csv', rules]])).snapshot.portAcls['pump']!;
    expect([1, 53, 20_000].map((port) => matchAcl(wide, reply(port)))).toEqual(['deny', 'deny', 'deny']);
    const media = build(new Map([...files, ['rules/flows.csv', 'p, server, pump, media, allow, always, note']]))
      .snapshot.portAcls['pump']!;
    expect([1, 16_384, 32_767].map((port) => matchAcl(media, reply(port)))).toEqual(['deny', 'permit', 'permit']);
  });

  it('lets the replies of connections through that a server may open', () => {
    fc.assert(
      fc.property(cases, ([files, list]) => {
        const { policy, snapshot } = build(files);
        for (const packet of list) {
          const { address } = packet.source;
          if (!address || packet.protocol !== 6) continue;
          for (const role of roles) {
            const destination = { class: role };
            if (naiveVerdict(policy, { ...packet, destination }, instant) === 'deny') continue;
            const reply = {
              protocol: 6,
              sourcePort: packet.port,
              destination: address,
              destinationPort: 50_000,
              established: true,
            };
            expect(matchAcl(snapshot.portAcls[role] ?? [], reply)).toBe('permit');
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** From a source port that no reply uses, so that only the lines for opening connections can match. */
function aclVerdict(snapshot: Snapshot, role: string, to: Address, { protocol, port }: NaivePacket): 'permit' | 'deny' {
  const sourcePort = isIcmp(protocol) ? 0 : 1;
  return matchAcl(snapshot.portAcls[role] ?? [], {
    protocol,
    sourcePort,
    destination: to,
    destinationPort: port,
    established: false,
  });
}

/** As the documentation of DirectionFlows says. */
function byNormalForm(snapshot: Snapshot, packet: NaivePacket): 'allow' | 'deny' {
  const outbound = packet.source.class !== undefined;
  const own = (outbound ? packet.source.class : packet.destination.class)!;
  const far = outbound ? packet.destination : packet.source;
  const flows: DirectionFlows = snapshot.flows[own]![outbound ? 'outbound' : 'inbound'];
  const key = serviceKey(packet.protocol, packet.port);
  const inRegion = (list: DirectionFlows['allowed']): boolean =>
    list.some(
      ({ addresses, services }) =>
        far.address !== undefined && hasAddress(addresses, far.address) && serviceAlgebra.contains(services, key),
    );
  const inPeer = (list: DirectionFlows['peersAllowed']): boolean =>
    list.some(({ peer, services }) => peer === far.class && serviceAlgebra.contains(services, key));
  const allowed = inRegion(flows.allowed) || inPeer(flows.peersAllowed);
  const denied = inRegion(flows.denied) || inPeer(flows.peersDenied);
  return allowed && !denied ? 'allow' : 'deny';
}

type Region = DirectionFlows['allowed'][number];

function overlaps(a: Region, b: Region): boolean {
  const meet = (x: readonly { first: bigint; last: bigint }[], y: typeof x): boolean =>
    x.some((s) => y.some((t) => s.first <= t.last && t.first <= s.last));
  const sameAddress = meet(a.addresses.v4, b.addresses.v4) || meet(a.addresses.v6, b.addresses.v6);
  return sameAddress && serviceAlgebra.intersect(a.services, b.services).length > 0;
}
