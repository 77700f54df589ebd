import type { AclEntry, AddressSet, Mac, Prefix, ServiceSet } from '#net';
import type { AuthorizationStep, FingerprintField, Posture, SuspicionAction, SuspicionKind } from '#model';
import type { Schedule } from './when.js';

/** Where a line of policy stands and what it says. */
export interface RuleLine {
  /** 12 hex digits: hash of the normalised line, stable while the line's words are. */
  readonly id: string;
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

export type Effect = 'allow' | 'deny';

/** A `p` line, resolved. */
export interface FlowRule extends RuleLine {
  readonly subject: string;
  readonly object: string;
  readonly application: string;
  readonly effect: Effect;
  readonly when: string;
  readonly note: string;
  /** In force at the snapshot's instant. */
  readonly active: boolean;
}

/** A `p2` line, resolved. */
export interface AccessRule extends RuleLine {
  readonly class: string;
  readonly site: string;
  readonly posture: Posture;
  readonly segment: string;
  readonly when: string;
  readonly note: string;
  readonly active: boolean;
}

export interface Named {
  readonly name: string;
  /** All groups or parents it belongs to, nearest first, itself not included. */
  readonly ancestors: readonly string[];
  /** Those it belongs to by one line (or as a built-in root), by name. */
  readonly parents: readonly string[];
}

export type Criticality = 'life-critical' | 'high' | 'standard';

export interface DeviceClass extends Named {
  readonly description: string;
  readonly criticality: Criticality;
  /** What may be done to a live session of such a device, in this order. */
  readonly dynamicAuthorization: readonly AuthorizationStep[];
}

export interface Endpoint extends Named {
  /** For a group: the union of its members. */
  readonly addresses: AddressSet;
  readonly description: string;
  /** The service that it is; there only where it is one. */
  readonly kubernetes?: WorkloadPlace;
}

/** A service in a cluster. */
export interface WorkloadPlace {
  /** Name of the enforcement point that the cluster is. */
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
}

export interface Application extends Named {
  readonly services: ServiceSet;
}

export type Site = Named;

export interface SegmentAtSite {
  readonly site: string;
  readonly vlan: number;
  /** Security group tag, 0 … 65535. */
  readonly sgt: number | null;
  readonly prefixes: AddressSet;
}

export interface Segment {
  readonly name: string;
  /** Only devices of this class (or below it) are ever put here. */
  readonly dedicatedTo: string | null;
  /** In flow rules, whatever sits here counts as this class instead of its own (quarantine, onboarding). */
  readonly role: string | null;
  /** For telephones: switches are told so, each make in its own way. */
  readonly voice: boolean;
  readonly sites: readonly SegmentAtSite[];
}

/** An answer of the access table: where a device of this class goes at this site in this posture. */
export interface AccessGrant {
  readonly class: string;
  readonly site: string;
  readonly posture: Posture;
  readonly segment: string;
  readonly vlan: number;
  readonly sgt: number | null;
  /** Class whose flow rules hold there. */
  readonly role: string;
  /** The segment is for telephones. */
  readonly voice: boolean;
  readonly rule: RuleLine;
}

/** A part of an allowed set: all of `addresses` × `services`, and the lines that allow it. */
export interface FlowRegion {
  readonly addresses: AddressSet;
  readonly services: ServiceSet;
  /** Ids of flow rules. */
  readonly rules: readonly string[];
}

/** The same towards devices of a class, whose addresses are known only at run time. */
export interface PeerRegion {
  readonly peer: string;
  readonly services: ServiceSet;
  readonly rules: readonly string[];
}

/**
 * What devices of one class may do in one direction, in normal form: regions are disjoint. A packet to (or from) address A
 * of a device of class D is allowed iff (A in `allowed` or D in `peersAllowed`) and neither is denied. `denied` matters
 * only there: `allowed` has it taken out already, likewise `peersAllowed` and `peersDenied`.
 */
export interface DirectionFlows {
  readonly allowed: readonly FlowRegion[];
  readonly denied: readonly FlowRegion[];
  readonly peersAllowed: readonly PeerRegion[];
  readonly peersDenied: readonly PeerRegion[];
}

export interface ClassFlows {
  /** Connections that the device opens; the region's addresses are the far side. */
  readonly outbound: DirectionFlows;
  /** Connections opened to the device; the region's addresses are the far side. */
  readonly inbound: DirectionFlows;
}

/** How a certificate names who shows it: one of its names, as it stands there. */
export interface CertificateName {
  readonly from: 'dns-name' | 'ip-address' | 'common-name';
  readonly name: string;
}

/**
 * What of a client is taken without Message-Authenticator (CVE-2024-3596). `limit-proxy-state`: requests without Proxy-State. An
 * exception: all but EAP, through the day `until` (UTC); in the snapshot of an instant after it, it is `required`.
 */
export type MessageAuthenticatorRule =
  'required' | 'limit-proxy-state' | { readonly exception: string; readonly until: string };

/** A RADIUS server as switches are told of it. */
export interface RadiusServerEntry {
  readonly name: string;
  /** In canonical form. */
  readonly address: string;
  readonly authPort: number;
  readonly acctPort: number;
}

/** What a switch does by itself while no RADIUS server answers, of network/server-down.yaml. */
export interface ServerDownEntry {
  /** In the order in which they are asked. */
  readonly servers: readonly RadiusServerEntry[];
  /** Seconds to wait for an answer. */
  readonly timeout: number;
  /** How often each server is asked before it counts as dead. */
  readonly tries: number;
  /** Minutes after which a dead server is asked again. */
  readonly deadTime: number;
  /** User name by which a switch looks whether a dead server is back; null: it does not look. */
  readonly probe: string | null;
  /** Where a device is put that comes then: the critical segment. */
  readonly segment: string;
  readonly vlan: number;
  /** What it counts as there. */
  readonly role: string;
  /** Where telephones are put; null: nowhere else. */
  readonly voice: { readonly segment: string; readonly vlan: number } | null;
  /** Devices that are in stay as they are, over re-authentications too; false: these put them into the critical segment. */
  readonly keepAuthorized: boolean;
}

/** A RADIUS client (switch, AP, controller) of network/nas.yaml. */
export interface NasEntry {
  readonly name: string;
  /** Source addresses it sends from; the longest prefix wins. */
  readonly prefix: Prefix;
  /** `radsec`: RADIUS over TLS (RFC 6614), and never by UDP. */
  readonly transport: 'udp' | 'radsec';
  /** By which name its certificate is known; null: it speaks no TLS. */
  readonly certificate: CertificateName | null;
  readonly site: string;
  /** SSID → the child site it stands for. */
  readonly ssidSites: Readonly<Record<string, string>>;
  /** Name of a NAS profile of libs/radius. */
  readonly profile: string;
  /** `env:NAME` or `file:PATH`, never the secret. Null: nothing of this client goes by UDP. */
  readonly secret: string | null;
  readonly messageAuthenticator: MessageAuthenticatorRule;
  /** Authentications and accounting records, each, that are taken of it; it may be twice as fast for a second. */
  readonly requestsPerSecond: number;
  /** Most ACL entries the switch takes per port; null when it did not say. */
  readonly aclEntries: number | null;
  /** How much of a port ACL it enforces; something else enforces the rest. */
  readonly portAcl: 'full' | 'ipv4-only' | 'none';
  /** How it is told of changes: `connection` is the one that it opened itself. */
  readonly coaTransport: 'udp' | 'radsec' | 'connection';
  readonly coaPort: number;
  /** Seconds until re-authentication. */
  readonly sessionTimeout: number;
  /** Null: policy does not say. */
  readonly serverDown: ServerDownEntry | null;
}

/** A RADIUS proxy of network/proxies.yaml: it stands before NASes and asks for them. It has no site and no profile, its NASes have. */
export interface ProxyEntry {
  readonly name: string;
  /** Source addresses it sends from: they are those of no NAS. */
  readonly prefix: Prefix;
  readonly transport: 'udp' | 'radsec';
  readonly certificate: CertificateName | null;
  /** `env:NAME` or `file:PATH`, never the secret. Null: it comes over TLS. */
  readonly secret: string | null;
  /** `env:NAME` or `file:PATH` of the token by which it may ask over HTTP, too; null: it may not. */
  readonly restToken: string | null;
  /** Names of the NASes that it may ask for. */
  readonly speaksFor: readonly string[];
}

/** A firewall or the like of network/enforcement-points.yaml. */
export interface EnforcementPointEntry {
  readonly name: string;
  readonly driver: string;
  readonly site: string;
  /** The RADIUS client that this is, for drivers that enforce lists or ports of a switch. */
  readonly nas: string | null;
  readonly transport: TransportEntry;
  /** Settings that only the driver knows. */
  readonly options: Readonly<Record<string, string>>;
}

export type TransportEntry =
  | { readonly kind: 'simulated' }
  | { readonly kind: 'local' }
  | { readonly kind: 'netns'; readonly namespace: string }
  | {
      readonly kind: 'ssh';
      readonly host: string;
      readonly port: number;
      readonly user: string;
      /** `file:PATH` of the private key. */
      readonly identity: string;
      /** One line of known_hosts: the host key that is accepted, and no other. */
      readonly hostKey: string;
    }
  | {
      readonly kind: 'ovsdb';
      /** `unix:PATH`, `tcp:HOST:PORT` or `ssl:HOST:PORT`, of the database (RFC 7047) and of the bridge's OpenFlow. */
      readonly ovsdb: string;
      readonly openflow: string;
      /** `file:PATH` of each, for ssl. */
      readonly tls?: { readonly certificate: string; readonly key: string; readonly authority: string } | undefined;
    }
  | {
      readonly kind: 'kubernetes';
      /** `in-cluster`, or `file:PATH`. */
      readonly kubeconfig: string;
      readonly context?: string | undefined;
    };

/** How a certificate names a device: in the pattern stands `{mac}` for its address, or `{serial}` for the serial number of its record. */
export interface IdentityRule {
  readonly from: 'dns-name' | 'uri' | 'email' | 'common-name' | 'serial-number';
  readonly pattern: string;
}

/** Who issues certificates of devices. */
export interface EapAuthority {
  readonly name: string;
  /** `file:PATH` of PEM certificates: those that sign devices' certificates, and what is above them. */
  readonly certificates: string;
  /** `file:PATH` of PEM revocation lists; null: certificates are valid until they end. */
  readonly revocationLists: string | null;
  /** The responder to ask at each authentication (RFC 6960), and whether a device may in while it is silent; null: none. */
  readonly ocsp: { readonly url: string; readonly unreachable: 'accept' | 'refuse' } | null;
  readonly devices: readonly IdentityRule[];
}

/** `peap`: PEAPv0 with EAP-MSCHAPv2; `ttls`: EAP-TTLS with PAP or MS-CHAPv2. */
export type EapMethod = 'tls' | 'peap' | 'ttls';

/** 802.1X, of network/eap.yaml. */
export interface EapEntry {
  /** `file:PATH` of the server's certificate in PEM, and of those between it and its root. */
  readonly certificate: string;
  /** `file:PATH` or `env:NAME` of its private key in PEM. */
  readonly key: string;
  /** The first is proposed to every device, the others are for those that ask for them. */
  readonly methods: readonly [EapMethod, ...EapMethod[]];
  /** What a device counts as that has proved its password, in PEAP or EAP-TTLS. */
  readonly passwordPosture: 'verified' | 'unverified';
  readonly versions: readonly ('1.2' | '1.3')[];
  /** Most bytes of an EAP packet that Cordon sends. */
  readonly fragmentSize: number;
  /** For how many seconds a device may resume its TLS session; 0: never. */
  readonly resumption: number;
  readonly authorities: readonly EapAuthority[];
}

/** RADIUS over TLS, of network/radsec.yaml: whom the bridge is, and whom it believes. */
export interface RadsecEntry {
  /** `file:PATH` of the bridge's certificate in PEM, and of those between it and its root. */
  readonly certificate: string;
  /** `file:PATH` or `env:NAME` of its private key in PEM. */
  readonly key: string;
  /** `file:PATH` of PEM certificates: those that sign clients' certificates, and what is above them. */
  readonly authorities: string;
  /** `file:PATH` of PEM revocation lists; null: certificates are valid until they end. */
  readonly revocationLists: string | null;
  readonly versions: readonly ('1.2' | '1.3')[];
  /** Seconds after which a connection that says nothing is ended. */
  readonly idleTimeout: number;
}

export type SuspicionActions = Readonly<Record<SuspicionKind, SuspicionAction>>;

/** What is done about suspicions, of network/suspicions.yaml. */
export interface SuspicionRules {
  /** Of classes that are not named in `classes`. */
  readonly actions: SuspicionActions;
  readonly classes: readonly ClassSuspicions[];
}

export interface ClassSuspicions {
  /** A class; those below it are not meant. */
  readonly name: string;
  readonly actions: SuspicionActions;
  /** What MAC addresses of such devices begin with: `00:1a:2b`, `00:1a:2b:c`, `00:1a:2b:cd:e`. None: anything. */
  readonly manufacturers: readonly string[];
  /** What such devices say of themselves, one of the patterns of each field; a field that is not there may say anything. */
  readonly fingerprints: FingerprintPatterns;
}

export type FingerprintPatterns = { readonly [Field in FingerprintField]?: readonly string[] };

/** How a change of policy reaches devices, of network/rollout.yaml. */
export interface RolloutRules {
  /** At least one; the last covers everything. */
  readonly stages: readonly RolloutStage[];
  readonly gates: RolloutGates;
  readonly limits: RolloutLimits;
  readonly inUse: {
    /** How long a change waits for a device in clinical use, from when it was due. */
    readonly waitSeconds: number;
    /** Whether quarantine waits, too. */
    readonly quarantine: 'waits' | 'overrides';
  };
  readonly breakGlass: { readonly mostSeconds: number };
  readonly classes: readonly ClassChanges[];
}

export interface RolloutStage {
  readonly name: string;
  /** Those below them are meant, too. */
  readonly sites: readonly string[];
  readonly devices: readonly Mac[];
  /** How long its gates must have been good before the next stage begins. */
  readonly soakSeconds: number;
}

/** What stops a rollout; null: that is not looked at. */
export interface RolloutGates {
  /** Percent of changed sessions whose switch refused the change, or did not answer. */
  readonly refused: number | null;
  /** Percent of covered devices that are rejected when they authenticate. */
  readonly rejected: number | null;
  /** Percent of changed devices that left, and did not come back within `missingSeconds`. */
  readonly missing: number | null;
  readonly missingSeconds: number;
  /** How many times more packets than before the firewalls of covered sites drop. */
  readonly denied: number | null;
  /** Fewer devices than this say nothing. */
  readonly least: number;
  readonly action: 'halt' | 'roll-back';
}

export interface RolloutLimits {
  /** Of sessions changed because policy changed; a quarantine is not held back. Null: none. */
  readonly changesPerSecond: number | null;
  /** Changes under way at one switch. */
  readonly perSwitch: number;
  /** Each change waits for a random part of this. */
  readonly jitterSeconds: number;
}

export interface ClassChanges {
  /** A class; those below it that have no entry of their own are meant, too. */
  readonly name: string;
  readonly strategy: ChangeStrategy;
  /** What its devices count as while a person has broken the glass for them. */
  readonly breakGlass: string | null;
}

/**
 * When a session of a class is changed because policy changed. `next-reauth`: not before it authenticates again by itself;
 * `manual`: not before a person lets it.
 */
export type ChangeStrategy =
  | { readonly kind: 'immediate' | 'next-reauth' | 'manual' }
  | { readonly kind: 'maintenance-window'; readonly schedule: string };

export interface Provenance {
  readonly commit: string | null;
  readonly author: string | null;
  readonly committedAt: string | null;
  /** Of which it holds the switches and enforcement points, see `policyOfSites`; absent: of all. */
  readonly sites?: readonly string[];
}

/**
 * The compiled policy at one instant: frozen, self-consistent, named by the hash of its content (`digest` covers all but
 * `provenance`, `compiledFor` and itself: compiling the same files again gives the same digest).
 */
export interface Snapshot {
  readonly format: 9;
  readonly digest: string;
  /** The instant that the rules' `when` were judged at. */
  readonly compiledFor: string;
  /** First instant at which recompiling would give another result; null when time changes nothing. */
  readonly nextChangeAt: string | null;
  readonly provenance: Provenance;
  readonly classes: readonly DeviceClass[];
  readonly sites: readonly Site[];
  readonly segments: readonly Segment[];
  readonly endpoints: readonly Endpoint[];
  readonly applications: readonly Application[];
  readonly schedules: readonly Schedule[];
  readonly flowRules: readonly FlowRule[];
  readonly accessRules: readonly AccessRule[];
  readonly accessTable: readonly AccessGrant[];
  /** By class name. */
  readonly flows: Readonly<Record<string, ClassFlows>>;
  /** By class name: the stateless port ACL on traffic from the device; the implicit last line drops. */
  readonly portAcls: Readonly<Record<string, readonly AclEntry[]>>;
  readonly nas: readonly NasEntry[];
  readonly proxies: readonly ProxyEntry[];
  /** Null: 802.1X is not served. */
  readonly eap: EapEntry | null;
  /** Null: RADIUS over TLS is not served. */
  readonly radsec: RadsecEntry | null;
  readonly suspicions: SuspicionRules;
  readonly enforcementPoints: readonly EnforcementPointEntry[];
  readonly rollout: RolloutRules;
}
