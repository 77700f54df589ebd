import { remembered, type Diagnostic } from '#base';
import { driverFacts, type EnforcementRules, type EnforcementState } from '#model';
import { parseAddress } from '#net';
import { checkParts } from '../check-parts.js';
import { TerminalFault, type Driver, type DriverOptions } from '../driver.js';
import { layoutOf, type Layout } from './layout.js';
import { parse } from './parse.js';
import { OpenvswitchPlanner } from './plan.js';
import { render, ruleFlows } from './render.js';
import { inexpressible } from './services.js';
import { OpenvswitchSession } from './session.js';
import { SimulatedOvs } from './simulated.js';
import { OvsTransport } from './transport.js';

/** Long enough for a bridge of 100,000 members over a slow line; a switch that needs more is not answering. */
const usualTimeout = 30_000;
/** A flow of OpenFlow has 64 KiB, and each conjunction of a clause takes 16 bytes. */
const mostConjunctions = 4000;

export interface OpenvswitchDriver extends Driver {
  /** The bridge behind the target `{ kind: 'simulated', name }`: made at first use, kept as long as this driver. */
  simulated(name: string): SimulatedOvs;
}

/** Switches and gateways that forward in Open vSwitch: flows of one bridge, and VLANs of its ports. */
export function createOpenvswitchDriver(
  options: DriverOptions,
  timeoutMilliseconds: number = usualTimeout,
): OpenvswitchDriver {
  const layout = layoutOf(options);
  const facts = { name: 'openvswitch', enforces: driverFacts.openvswitch.enforces(options) } as const;
  const planner = new OpenvswitchPlanner(layout);
  const devices = new Map<string, SimulatedOvs>();
  const simulated = (name: string): SimulatedOvs => {
    const device = devices.get(name) ?? new SimulatedOvs();
    devices.set(name, device);
    return device;
  };
  return {
    ...facts,
    // Flows are one transaction and ports another; each is whole or nothing.
    capabilities: { atomic: false, stateful: true, cutsConnections: false, watchesCandidates: false },
    check: (state) => [...checkParts(facts, state), ...check(layout, state)],
    render: (state) => render(layout, state),
    parse: (text) => parse(layout, text),
    expect: (state) => planner.expect(state),
    plan: (desired, observed) => planner.plan(desired, observed),
    connect(target) {
      if (layout.bridge === '') throw new TerminalFault('the point does not say which bridge: set option `bridge`');
      if (target.kind === 'simulated') return new OpenvswitchSession(layout, simulated(target.name));
      if (target.kind !== 'ovsdb') throw new TerminalFault(`openvswitch is not reached by \`${target.kind}\``);
      return new OpenvswitchSession(layout, new OvsTransport(target, layout.bridge, timeoutMilliseconds));
    },
    simulated,
  };
}

function check(layout: Layout, state: EnforcementState): Diagnostic[] {
  const { rules, membership, ports } = state;
  const out: Diagnostic[] = [];
  const error = (code: string, summary: string, hint: string): number =>
    out.push({ severity: 'error', code, summary, hint });
  for (const { id, line, services } of rules.entries) {
    if (!/^[0-9a-f]{12}$/.test(id))
      error(
        'openvswitch-line-id',
        `the line at ${line} has an id that no cookie of a flow can carry`,
        'ids have 12 hex digits',
      );
    for (const { protocol } of inexpressible(services))
      error(
        'openvswitch-service',
        `the line at ${line} names ports of IP protocol ${protocol}, which has none`,
        `write \`ip/${protocol}\` for the whole protocol`,
      );
  }
  for (const [name, addresses] of membership)
    for (const address of addresses)
      if (!parseAddress(address))
        error(
          'openvswitch-member',
          `\`${address}\` of class \`${name}\` is no address`,
          'members are single IPv4 or IPv6 addresses, not v4-mapped',
        );
  for (const [port, vlan] of ports)
    if (!(vlan >= 1 && vlan <= 4094))
      error('openvswitch-vlan', `port \`${port}\` can't be in VLAN ${vlan}`, 'VLANs have numbers from 1 to 4094');
  if (isCrowded(layout, rules))
    error(
      'openvswitch-too-many-lines',
      `more than ${mostConjunctions} lines share an end or a service, which is more than one flow can name`,
      'write lines for groups instead of their members',
    );
  return out;
}

const crowded = new WeakMap<EnforcementRules, boolean>();
const isCrowded = (layout: Layout, rules: EnforcementRules): boolean =>
  remembered(crowded, rules, () => ruleFlows(layout, rules).some(({ actions }) => actions.length > mostConjunctions));
