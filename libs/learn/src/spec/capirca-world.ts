import { compilePolicy, loadPolicy, type Snapshot } from '#policy';
import { importCapirca, type CapircaImport, type CapircaImportInput } from '../capirca/import-capirca.js';
import { instantsOf, proveCapirca, type CapircaProof } from '../capirca/prove-capirca.js';

export const noon = new Date('2026-11-23T11:00:00Z');

export const networks = `# networks of the tests
SERVERS = 10.1.0.0/24      # web
          10.1.1.7/24      # host bits don't count
          FD01::/64
MAIL = 10.1.0.5
INSIDE = 10.0.0.0/255.0.0.0
         FD00::/8
BOTH = SERVERS MAIL
PUMPS = 10.77.0.0/24 FD77::/64
LAPTOPS = 10.88.0.0/24
TESTNET = 192.0.2.0/24
`;

export const services = `HTTP = 80/tcp
HTTPS = 443/tcp
WEB = HTTP HTTPS
DNS = 53/tcp 53/udp
SNMP = 161/udp
HIGH = 1024-65535/tcp 1024-65535/udp
`;

const policyText: Readonly<Record<string, string>> = {
  'catalog/classes.yaml': 'pump: {}\nlaptop: {}\n',
  'catalog/endpoints.yaml': `internal: { addresses: [10.0.0.0/8, "fd00::/8"] }
web-servers: { addresses: [10.1.0.0/23, "fd01::/64"] }
`,
  'catalog/applications.yaml': 'https: { ports: [tcp/443] }\n',
  'catalog/segments.yaml': `pumps:
  dedicatedTo: pump
  sites: { main: { vlan: 77, prefixes: [10.77.0.0/24, "fd77::/64"] } }
`,
  'catalog/sites.yaml': 'main: {}\n',
  'rules/flows.csv': 'p, pump, web-servers, https, allow, always, "is there already"\n',
};
export const policyOfTests = new Map(Object.entries(policyText));

export function compiled(files: ReadonlyMap<string, string>, at = noon): Snapshot {
  const loaded = loadPolicy(files);
  if (!loaded.ok)
    throw new Error(`refused: ${JSON.stringify(loaded.diagnostics[0])}\n${[...files.values()].join('\n')}`);
  const made = compilePolicy(loaded.value, at);
  if (!made.ok) throw new Error(`does not compile: ${JSON.stringify(made.diagnostics[0])}`);
  return made.value;
}

const snapshot = compiled(policyOfTests);

export const baseInput: CapircaImportInput = {
  policies: new Map(),
  including: () => null,
  definitions: new Map([
    ['def/NETWORK.net', networks],
    ['def/SERVICES.svc', services],
  ]),
  snapshot,
  name: null,
  filters: [],
  platform: null,
  families: null,
  classes: new Map(),
  before: null,
  behind: null,
  skip: [],
  at: noon,
};

export const filter = (terms: string, target = 'juniper edge mixed'): string =>
  `header {\n  target:: ${target}\n}\n${terms}\n`;

export const input = (text: string, more: Partial<CapircaImportInput> = {}): CapircaImportInput => ({
  ...baseInput,
  policies: new Map([['pol/edge.pol', text]]),
  ...more,
});

export function imported(text: string, more: Partial<CapircaImportInput> = {}): CapircaImport {
  const made = importCapirca(input(text, more));
  if (!made.ok) throw new Error(JSON.stringify(made.diagnostics));
  return made.value;
}

/** At each instant at which the terms mean something else. */
export const proofs = (made: CapircaImport): CapircaProof[] =>
  instantsOf(made, noon).map((at) => proveCapirca(made, compiled(new Map([...policyOfTests, ...made.files]), at), at));

/** `subject, object, application, when` */
export const linesOf = (made: CapircaImport): string[] =>
  made.rules.map(({ subject, object, application, when }) => [subject, object, application, when].join(', '));

export const leftOutOf = (made: CapircaImport): string[] =>
  made.leftOut.map(({ term, part, why }) => `${why.code} ${term.name} ${part} ${why.span?.line}`);
