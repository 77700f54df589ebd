import { describe, expect, it } from 'vitest';
import { noRules, type EnforcementState, type FlowEntry, type FlowSide } from '#model';
import { addressSet, families, type Address } from '#net';
import { at } from '../conformance-states.js';
import type { Packet } from '../invariant.js';
import { top } from '../random-states.js';
import { describeRandomStates } from '../spec/random-states.js';
import { evaluate, judgeByFlows, tablesOf, type BridgePacket } from './evaluate.js';
import { createOpenvswitchDriver } from './index.js';
import { parseArtefact } from './parse.js';

const driver = createOpenvswitchDriver({ bridge: 'br0' });

describe('openvswitch semantics', () => {
  describeRandomStates(driver, judgeByFlows);

  const opening: Packet = {
    source: { family: 4, value: 0x0a14_0001n },
    destination: { family: 4, value: 0x0a0a_0002n },
    protocol: 6,
    port: 443,
  };
  const side = ({ value }: Address): FlowSide => ({
    kind: 'addresses',
    addresses: addressSet([{ family: 4, first: value, last: value }]),
  });
  const open: EnforcementState = {
    rules: { ...noRules, scope: addressSet([{ family: 4, first: 0x0a14_0000n, last: 0x0a14_00ffn }]) },
    membership: new Map(),
    ports: new Map(),
  };
  const line: FlowEntry = {
    id: '00000000000a',
    action: 'allow',
    source: side(opening.source),
    destination: side(opening.destination),
    services: [{ first: 6 * 65_536 + 443, last: 6 * 65_536 + 443 }],
    line: 'rules/flows.csv:1',
  };
  const back: Packet = {
    ...opening,
    source: opening.destination,
    destination: opening.source,
    port: 49_152,
    isReply: true,
  };
  const error = { ...back, protocol: 1, port: 3, state: 'related' } as const;
  it.each<[string, BridgePacket, ifOpen: string, ifClosed: string]>([
    ['the opening', opening, 'passed', 'dropped'],
    ['a later packet of the opener', { ...opening, state: 'established', opening }, 'passed', 'dropped'],
    ['a reply', { ...back, state: 'established', opening }, 'passed', 'dropped'],
    ['an ICMP error about a connection', { ...error, opening }, 'passed', 'dropped'],
    [
      'an ICMP error about a reply',
      { ...opening, protocol: 1, port: 3, state: 'related', opening },
      'passed',
      'dropped',
    ],
    ['what opens the other way round', { ...back, isReply: false, port: 443 }, 'dropped', 'dropped'],
    ['a connection that a helper expects', { ...opening, state: 'related' }, 'dropped', 'dropped'],
    ['what belongs to no connection', { ...opening, state: 'invalid' }, 'dropped', 'dropped'],
  ])('judges %s by how its connection was opened', (_, packet, ifOpen, ifClosed) => {
    const judge = (entries: FlowEntry[]): string =>
      evaluate(tablesOf(parseArtefact(driver.render({ ...open, rules: { ...open.rules, entries } }))), packet).verdict;
    expect([judge([line]), judge([])]).toEqual([ifOpen, ifClosed]);
  });

  const v6 = (value: bigint): Address => ({ family: 6, value });
  const solicitation = {
    source: v6(0x0a14_0001n),
    destination: v6(0x0a14_0002n),
    protocol: 58,
    port: 135,
    hopLimit: 255,
  };
  const answer = { source: opening.source, destination: at('255.255.255.255'), protocol: 17, port: 68, sourcePort: 67 };
  it.each<[string, BridgePacket, string]>([
    ['neighbour discovery', solicitation, 'untouched'],
    ['what claims to be it from beyond a router', { ...solicitation, hopLimit: 254 }, 'dropped'],
    ['an echo from the link', { ...solicitation, port: 128 }, 'dropped'],
    ['a DHCP answer of the link', answer, 'untouched'],
    ['a DHCP answer from elsewhere', { ...answer, source: at('10.10.0.1'), destination: opening.source }, 'dropped'],
    ['other UDP to the port of DHCP clients', { ...answer, sourcePort: 53 }, 'dropped'],
  ])('leaves to the link what is the link’s: %s', (_, packet, verdict) => {
    const scope = addressSet([
      { family: 4, first: 0x0a14_0000n, last: 0x0a14_00ffn },
      { family: 6, first: 0x0a14_0000n, last: 0x0a14_00ffn },
    ]);
    const text = driver.render({ ...open, rules: { ...open.rules, scope } });
    expect(evaluate(tablesOf(parseArtefact(text)), packet).verdict).toBe(verdict);
  });

  it.each(families)('filters every address of IPv%i when all are in scope', (of) => {
    const scope = addressSet([{ family: of, first: 0n, last: top[of] }]);
    const judge = judgeByFlows(driver.render({ ...open, rules: { ...open.rules, scope } }));
    const middle = top[of] >> 1n;
    for (const value of [0n, middle, middle + 1n, top[of]]) {
      const address = { family: of, value };
      expect(judge({ source: address, destination: address, protocol: 6, port: 443 })).toBe('dropped');
    }
  });
});
