import type { Diagnostic } from '#base';
import { driverFacts, type EnforcementState } from '#model';
import { parseAddress } from '#net';
import { checkParts } from '../check-parts.js';
import { TerminalFault, type Driver } from '../driver.js';
import { isPlainId } from './names.js';
import { parse } from './parse.js';
import { isIPv4 } from './parse-rule.js';
import { expectState, plan } from './plan.js';
import { render } from './render.js';
import { inexpressible } from './services.js';
import { NftablesSession } from './session.js';
import { SimulatedNft } from './simulated.js';
import { CommandTransport } from './transport.js';

const facts = { name: 'nftables', enforces: driverFacts.nftables.enforces() } as const;

export interface NftablesDriver extends Driver {
  /** The device behind the target `{ kind: 'simulated', name }`: made at first use, kept as long as this driver. */
  simulated(name: string): SimulatedNft;
}

/** Linux routers and firewalls: table `inet cordon`, hook forward. */
export function createNftablesDriver(): NftablesDriver {
  const devices = new Map<string, SimulatedNft>();
  const simulated = (name: string): SimulatedNft => {
    const device = devices.get(name) ?? new SimulatedNft();
    devices.set(name, device);
    return device;
  };
  return {
    ...facts,
    capabilities: { atomic: true, stateful: true, cutsConnections: true, watchesCandidates: true },
    check,
    render,
    parse,
    expect: expectState,
    plan,
    connect(target) {
      if (target.kind === 'simulated') return new NftablesSession(simulated(target.name));
      if (target.kind === 'ovsdb' || target.kind === 'kubernetes')
        throw new TerminalFault(`nftables is not reached by \`${target.kind}\``);
      return new NftablesSession(new CommandTransport(target));
    },
    simulated,
  };
}

function check(state: EnforcementState): Diagnostic[] {
  const { rules, membership } = state;
  const out = checkParts(facts, state, true);
  const error = (code: string, summary: string, hint: string): number =>
    out.push({ severity: 'error', code, summary, hint });
  for (const { id, line, services } of [...rules.entries, ...(rules.candidate ?? [])]) {
    if (!isPlainId(id))
      error(
        'nftables-line-id',
        `the line at ${line} has an id that nftables can't carry`,
        'ids have 1 to 64 digits, letters a-z and `-`',
      );
    for (const { protocol } of inexpressible(services))
      error(
        'nftables-service',
        `the line at ${line} names ports of IP protocol ${protocol}, which has none`,
        `write \`ip/${protocol}\` for the whole protocol`,
      );
  }
  for (const [name, addresses] of membership)
    for (const address of addresses)
      if (!isIPv4(address) && !parseAddress(address))
        error(
          'nftables-member',
          `\`${address}\` of class \`${name}\` is no address`,
          'members are single IPv4 or IPv6 addresses, not v4-mapped',
        );
  return out;
}
