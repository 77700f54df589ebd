/** A small policy that is complete and compiles without a finding: two classes, quarantine, one server, one firewall. */
const tinyPolicy: Readonly<Record<string, string>> = {
  'rules/flows.csv': `# subject, object, application, effect, when, note
p, infusion-pump, drug-library, https, allow, always, "pumps fetch their library"
p, medical-device, internet, any, deny, always, "no device reaches the internet"
p, quarantined, remediation, web, allow, office, "what a quarantined device may do"
`,
  'rules/access.csv': `p2, device, everywhere, quarantined, quarantine, always, "every class has a way into quarantine"
p2, device, everywhere, at-risk, quarantine, always, "at risk"
p2, infusion-pump, everywhere, unverified, pumps, always, "by MAC"
p2, infusion-pump, everywhere, verified, pumps, always, "by certificate"
`,
  'rules/membership.csv': `g, infusion-pump, medical-device
g, library-1, drug-library
g2, https, web
g3, main-wifi, main
`,
  'catalog/classes.yaml': `medical-device: { description: any medical device, criticality: high, owner: biomed }
infusion-pump: { description: infusion pump, criticality: life-critical }
quarantined: { description: role in quarantine }
`,
  'catalog/endpoints.yaml': `internal: { addresses: [10.0.0.0/8, "fd00::/8"] }
library-1: { addresses: [10.10.4.20, "fd10:4::20"], owner: pharmacy }
remediation: { addresses: [10.10.9.9, "fd10:9::9"] }
`,
  'catalog/applications.yaml': `https: { ports: [tcp/443], source: "RFC 9110" }
`,
  'catalog/segments.yaml': `pumps:
  dedicatedTo: infusion-pump
  sites: { main: { vlan: 210, prefixes: [10.21.0.0/20, "fd21::/64"], sgt: 21 } }
quarantine:
  role: quarantined
  sites: { main: { vlan: 666, prefixes: [10.66.0.0/20, "fd66::/64"] } }
`,
  'catalog/sites.yaml': `main: { description: main hospital, timezone: Europe/Berlin }
main-wifi: { description: its wireless }
`,
  'catalog/schedules.yaml': `office: { days: [mon, tue, wed, thu, fri], from: "07:00", to: "19:00", timezone: Europe/Berlin }
`,
  'network/nas.yaml': `sw1: { address: 10.0.3.11, site: main, profile: rfc, secret: "env:RADIUS_SECRET" }
`,
  'network/server-down.yaml': `sites: { everywhere: none }
`,
  'network/enforcement-points.yaml': `fw1: { driver: nftables, site: main, transport: { kind: simulated } }
`,
  'tests/flows.yaml': `tests:
  - { name: pumps reach the library, from: infusion-pump, to: library-1, app: https, expect: allow }
  - { name: pumps go to their segment, class: infusion-pump, site: main, posture: verified, expect: pumps }
invariants:
  - { name: pumps never reach the internet, never: { from: infusion-pump, to: internet } }
`,
};

/** The files of a small good policy, with these parts put in or (null) taken out. */
export function policyFiles(parts: Readonly<Record<string, string | null>> = {}): Map<string, string> {
  const files = new Map(Object.entries(tinyPolicy));
  for (const [file, text] of Object.entries(parts)) {
    if (text === null) files.delete(file);
    else files.set(file, text);
  }
  return files;
}
