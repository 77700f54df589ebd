import { describe, expect, it } from 'vitest';
import { samplesFor } from '../conformance-states.js';
import { createNetconfDriver } from './index.js';
import { namespaces } from './model.js';
import { netconfNamespace } from './xml.js';

const driver = createNetconfDriver({ model: 'openconfig' });
const { baseState, otherRules } = samplesFor(driver.enforces);
const vlansOnly = { ...baseState, rules: { ...baseState.rules, lists: [] } };
const there = (id: number, name: string, status = 'ACTIVE') =>
  driver.parse(
    `<data xmlns="${netconfNamespace}"><network-instances xmlns="${namespaces.networkInstance}"><network-instance><name>DEFAULT</name><vlans><vlan>` +
      `<vlan-id>${id}</vlan-id><config><vlan-id>${id}</vlan-id><name>${name}</name><status>${status}</status></config></vlan></vlans></network-instance></network-instances></data>`,
  );

describe('plan', () => {
  it('tells list by list and VLAN by VLAN what becomes of them', () => {
    const { steps, commands } = driver.plan(otherRules, driver.expect(baseState));
    expect(steps).toEqual([
      'add list cordon-quarantined-00000000000000aa',
      'remove list cordon-nothing-00000000000000ff',
      'remove list cordon-quarantined-fedcba9876543210',
      'add VLAN 998 as cordon-quarantine',
      'remove VLAN 999',
    ]);
    // an edit is the artefact, and what goes
    expect(driver.parse(commands).rulesFingerprint).toBe(driver.expect(otherRules).rulesFingerprint);
    expect(commands.match(/nc:operation="delete"/g)).toHaveLength(5);
  });

  it('leaves a VLAN that somebody else made as it is, and says so', () => {
    const { kind, steps, commands } = driver.plan(vlansOnly, there(210, 'Legacy pumps'));
    expect(kind).toBe('rules');
    expect(steps).toEqual([
      'add VLAN 999 as cordon-quarantine',
      "VLAN 210 is `Legacy pumps` there and stays so: it is not Cordon's",
    ]);
    expect(commands).not.toContain('cordon-pumps');
    expect(driver.parse(commands).vlans.get(210)).toMatchObject({ name: null });
  });

  it('has nothing to do where all VLANs are there already, whoever made them', () => {
    const one = { ...vlansOnly, rules: { ...vlansOnly.rules, vlans: [{ id: 210, name: 'pumps' }] } };
    expect(driver.plan(one, there(210, 'Legacy pumps')).kind).toBe('none');
    expect(driver.plan(one, there(210, 'cordon-pumps')).kind).toBe('none');
    expect(driver.plan(one, there(210, 'cordon-other')).steps).toEqual([
      'put VLAN 210 right, which is not as rendered',
    ]);
  });

  it('does not take a VLAN away that somebody else made, and does not content itself with one that does not work', () => {
    const none = { ...vlansOnly, rules: { ...vlansOnly.rules, vlans: [] } };
    expect(driver.plan(none, there(210, 'Legacy pumps')).kind).toBe('none');
    expect(driver.plan(none, there(210, 'cordon-pumps')).steps).toEqual(['remove VLAN 210']);
    const { steps, commands } = driver.plan(vlansOnly, there(210, 'Legacy pumps', 'SUSPENDED'));
    expect(steps).toContain(
      "VLAN 210 is `Legacy pumps` there and not active: it is not Cordon's, so make it active or take it away",
    );
    // the switch will refuse that, because it is there
    expect(commands).toMatch(/<vlan nc:operation="create">\s*<vlan-id>210</);
  });
});
