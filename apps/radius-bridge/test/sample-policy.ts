import { formatDiagnostic } from '#base';
import { compilePolicy, loadPolicy, noProvenance, type Snapshot } from '#policy';

const at = new Date('2026-11-01T12:00:00Z');

/** A small hospital: one site with a child site for wireless, one NAS per profile, all on the loopback network. */
export const sampleFiles: Readonly<Record<string, string>> = {
  'rules/flows.csv': [
    'p, infusion-pump, drug-library, https, allow, always, "pharmacy"',
    'p, drug-library, infusion-pump, pump-alarm, allow, always, "server opens to the pump"',
    'p, ct-scanner, pacs, dicom, allow, always, "images"',
  ].join('\n'),
  'rules/access.csv': [
    'p2, device, everywhere, quarantined, quarantine, always, "a way into quarantine"',
    'p2, infusion-pump, everywhere, unverified, pumps, always, "by MAC"',
    'p2, infusion-pump, everywhere, at-risk, pumps-watched, always, "same rights, another VLAN"',
    'p2, infusion-pump, main-wifi, unverified, pumps-wifi, always, "wireless"',
    'p2, ct-scanner, everywhere, unverified, imaging, always, "by MAC"',
  ].join('\n'),
  'rules/membership.csv': [
    'g, infusion-pump, medical-device',
    'g, ct-scanner, medical-device',
    'g3, main-wifi, main',
  ].join('\n'),
  'catalog/classes.yaml': [
    'medical-device: { description: all medical devices, criticality: high, owner: biomed }',
    'infusion-pump: { description: pumps, criticality: life-critical, owner: biomed }',
    'ct-scanner: { description: scanners, criticality: high, owner: radiology }',
    'quarantined: { description: whatever sits in quarantine, criticality: standard, owner: it }',
  ].join('\n'),
  'catalog/endpoints.yaml': [
    'internal: { addresses: [10.0.0.0/8, "fd00::/8"] }',
    'drug-library: { addresses: [10.10.4.20, "fd10:4::20"], owner: pharmacy, description: drug library }',
    'pacs: { addresses: [10.10.5.0/24, "fd10:5::/64"], owner: radiology, description: archive }',
  ].join('\n'),
  'catalog/applications.yaml': [
    'https: { ports: [tcp/443] }',
    'dicom: { ports: [tcp/104, tcp/11112] }',
    'pump-alarm: { ports: [tcp/3613] }',
  ].join('\n'),
  'catalog/segments.yaml': [
    'pumps: { description: pumps, dedicatedTo: infusion-pump, sites: { main: { vlan: 210, prefixes: [10.21.0.0/20, "fd21::/64"], sgt: 21 } } }',
    'pumps-watched: { description: pumps at risk, sites: { main: { vlan: 211, prefixes: [10.22.0.0/20, "fd22::/64"], sgt: 21 } } }',
    'pumps-wifi: { description: pumps on wireless, sites: { main: { vlan: 212, prefixes: [10.23.0.0/20, "fd23::/64"], sgt: 21 } } }',
    'imaging: { description: scanners, sites: { main: { vlan: 220, prefixes: [10.24.0.0/20, "fd24::/64"] } } }',
    'quarantine: { description: quarantine, role: quarantined, sites: { main: { vlan: 999, prefixes: [10.99.0.0/20, "fd99::/64"] } } }',
  ].join('\n'),
  'catalog/sites.yaml': [
    'main: { description: the hospital, timezone: Europe/Berlin }',
    'main-wifi: { description: its wireless, timezone: Europe/Berlin }',
  ].join('\n'),
  'network/nas.yaml': [
    'switch-rfc: { address: 127.0.0.1, site: main, profile: rfc, secret: "env:SECRET_RFC", requestsPerSecond: 1000000, sessionTimeout: 3600, ssidSites: { clinical: main-wifi } }',
    'switch-cisco: { address: 127.0.0.2, site: main, profile: cisco-ios-xe, secret: "env:SECRET_CISCO", sessionTimeout: 3600 }',
    'switch-mute: { address: 127.0.0.3, site: main, profile: rfc, secret: "env:SECRET_MISSING", sessionTimeout: 3600 }',
  ].join('\n'),
};

/** Compiles the sample with some files replaced; throws the diagnostics when it does not compile. */
export function sampleSnapshot(changes: Readonly<Record<string, string>> = {}): Snapshot {
  const files = new Map(Object.entries({ ...sampleFiles, ...changes }));
  const policy = loadPolicy(files);
  if (!policy.ok) throw new Error(policy.diagnostics.map(formatDiagnostic).join('\n'));
  const snapshot = compilePolicy(policy.value, at, noProvenance);
  if (!snapshot.ok) throw new Error(snapshot.diagnostics.map(formatDiagnostic).join('\n'));
  return snapshot.value;
}
