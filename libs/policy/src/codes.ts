import { compareDiagnostics, type Diagnostic, type RelatedPlace, type Severity, type SourceSpan } from '#base';

/**
 * Every diagnostic that policy code can give: what it means. docs/policy-language.md lists the same codes with their
 * remedies; a test keeps the two together. Errors stop the snapshot, warnings and infos don't. What is no error here may
 * be given another severity in cordon.yaml.
 */
export const policyCodes = {
  'acl-by-name': ['info', 'a switch is told only the name of a port ACL: the list must be there'],
  'acl-near-budget': ['info', 'a port ACL takes more than nine tenths of the entries of a switch'],
  'acl-over-budget': ['error', 'a port ACL needs more entries than a switch takes'],
  'artefact-differs': ['error', 'what a switch would be told is not what the port ACL says'],
  'access-tie': ['error', 'two access rules match equally well and give different segments'],
  'audit-line': ['error', 'a line under audit/ is no flow rule'],
  'audit-refused': ['warning', 'the lines in audit could not come into force as they are'],
  'bad-effect': ['error', 'the effect of a flow rule is neither allow nor deny'],
  'bad-name': ['error', 'a name has characters other than a-z, 0-9 and -'],
  'bad-posture': ['error', 'the posture of an access rule is none of the four'],
  'bad-prefix': ['error', 'an address or prefix is malformed, has host bits set or is IPv4-mapped IPv6'],
  'bad-schedule': ['error', 'a schedule has no days, a malformed time or an unknown time zone'],
  'bad-service': ['error', 'a port is not written as tcp/443, udp/5000-5010, icmp/8, icmp6, ip/50'],
  'bad-when': ['error', 'a condition is neither always, nor a schedule, nor until a date'],
  'client-exception': ['warning', 'a switch may leave out Message-Authenticator, by a named exception'],
  'client-exception-ended': [
    'warning',
    'an exception for a switch is past its date: its unsigned requests get no answer',
  ],
  'client-exception-ending': ['warning', 'an exception for a switch ends within the next days'],
  'column-count': ['error', 'a rule line has too few or too many columns'],
  'csv-syntax': ['error', 'a rule line is not well-formed CSV'],
  'dedicated-segment': ['error', 'an access rule puts a class into a segment dedicated to another'],
  'deny-without-effect': ['info', 'no allow is overridden by this deny now'],
  'duplicate-name': ['error', 'a name is declared twice, or is both a class and an endpoint'],
  'duplicate-rule': ['error', 'the same line stands twice'],
  'empty-policy': ['error', 'the folder holds no policy'],
  'expired-rule': ['warning', 'a rule is past its date and has no effect any more'],
  'expiring-deny': ['warning', 'a deny has an end: access opens by itself on that day'],
  'ignore-unused': ['warning', 'an ignore in cordon.yaml matches no finding, or is past its date'],
  'membership-cycle': ['error', 'a name belongs to itself over other names'],
  'membership-too-deep': ['error', 'a membership chain is longer than Casbin follows'],
  'name-unused': ['warning', 'a name is declared and nothing uses it'],
  'nas-duplicate': ['error', 'two switches have the same address'],
  'no-internal': ['error', 'a rule names internet, but nothing says what is internal'],
  'no-quarantine': ['error', 'a class has access at a site but no quarantine segment there'],
  'not-formatted': ['warning', 'a YAML file has a form that `cordon fmt` does not dare to change'],
  'not-enforced': ['warning', 'neither side of a flow rule is a device: no enforcement point carries it'],
  'object-overlaps-segment': ['error', 'a rule between endpoints covers addresses of a device segment'],
  'peer-not-in-port-acl': ['warning', 'a class has no segment of its own: port ACLs cannot name its addresses'],
  'port-acl-elsewhere': ['info', 'a switch does not enforce all of the port ACLs, says nas.yaml'],
  'port-acl-not-enforced': ['error', 'a switch can not be made to enforce a port ACL'],
  'prefix-overlap': ['error', 'two segments share addresses'],
  'reply-not-expressible': ['warning', 'a stateless port ACL cannot let the replies of a flow through'],
  'proxy-address-shared': ['error', 'a proxy has the address or the certificate of a switch or of another proxy'],
  'proxy-for-tls': ['error', 'a proxy is to ask for a switch that speaks RADIUS over TLS itself'],
  'rule-expires-soon': ['warning', 'a rule ends within the next days'],
  'rule-never-matches': ['warning', 'there is no packet or device that a rule speaks of'],
  'rule-partly-shadowed': ['info', 'denies close a part of an allow'],
  'rule-redundant': ['warning', 'other rules do already all that a rule does'],
  'rule-shadowed': ['warning', 'an allow never takes effect: denies close all of it'],
  'rule-too-broad': ['warning', 'an allow opens more than anybody can mean'],
  'rules-contradict': ['warning', 'an allow and a deny speak of the same packets'],
  'quarantine-of-life-critical': [
    'warning',
    'a suspicion alone puts devices into quarantine that may be attached to a patient',
  ],
  'point-not-reachable': ['error', 'the driver of an enforcement point has no such transport'],
  'point-option': ['error', 'an enforcement point has an option that its driver does not take'],
  'rollout-class': ['error', 'a class waits for a window that is not named, or names one that it does not wait for'],
  'rollout-stage': [
    'error',
    'a stage of a rollout covers nothing, stands twice, or follows the one that covers everything',
  ],
  'point-unsupported': ['error', 'the driver of an enforcement point can’t express what the point must enforce'],
  'point-without-nas': ['error', 'an enforcement point is a switch, and does not say which'],
  'radsec-not-served': ['error', 'a switch uses RADIUS over TLS, and network/radsec.yaml is missing'],
  'server-down-by-hand': ['info', 'no configuration can be written for what a switch does without RADIUS server'],
  'server-down-flows': [
    'warning',
    'life-critical devices that come while no RADIUS server answers lose flows in the critical segment',
  ],
  'server-down-make': [
    'warning',
    'a switch can not both keep devices and let in others while no RADIUS server answers',
  ],
  'server-down-missing': ['warning', 'nothing says what a switch does while no RADIUS server answers'],
  'server-down-segment': ['error', 'a segment is not fit for devices that a switch puts there by itself'],
  'test-failed': ['error', 'a test or an invariant of the policy does not hold'],
  'reply-too-large': ['error', 'an Access-Accept would not fit into 4096 bytes'],
  schema: ['error', 'a catalog entry has a wrong, missing or unknown field'],
  'secret-in-clear': ['error', 'a secret is written into the policy instead of a reference'],
  'segment-not-at-site': ['warning', 'an access rule names a segment that does not exist at a site it covers'],
  'segment-one-family': ['error', 'a segment has no prefix, or only IPv4 or only IPv6 ones'],
  'subject-overlaps-segment': ['error', 'an endpoint that opens connections covers addresses of a device segment'],
  'trailing-comment': ['error', 'text follows the last column of a rule line'],
  'unknown-file': ['error', 'a file stands where none is expected'],
  'unknown-line-type': ['error', 'a rule line starts with something other than p, p2, g, g2, g3'],
  'unknown-name': ['error', 'a rule, membership or test uses a name that is not declared'],
  'unsupported-model': ['error', 'model.conf is not the model that Cordon compiles'],
  'vlan-overlap': ['error', 'one VLAN id stands for two segments at a site'],
  'voice-not-expressible': ['error', 'a switch has no words for a voice segment'],
  'workload-cluster': ['error', 'it is not clear in which cluster a service is'],
  'workload-duplicate': ['error', 'two endpoints are the same service of a cluster'],
  'workload-in-segment': ['warning', 'a cluster tells an address of a device segment: it is not taken'],
  'workload-namespace': ['error', 'a service is in a namespace that the point of its cluster does not look after'],
  'workload-no-address': ['info', 'no address of a service is known here: rules about it match nothing'],
  'yaml-syntax': ['error', 'a YAML file is malformed'],
} as const satisfies Record<string, readonly [Severity, string]>;

export type PolicyCode = keyof typeof policyCodes;

/** Collects findings: all errors of a policy are reported at once. */
export class Report {
  private readonly found: Diagnostic[] = [];

  add(
    code: PolicyCode,
    span: SourceSpan | null,
    summary: string,
    hint: string,
    related: readonly RelatedPlace[] = [],
  ): void {
    const places = { ...(span ? { span } : {}), ...(related.length > 0 ? { related } : {}) };
    this.found.push({ severity: policyCodes[code][0], code, summary, hint, ...places });
  }

  addAll(diagnostics: Iterable<Diagnostic>): void {
    for (const diagnostic of diagnostics) this.found.push(diagnostic);
  }

  get hasErrors(): boolean {
    return this.found.some(({ severity }) => severity === 'error');
  }

  /** In order of place. */
  get diagnostics(): readonly Diagnostic[] {
    return [...this.found].sort(compareDiagnostics);
  }
}
