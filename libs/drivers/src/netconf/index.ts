import type { Diagnostic } from '#base';
import { driverFacts, type EnforcementRules, type EnforcementState } from '#model';
import { isConsistentEntry, isIcmpEntry, protocols, type AclEntry } from '#net';
import { checkParts } from '../check-parts.js';
import { TerminalFault, type Driver, type DriverOptions, type EnforcementTarget } from '../driver.js';
import { NetconfClient, type ClientLimits } from './client.js';
import { readMeaning } from './meaning.js';
import { checkListEntries, checkListNames } from '../lists.js';
import type { OpenChannel } from '../transport-ssh.js';
import type { ModelName, ObservedSwitch } from './model.js';
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

/** Of names of lists: as the makes have it that have a limit. */
const longestName = 64;
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
    capabilities: { atomic: true, stateful: false, cutsConnections: false, watchesCandidates: false },
    check: (state) => [
      ...checkParts(facts, state),
      ...checkListNames(facts.name, state.rules.lists, longestName),
      ...checkVlanNames(state),
      ...checkListEntries(facts.name, state.rules.lists, model, (entry) => missingWords(entry, model)),
    ],
    render: (state) => render(state, shape),
    parse: read,
    expect,
    plan: (desired, observed: ObservedSwitch | null) => plan(desired, expect(desired), observed, shape),
    meaningOf: (observed: ObservedSwitch) => ({
      list: (name) => readMeaning(observed, name),
      vlans: observed.vlans,
    }),
    connect: (target) => new NetconfSession(clientOf(target), read, limits.confirmSeconds),
    clientOf,
    simulated,
  };
}

function checkVlanNames({ rules: { vlans } }: EnforcementState): Diagnostic[] {
  const wrong = vlans.filter((vlan) => !isXmlText(vlanName(vlan)) || vlan.name.trim() !== vlan.name);
  return wrong.map(({ id, name }) => ({
    severity: 'error',
    code: 'netconf-vlan-name',
    summary: `VLAN ${id} has the name \`${name}\`, which XML can't carry`,
    hint: 'leave out control characters, and spaces at the ends',
  }));
}

/** What the model has no words for. */
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
