import { PacketSpace } from '#net';
import { policyFiles } from '#testkit';
import { compilePolicy, decideFlow, loadPolicy, type Snapshot } from '#policy';
import { aclPackets } from '#radius';
import { describe, expect, it } from 'vitest';
import { samplePolicy, sampleSnapshot } from '../../../policy/src/spec/sample.js';
import { packet } from '../spec/ask.js';
import { policyBounds } from './policy-bounds.js';

const snapshot = sampleSnapshot(samplePolicy());

describe('what the sample hospital allows', () => {
  it('holds every packet that a compiled port ACL permits: none permits what policy denies', () => {
    const gaps: string[] = [];
    for (const [role, acl] of Object.entries(snapshot.portAcls)) {
      const space = new PacketSpace();
      const { certain, possible } = policyBounds(space, snapshot, role);
      const permitted = aclPackets(space, acl);
      expect({ role, extra: permitted.subtract(certain).witness }).toEqual({ role, extra: null });
      expect(certain.isSubsetOf(possible)).toBe(true);
      if (!certain.equals(permitted)) gaps.push(role);
    }
    expect(gaps).toEqual([]);
  });

  it('allows an opened packet to a server iff the verdict on that flow does', () => {
    const space = new PacketSpace();
    const { certain, possible } = policyBounds(space, snapshot, 'infusion-pump');
    let allowed = 0;
    for (const { addresses } of snapshot.endpoints)
      for (const [protocol, port] of [
        [6, 443],
        [6, 22],
        [17, 123],
        [6, 3613],
      ] as const)
        for (const range of addresses.v4.slice(0, 3)) {
          const destination = { family: 4 as const, value: range.first };
          const { verdict } = decideFlow(snapshot, {
            source: { class: 'infusion-pump' },
            destination: { address: destination },
            protocol,
            port,
          });
          const asked = {
            destination,
            source: { family: 4 as const, value: 1n },
            protocol,
            port,
            sourcePort: 50_000,
            established: false,
          };
          expect({ asked, is: possible.has(asked) }).toEqual({ asked, is: verdict === 'allow' });
          expect(certain.has(asked)).toBe(verdict === 'allow');
          if (verdict === 'allow') allowed++;
        }
    expect(allowed).toBeGreaterThan(0);
  });
});

function compiled(parts: Readonly<Record<string, string>>): Snapshot {
  const policy = loadPolicy(policyFiles(parts));
  if (!policy.ok) throw new Error(policy.diagnostics[0]?.summary);
  const snapshot = compilePolicy(policy.value, new Date('2026-11-23T11:00:00Z'));
  if (!snapshot.ok) throw new Error(snapshot.diagnostics[0]?.summary);
  return snapshot.value;
}

const shared = compiled({
  'rules/flows.csv': [
    'p, infusion-pump, drug-library, https, allow, always, ""',
    'p, infusion-pump, scanner, https, allow, always, "a class without a segment of its own"',
    'p, drug-library, infusion-pump, pump-port, allow, always, "opens to the pump"',
    'p, drug-library, infusion-pump, media, allow, always, "a small range"',
    'p, remediation, infusion-pump, all-udp, allow, always, "no ports: replies look like anything"',
    'p, infusion-pump, remediation, low, allow, always, ""',
    'p, infusion-pump, remediation, ssh, deny, always, "deny overrides"',
    'p, infusion-pump, office-floor, print, allow, always, "whatever is there"',
    'p, infusion-pump, printer, print, deny, always, "but no printer, which may be there"',
    'p, infusion-pump, imaging, dicom, allow, always, "a class that is placed by the classes below it"',
    '',
  ].join('\n'),
  'catalog/applications-x.yaml': [
    'pump-port: { ports: [tcp/3613] }',
    'media: { ports: ["udp/5000-5009"] }',
    'all-udp: { ports: [udp] }',
    'low: { ports: ["tcp/1-99"] }',
    'ssh: { ports: [tcp/22] }',
    'print: { ports: [tcp/631] }',
    'dicom: { ports: [tcp/104] }',
    '',
  ].join('\n'),
  'catalog/classes-x.yaml':
    'scanner: { description: s }\nprinter: { description: p }\nimaging: { description: i }\nct: { description: c }\n',
  'catalog/endpoints-x.yaml': 'office-floor: { addresses: [10.30.0.0/24, "fd30::/64"] }\n',
  'rules/membership-x.csv': 'g, ct, imaging\n',
  'rules/access-x.csv':
    'p2, scanner, everywhere, unverified, office, always, ""\np2, printer, everywhere, unverified, office, always, ""\np2, ct, everywhere, unverified, ct-rooms, always, ""\n',
  'catalog/segments-x.yaml': [
    'office: { sites: { main: { vlan: 300, prefixes: [10.30.0.0/24, "fd30::/64"] } } }',
    'ct-rooms:',
    '  dedicatedTo: ct',
    '  sites: { main: { vlan: 320, prefixes: [10.32.0.0/24, "fd32::/64"] } }',
    '',
  ].join('\n'),
});

describe('what a port can be told', () => {
  const { certain, possible } = policyBounds(new PacketSpace(), shared, 'infusion-pump');
  it.each([
    ['tcp/443 > 10.10.4.20', 'certain', 'an opened connection'],
    ['tcp/443 established > fd10:4::20', 'certain', 'later packets of it, IPv6'],
    ['tcp/9 from 3613 established > 10.10.4.20', 'certain', 'a TCP reply'],
    ['tcp/9 from 3613 > 10.10.4.20', 'denied', 'an opening from that port is none'],
    ['udp/9 from 5009 > 10.10.4.20', 'certain', 'a UDP reply from a named port'],
    ['udp/9 from 5010 > 10.10.4.20', 'denied', 'another port'],
    ['udp/9 > 10.10.9.9', 'possible', 'a UDP reply from any port looks like an opening'],
    ['tcp/21 > 10.10.9.9', 'certain', 'around a deny'],
    ['tcp/22 > 10.10.9.9', 'denied', 'deny overrides allow'],
    ['tcp/443 > 10.30.0.5', 'possible', 'an address that a scanner or a printer may have'],
    ['tcp/631 > 10.30.0.5', 'possible', 'an address that is allowed, but not to the printer that may have it'],
    ['tcp/104 > 10.32.0.5', 'certain', 'the segment of a class below the one that the rule names'],
    ['tcp/443 > 10.31.0.5', 'denied', 'an address that nothing is said about'],
  ])('%s is %s: %s', (text, expected) => {
    const asked = packet(text);
    expect(certain.has(asked) ? 'certain' : possible.has(asked) ? 'possible' : 'denied').toBe(expected);
  });

  it('is not less than what the port ACL permits', () => {
    const space = new PacketSpace();
    const bounds = policyBounds(space, shared, 'infusion-pump');
    expect(aclPackets(space, shared.portAcls['infusion-pump']!).equals(bounds.certain)).toBe(true);
  });
});
