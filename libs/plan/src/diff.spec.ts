import { compilePolicy, decideFlow, loadPolicy, type Snapshot } from '#policy';
import { policyFiles } from '#testkit';
import { parseAddress, parseRange, parseService, portOf, protocolOf } from '#net';
import { describe, expect, it } from 'vitest';
import { diffSnapshots, isEmptyDiff, type FlowChange } from './diff.js';

const at = new Date('2026-11-23T12:00:00Z');

function compile(parts: Record<string, string | null> = {}): Snapshot {
  const policy = loadPolicy(policyFiles(parts));
  if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
  const snapshot = compilePolicy(policy.value, at);
  if (!snapshot.ok) throw new Error(JSON.stringify(snapshot.diagnostics));
  return snapshot.value;
}

const extra = (lines: string): Snapshot => compile({ 'rules/plan.csv': lines });

describe('the difference of two snapshots', () => {
  it('is empty for the same policy, also with other notes, comments and order', () => {
    expect(isEmptyDiff(diffSnapshots(compile(), compile()))).toBe(true);
    const rule = 'p, infusion-pump, library-1, tcp-extra, allow, always';
    const files = { 'catalog/applications-x.yaml': 'tcp-extra: { ports: [tcp/8443] }' };
    const a = compile({ ...files, 'rules/plan.csv': `${rule}, "one note"` });
    const b = compile({ ...files, 'rules/plan.csv': `# a comment\n${rule}, "another"` });
    expect(a.digest).not.toBe(b.digest);
    expect(isEmptyDiff(diffSnapshots(a, b))).toBe(true);
  });

  it('names what a rule opens, and the reverse closes', () => {
    const before = compile();
    const after = extra('p, device, library-1, any, allow, always, x');
    const opened = diffSnapshots(before, after);
    const closed = diffSnapshots(after, before);
    expect(opened.flows.length).toBeGreaterThan(0);
    expect(opened.flows.every(({ change }) => change === 'opened')).toBe(true);
    const reversed = closed.flows.map((flow) => ({ ...flow, change: flow.change === 'closed' ? 'opened' : 'closed' }));
    expect(reversed).toEqual(opened.flows);
  });

  it('is exact: every packet of a change is decided differently, as it says', () => {
    const before = extra('p, device, library-1, any, allow, always, x');
    const after = extra(
      'p, device, library-1, any, allow, always, x\np, infusion-pump, library-1, https, deny, always, x',
    );
    const { flows } = diffSnapshots(before, after);
    expect(flows.length).toBeGreaterThan(0);
    for (const flow of flows) {
      for (const packet of packetsOf(flow)) {
        const [was, is] = [decideFlow(before, packet).verdict, decideFlow(after, packet).verdict];
        expect([was, is]).toEqual(flow.change === 'closed' ? ['allow', 'deny'] : ['deny', 'allow']);
      }
    }
  });

  it('shows devices that move, with segment and VLAN before and after', () => {
    const before = compile();
    const grant = before.accessTable.find(({ posture }) => posture === 'unverified')!;
    const renamed = [...policyFiles()].map(([file, text]): [string, string] => [
      file,
      text.replaceAll(`vlan: ${grant.vlan},`, 'vlan: 3999,'),
    ]);
    const { access } = diffSnapshots(before, compile(Object.fromEntries(renamed)));
    expect(access).toContainEqual(
      expect.objectContaining({
        class: grant.class,
        before: expect.objectContaining({ vlan: grant.vlan }),
        after: expect.objectContaining({ segment: grant.segment, vlan: 3999 }),
      }),
    );
  });
});

function packetsOf({ class: device, direction, addresses, services }: FlowChange) {
  return addresses.flatMap((text) =>
    services.split(', ').map((name) => {
      const range = parseRange(text) ?? { family: 4 as const, first: parseAddress(text)!.value };
      const key = parseService(name)!.first;
      const far = { address: { family: range.family, value: range.first } };
      const near = { class: device };
      const [source, destination] = direction === 'outbound' ? [near, far] : [far, near];
      return { source, destination, protocol: protocolOf(key), port: portOf(key) };
    }),
  );
}
