/**
 * What the bridge's counters are called in Prometheus. A counter's name is matched from its start to its end; what its
 * named groups hold are labels, so a label has as many values as there are names of counters: no text of a packet, of a
 * certificate or of a person gets there.
 */
export interface CounterFamily {
  readonly name: string;
  readonly help: string;
  readonly pattern: RegExp;
  /** Has a `client` label: the name of the NAS in the policy, empty where none is known. */
  readonly perClient?: true;
  /** Labels, and their value where the counter's name does not say it. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Sums of others. */
export const leftOut: ReadonlySet<string> = new Set(['authentication.rejects', 'coa.ack', 'coa.nak', 'coa.timeouts']);

export const counterFamilies: readonly CounterFamily[] = [
  {
    name: 'cordon_radius_requests_total',
    help: 'Datagrams that came in, whatever became of them',
    pattern: /^(?<port>authentication|accounting)\.requests$/,
    labels: { port: '' },
  },
  {
    name: 'cordon_radius_accepts_total',
    help: 'Access-Accepts',
    pattern: /^authentication\.accepts$/,
    perClient: true,
  },
  {
    name: 'cordon_radius_rejects_total',
    help: 'Access-Rejects by reason',
    pattern: /^authentication\.reject\.(?<reason>.+)$/,
    perClient: true,
    labels: { reason: '' },
  },
  {
    name: 'cordon_radius_challenges_total',
    help: 'Access-Challenges: rounds of 802.1X that were not the last',
    pattern: /^authentication\.challenges$/,
    perClient: true,
  },
  {
    name: 'cordon_radius_acl_downloads_total',
    help: 'Parts of ACLs that switches fetched by name',
    pattern: /^authentication\.acl-downloads$/,
    perClient: true,
  },
  {
    name: 'cordon_radius_dropped_total',
    help: 'Requests that got no answer, by reason',
    pattern: /^(?<port>authentication|accounting)\.dropped\.(?<reason>.+)$/,
    perClient: true,
    labels: { port: '', reason: '' },
  },
  {
    name: 'cordon_radius_unsigned_total',
    help: 'Requests taken without Message-Authenticator, and why: exception, without-proxy-state, over-tls',
    pattern: /^authentication\.unsigned\.(?<why>.+)$/,
    perClient: true,
    labels: { why: '' },
  },
  {
    name: 'cordon_radius_tls_handshakes_total',
    help: 'Connections to the port of RADIUS over TLS that began',
    pattern: /^radsec\.handshakes$/,
  },
  {
    name: 'cordon_radius_tls_refused_total',
    help: 'Those that were refused, by reason; handshake: TLS itself failed',
    pattern: /^radsec\.(?:refused\.(?<reason>.+)|handshakes\.failed)$/,
    perClient: true,
    labels: { reason: 'handshake' },
  },
  {
    name: 'cordon_radius_tls_connections_total',
    help: 'Those that were let in',
    pattern: /^radsec\.connections$/,
    perClient: true,
  },
  {
    name: 'cordon_radius_tls_ended_total',
    help: 'Connections of clients that ended, by reason',
    pattern: /^radsec\.ended\.(?<reason>.+)$/,
    perClient: true,
    labels: { reason: '' },
  },
  {
    name: 'cordon_radius_tls_links_total',
    help: 'Connections that the bridge opened to tell a client of changes; outcome is opened or failed',
    pattern: /^radsec\.links(?:\.(?<outcome>failed))?$/,
    perClient: true,
    labels: { outcome: 'opened' },
  },
  {
    name: 'cordon_radius_duplicates_total',
    help: 'Requests that a NAS sent again, answered from memory or still in work',
    pattern: /^(?<port>authentication|accounting)\.duplicates$/,
    perClient: true,
    labels: { port: '' },
  },
  {
    name: 'cordon_radius_status_server_total',
    help: 'Status-Server requests',
    pattern: /^(?<port>authentication|accounting)\.status-server$/,
    perClient: true,
    labels: { port: '' },
  },
  {
    name: 'cordon_radius_accounting_records_total',
    help: 'Accounting records taken, by Acct-Status-Type',
    pattern: /^accounting\.(?<status>start|interim|stop|accounting-on|accounting-off|other)$/,
    perClient: true,
    labels: { status: '' },
  },
  {
    name: 'cordon_radius_accounting_ignored_total',
    help: 'Accounting records that were answered but not used, by reason',
    pattern: /^accounting\.ignored\.(?<reason>.+)$/,
    perClient: true,
    labels: { reason: '' },
  },
  {
    name: 'cordon_radius_sessions_untracked_total',
    help: 'Devices that were served while the session table was full: they can not be told of changes',
    pattern: /^sessions\.untracked$/,
  },
  {
    name: 'cordon_radius_eap_conversations_total',
    help: '802.1X conversations begun',
    pattern: /^eap\.conversations$/,
  },
  {
    name: 'cordon_radius_eap_handshakes_total',
    help: 'TLS handshakes of the 802.1X conversations that ended well, by version; handshake is full or resumed',
    pattern: /^eap\.success\.tls-(?<version>[\w.]+?)(?:\.(?<handshake>resumed))?$/,
    labels: { version: '', handshake: 'full' },
  },
  {
    name: 'cordon_radius_eap_successes_total',
    help: '802.1X conversations that ended well, by what the device showed: a certificate or a password',
    pattern: /^eap\.success\.(?<method>[\w-]+)$/,
    labels: { method: '' },
  },
  {
    name: 'cordon_radius_coa_requests_total',
    help: 'CoA- and Disconnect-Requests begun, without retransmissions',
    pattern: /^coa\.requests$/,
  },
  {
    name: 'cordon_radius_coa_retransmissions_total',
    help: 'CoA- and Disconnect-Requests sent again',
    pattern: /^coa\.retransmissions$/,
  },
  {
    name: 'cordon_radius_coa_outcomes_total',
    help: 'What NASes answered to CoA and Disconnect; error_cause as in RFC 5176, none where there was none, other for unknown numbers',
    pattern: /^coa\.outcome\.(?<kind>[\w-]+)\.(?<outcome>ack|nak|timeout)\.(?<error_cause>\w+)$/,
    perClient: true,
    labels: { kind: '', outcome: '', error_cause: 'none' },
  },
  {
    name: 'cordon_radius_coa_diverged_total',
    help: 'Sessions that were not brought to what policy says; each counts once until it is',
    pattern: /^coa\.diverged$/,
    perClient: true,
  },
  {
    name: 'cordon_radius_coa_dropped_total',
    help: 'Datagrams on the CoA socket that were no reply of a NAS, by reason',
    pattern: /^coa\.dropped\.(?<reason>.+)$/,
    labels: { reason: '' },
  },
  {
    name: 'cordon_radius_coa_send_errors_total',
    help: 'Errors of the socket that CoA is sent from',
    pattern: /^coa\.send-errors$/,
  },
  {
    name: 'cordon_bridge_rest_requests_total',
    help: 'Requests of FreeRADIUS over HTTP (CORDON_REST), whatever became of them',
    pattern: /^rest\.requests$/,
  },
  {
    name: 'cordon_bridge_rest_refused_total',
    help: 'Those that were refused before a device was looked for, by reason; client is the proxy, where its token is known',
    pattern: /^rest\.refused\.(?<reason>.+)$/,
    perClient: true,
    labels: { reason: '' },
  },
  {
    name: 'cordon_bridge_events_sent_total',
    help: 'Events that the controller has stored',
    pattern: /^events\.sent$/,
  },
  {
    name: 'cordon_bridge_events_send_failures_total',
    help: 'Batches of events that the controller did not store; they are sent again',
    pattern: /^events\.failures$/,
  },
  {
    name: 'cordon_bridge_events_dropped_total',
    help: 'Authentications that were answered but are in no history: a flood, or a full spool',
    pattern: /^events\.authentication\.dropped$/,
  },
  {
    name: 'cordon_bridge_controller_messages_total',
    help: 'Messages of the feed, by type; refused: not understood, or a snapshot that does not hold',
    pattern: /^controller\.messages\.(?<type>.+)$/,
    labels: { type: '' },
  },
  {
    name: 'cordon_bridge_controller_disconnects_total',
    help: 'Times that the link to the controller was lost',
    pattern: /^controller\.disconnects$/,
  },
  {
    name: 'cordon_bridge_snapshots_taken_total',
    help: 'Snapshots of the controller that came into force',
    pattern: /^snapshots\.taken$/,
  },
  {
    name: 'cordon_radius_replies_not_taken_total',
    help: 'Sessions whose switch ignored what it was told, or asks for them again and again',
    pattern: /^sessions\.not-taken\.(?<how>.+)$/,
    perClient: true,
    labels: { how: '' },
  },
  {
    name: 'cordon_bridge_rollout_messages_total',
    help: 'Times that a rollout began, got further, or ended',
    pattern: /^rollouts\.taken$/,
  },
  {
    name: 'cordon_bridge_faults_total',
    help: 'Mistakes of the bridge or its sockets: should stay 0',
    pattern: /^(?:(?<kind>coa|socket)\.)?(?:faults|errors)$/,
    labels: { kind: 'datagram' },
  },
  {
    name: 'cordon_bridge_other_total',
    help: 'Counters that have no metric of their own, by name',
    pattern: /^(?<counter>.+)$/,
    perClient: true,
    labels: { counter: '' },
  },
];

export interface CounterLabels {
  readonly family: CounterFamily;
  readonly labels: Readonly<Record<string, string>>;
}

/** Null for what is the sum of others. */
export function familyOf(counter: string): CounterLabels | null {
  if (leftOut.has(counter)) return null;
  for (const family of counterFamilies) {
    const match = family.pattern.exec(counter);
    if (!match) continue;
    const found = Object.entries(family.labels ?? {}).map(([label, otherwise]) => [
      label,
      match.groups?.[label] ?? otherwise,
    ]);
    return { family, labels: Object.fromEntries(found) as Record<string, string> };
  }
  return null;
}
