import { namespaces } from './model.js';

/** What the simulated switch knows of the models: written from the YANG, and less than it. `identityOf`: a namespace. */
export type SchemaNode =
  | { readonly kind: 'leaf'; readonly test: RegExp; readonly identityOf?: string }
  | { readonly kind: 'container'; readonly children: Readonly<Record<string, SchemaNode>> }
  | {
      readonly kind: 'list';
      readonly keys: readonly string[];
      readonly children: Readonly<Record<string, SchemaNode>>;
    };

const leaf = (test: RegExp): SchemaNode => ({ kind: 'leaf', test });
const identity = (identityOf: string, ...names: string[]): SchemaNode => ({
  kind: 'leaf',
  test: new RegExp(`^(${names.join('|')})$`),
  identityOf,
});
const container = (children: Record<string, SchemaNode>): SchemaNode => ({ kind: 'container', children });
const list = (keys: readonly string[], children: Record<string, SchemaNode>): SchemaNode => ({
  kind: 'list',
  keys,
  children,
});

const number = leaf(/^(0|[1-9]\d{0,9})$/);
const text = leaf(/^.*$/s);
const prefix4 = leaf(/^\d+\.\d+\.\d+\.\d+\/\d+$/);
const prefix6 = leaf(/^[0-9a-f:]+\/\d+$/);

const ietfPorts = container({
  'lower-port': number,
  'upper-port': number,
  operator: leaf(/^(eq|neq|lte|gte)$/),
  port: number,
});
const ietf = namespaces.ietfAcl;
const acls = container({
  acl: list(['name'], {
    name: leaf(/^.{1,64}$/),
    type: identity(ietf, 'ipv4-acl-type', 'ipv6-acl-type', 'mixed-eth-ipv4-ipv6-acl-type'),
    aces: container({
      ace: list(['name'], {
        name: leaf(/^.{1,64}$/),
        matches: container({
          ipv4: container({ protocol: number, dscp: number, 'destination-ipv4-network': prefix4 }),
          ipv6: container({ protocol: number, dscp: number, 'destination-ipv6-network': prefix6 }),
          tcp: container({ flags: leaf(/^[a-z ]+$/), 'source-port': ietfPorts, 'destination-port': ietfPorts }),
          udp: container({ 'source-port': ietfPorts, 'destination-port': ietfPorts }),
          icmp: container({ type: number, code: number }),
        }),
        actions: container({
          forwarding: identity(ietf, 'accept', 'drop', 'reject'),
          logging: identity(ietf, 'log-none', 'log-syslog'),
        }),
      }),
    }),
  }),
});

const oc = namespaces.acl;
const setType = identity(oc, 'ACL_IPV4', 'ACL_IPV6', 'ACL_L2', 'ACL_MIXED');
const port = leaf(/^(ANY|\d{1,5}(\.\.\d{1,5})?)$/);
const header = (prefix: SchemaNode, icmp: string): SchemaNode =>
  container({
    config: container({ 'destination-address': prefix, protocol: number, dscp: number }),
    [icmp]: container({
      config: container({
        type: identity(icmp === 'icmpv4' ? namespaces.icmp4Types : namespaces.icmp6Types, '[A-Z0-9_]+'),
      }),
    }),
  });
const openconfigAcl = container({
  'acl-sets': container({
    'acl-set': list(['name', 'type'], {
      name: text,
      type: setType,
      config: container({ name: text, type: setType, description: text }),
      'acl-entries': container({
        'acl-entry': list(['sequence-id'], {
          'sequence-id': number,
          config: container({ 'sequence-id': number, description: text }),
          ipv4: header(prefix4, 'icmpv4'),
          ipv6: header(prefix6, 'icmpv6'),
          transport: container({
            config: container({
              'source-port': port,
              'destination-port': port,
              'detail-mode': leaf(/^(EXPLICIT|BUILTIN)$/),
              'builtin-detail': leaf(/^TCP_(INITIAL|ESTABLISHED)$/),
            }),
          }),
          actions: container({
            config: container({
              'forwarding-action': identity(oc, 'ACCEPT', 'DROP', 'REJECT'),
              'log-action': identity(oc, 'LOG_NONE', 'LOG_SYSLOG'),
            }),
          }),
        }),
      }),
    }),
  }),
});

const networkInstances = container({
  'network-instance': list(['name'], {
    name: text,
    config: container({ name: text }),
    vlans: container({
      vlan: list(['vlan-id'], {
        'vlan-id': number,
        config: container({ 'vlan-id': number, name: text, status: leaf(/^(ACTIVE|SUSPENDED)$/) }),
      }),
    }),
  }),
});

/** Top of the configuration: namespace, then name. */
export const schema: ReadonlyMap<string, Readonly<Record<string, SchemaNode>>> = new Map([
  [namespaces.ietfAcl, { acls }],
  [namespaces.acl, { acl: openconfigAcl }],
  [namespaces.networkInstance, { 'network-instances': networkInstances }],
]);

/** What must be there for an element to be one: an entry does something, and a key that is also content says the same. */
export const mandatory: readonly { readonly of: string; readonly path: readonly string[]; readonly equals?: string }[] =
  [
    { of: 'ace', path: ['actions', 'forwarding'] },
    { of: 'acl-entry', path: ['actions', 'config', 'forwarding-action'] },
    { of: 'acl-entry', path: ['config', 'sequence-id'], equals: 'sequence-id' },
    { of: 'acl-set', path: ['config', 'name'], equals: 'name' },
    { of: 'acl-set', path: ['config', 'type'], equals: 'type' },
    { of: 'vlan', path: ['config', 'vlan-id'], equals: 'vlan-id' },
    { of: 'network-instance', path: ['config', 'name'], equals: 'name' },
  ];
