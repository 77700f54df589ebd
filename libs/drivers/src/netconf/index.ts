import type { Diagnostic } from '#base';
import { driverFacts, type EnforcementRules, type EnforcementState } from '#model';
import { isConsistentEntry, isIcmpEntry, protocols, type AclEntry } from '#net';
import { checkParts } from '../check-parts.js';
import { TerminalFault, type Driver, type DriverOptions, type EnforcementTarget } from '../driver.js';
import { NetconfClient, type ClientLimits, type OpenChannel } from './client.js';
import { mark, type ModelName, type ObservedSwitch } from './model.js';
import { parse } from './parse.js';
import { plan } from './plan.js';
import { filterOf, render, vlanName, type Shape } from './render.js';
import { icmpTypeName } from './render-openconfig.js';
import { NetconfSession } from './session.js';
import { SimulatedSwitch } from './simulated.js';
import { sshChannel } from './transport.js';
import { isXmlText } from './xml.js';

export interface NetconfLimits extends ClientLimits {
  /** How long the switch keeps a change that nobody confirms. Longer than it takes to read it back. */
  readonly confirmSeconds: number;
}

const usualLimits: NetconfLimits = { exchangeMilliseconds: 20_000, confirmSeconds: 60 };

export interface NetconfDriver extends Driver {
  readonly parse: (text: string) => ObservedSwitch;
  /** What talks to a target, without the session that remembers; for tests. */
  clientOf(target: EnforcementTarget): NetconfClient;
  /** The device behind the target `{ kind: 'simulated', name }`: made at first use, kept as long as this driver. */
  simulated(name: string): SimulatedSwitch;
}

/** Switches whose RADIUS replies name port ACLs: the lists stand there before they are named. Options: see README.md. */
export function createNetconfDriver(options: DriverOptions, limits: NetconfLimits = usualLimits): NetconfDriver {
  const model: ModelName = options['model'] === 'openconfig' ? 'openconfig' : 'ietf-acl';
  const shape: Shape = { model, networkInstance: options['networkInstance'] ?? 'DEFAULT' };
  const facts = { name: 'netconf', enforces: driverFacts.netconf.enforces({ model }) } as const;
  const devices = new Map<string, SimulatedSwitch>();
  const simulated = (name: string): SimulatedSwitch => {
    const device = devices.get(name) ?? new SimulatedSwitch();
    devices.set(name, device);
    return device;
  };
  const read = (text: string): ObservedSwitch => parse(text, shape.networkInstance);
  const expected = new WeakMap<EnforcementRules, ObservedSwitch>();
  const expect = (state: EnforcementState): ObservedSwitch => {
    const known = expected.get(state.rules) ?? read(render(state, shape));
    expected.set(state.rules, known);
    return known;
  };
  const channelTo = (target: EnforcementTarget): OpenChannel => {
    if (target.kind === 'simulated') return simulated(target.name).openChannel;
    if (target.kind === 'ssh') return sshChannel(target);
    throw new TerminalFault(`netconf is not reached by \`${target.kind}\``);
  };
  const clientOf = (target: EnforcementTarget): NetconfClient =>
    new NetconfClient(channelTo(target), filterOf(shape), limits);
  return {
    ...facts,
    capabilities: { atomic: true, stateful: false, cutsConnections: false },
    check: (state) => [...checkParts(facts, state), ...checkNames(state), ...checkEntries(state, model)],
    render: (state) => render(state, shape),
    parse: read,
    expect,
    plan: (desired, observed: ObservedSwitch | null) => plan(desired, expect(desired), observed, shape),
    connect: (target) => new NetconfSession(clientOf(target), read, limits.confirmSeconds),
    clientOf,
    simulated,
  };
}

const error = (code: string, summary: string, hint: string): Diagnostic => ({
  severity: 'error',
  code,
  summary,
  hint,
});

function checkNames({ rules: { lists, vlans } }: EnforcementState): Diagnostic[] {
  const wrongLists = lists.filter(({ name }) => !/^[A-Za-z0-9._-]{1,64}$/.test(name) || !name.startsWith(mark));
  const wrongVlans = vlans.filter((vlan) => !isXmlText(vlanName(vlan)) || vlan.name.trim() !== vlan.name);
  return [
    ...wrongLists.map(({ name }) =>
      error(
        'netconf-list-name',
        `list \`${name}\` has a name that a switch can't be given`,
        `names begin with \`${mark}\` and have 64 letters, digits, \`.\`, \`-\` and \`_\` at most`,
      ),
    ),
    ...wrongVlans.map(({ id, name }) =>
      error(
        'netconf-vlan-name',
        `VLAN ${id} has the name \`${name}\`, which XML can't carry`,
        'leave out control characters, and spaces at the ends',
      ),
    ),
  ];
}

function checkEntries({ rules: { lists } }: EnforcementState, model: ModelName): Diagnostic[] {
  return lists.flatMap(({ name, entries }) =>
    entries.flatMap((entry, i) => {
      const missing = missingWords(entry, model);
      return missing === null
        ? []
        : [
            error(
              'netconf-entry',
              `entry ${i + 1} of list \`${name}\` can't be said in \`${model}\`: ${missing}`,
              'change the policy so that no such entry is needed, or give the switch its ACL in the RADIUS reply',
            ),
          ];
    }),
  );
}

/** What the model has no words for; nothing is ever said more broadly instead. */
function missingWords(entry: AclEntry, model: ModelName): string | null {
  const { action, family, protocol, sourcePorts, destinationPorts, established } = entry;
  if (!isConsistentEntry(entry)) return 'its conditions do not fit together';
  if (model === 'ietf-acl') {
    if (protocol === protocols.sctp && (sourcePorts ?? destinationPorts)) return 'it names ports of SCTP';
    // How a switch takes the bits is not said; where it takes them narrowly, a deny would let through.
    return established && action === 'deny' ? 'it denies by TCP bits, which switches may read in two ways' : null;
  }
  if (protocol === 255) return 'protocol 255 is reserved';
  if (!isIcmpEntry(entry) || !destinationPorts) return null;
  const { first, last } = destinationPorts;
  for (let type = first; type <= last; type++)
    if (icmpTypeName(family, type) === null) return `it names type ${type} of ICMP, for which there is no word`;
  return null;
}
