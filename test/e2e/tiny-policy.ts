import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A small policy that is complete: two classes, quarantine, one server, one enforcement point. */
export const tinyPolicy: Readonly<Record<string, string>> = {
  'rules/flows.csv': `# subject, object, application, effect, when, note
p, infusion-pump, drug-library, https, allow, always, "pumps fetch their library"
p, medical-device, internet, any, deny, always, "no device reaches the internet"
p, quarantined, remediation, https, allow, always, "what a quarantined device may still do"
`,
  'rules/access.csv': `p2, device, everywhere, quarantined, quarantine, always, "every class has a way into quarantine"
p2, device, everywhere, at-risk, quarantine, always, "at risk"
p2, infusion-pump, everywhere, unverified, pumps, always, "by MAC"
p2, infusion-pump, everywhere, verified, pumps, always, "by certificate"
p2, unknown, everywhere, unverified, quarantine, always, "unknown devices"
`,
  'rules/membership.csv': `g, infusion-pump, medical-device
g3, main-wifi, main
`,
  'catalog/classes.yaml': `medical-device: { description: any medical device, criticality: high, owner: biomed }
infusion-pump: { description: infusion pump, criticality: life-critical, owner: biomed }
quarantined: { description: role in quarantine, criticality: standard, owner: security }
`,
  'catalog/endpoints.yaml': `internal: { addresses: [10.0.0.0/8, "fd00::/8"], owner: network, description: our addresses }
drug-library: { addresses: [10.10.4.20, "fd10:4::20"], owner: pharmacy, description: drug library }
remediation: { addresses: [10.10.9.9, "fd10:9::9"], owner: security, description: remediation }
`,
  'catalog/applications.yaml': `https: { ports: [tcp/443], source: "RFC 9110" }
`,
  'catalog/segments.yaml': `pumps:
  description: infusion pumps
  dedicatedTo: infusion-pump
  sites: { main: { vlan: 210, prefixes: [10.21.0.0/20, "fd21::/64"] } }
quarantine:
  description: quarantine
  role: quarantined
  sites: { main: { vlan: 666, prefixes: [10.66.0.0/20, "fd66::/64"] } }
`,
  'catalog/sites.yaml': `main: { description: main hospital, timezone: Europe/Berlin }
main-wifi: { description: its wireless, timezone: Europe/Berlin }
`,
  'catalog/schedules.yaml': `office: { days: [mon, tue, wed, thu, fri], from: "07:00", to: "19:00", timezone: Europe/Berlin }
`,
  'network/nas.yaml': `sw1: { address: 127.0.0.1, site: main, profile: rfc, secret: "env:TEST_RADIUS_SECRET" }
`,
  'network/enforcement-points.yaml': `fw1: { driver: nftables, site: main, transport: { kind: simulated } }
`,
  'tests/flows.yaml': `tests:
  - { name: pumps reach the library, from: infusion-pump, to: drug-library, app: https, expect: allow }
invariants:
  - { name: pumps never reach the internet, never: { from: infusion-pump, to: internet, app: any } }
`,
};

/** A real git repository in a folder, to commit policies into. */
export class PolicyRepository {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    this.git('init', '-q', '-b', 'main');
  }

  /** Writes the files (null removes one), commits, and answers with the commit. */
  commit(files: Readonly<Record<string, string | null>>, message = 'change the policy'): string {
    for (const [path, text] of Object.entries(files)) {
      const full = join(this.folder, path);
      mkdirSync(dirname(full), { recursive: true });
      if (text === null) rmSync(full);
      else writeFileSync(full, text);
    }
    this.git('add', '-A');
    this.git('commit', '-q', '--allow-empty', '-m', message);
    return this.git('rev-parse', 'HEAD');
  }

  git(...args: string[]): string {
    const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org'];
    return execFileSync('git', [...identity, ...args], { cwd: this.folder, encoding: 'utf8' }).trim();
  }
}
