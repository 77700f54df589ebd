import { noProvenance, type Snapshot } from '#policy';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import type { FlowTotal } from '../flows/flow-store.js';
import { evaluatePolicy } from '../policy/evaluate.js';
import { CandidateReporter, type CandidateFinding } from './candidate-report.js';

const noon = new Date('2026-11-23T11:00:00Z');
function compiled(parts: Record<string, string>, isCandidate = false): Snapshot {
  const evaluated = evaluatePolicy(policyFiles(parts), noon, noProvenance, new Map(), isCandidate);
  if (!evaluated.ok) throw new Error(JSON.stringify(evaluated.diagnostics));
  return evaluated.value.snapshot;
}
const flow = (change: Partial<FlowTotal> = {}): FlowTotal => ({
  point: 'fw1',
  role: 'infusion-pump',
  destination: '10.10.4.20',
  protocol: 6,
  port: 443,
  answered: 'unknown',
  firstAt: '2026-11-22T10:00:00.000Z',
  lastAt: '2026-11-22T11:00:00.000Z',
  packets: 7,
  connections: 3,
  sources: [{ address: '10.21.0.5', mac: null, connections: 3 }],
  ...change,
});

const inForce = compiled({});
const lines = {
  'audit/x.csv':
    'p, infusion-pump, library-1, https, deny, always, no longer\np, medical-device, remediation, https, allow, always, for updates\n',
};
const candidate = compiled(lines, true);

function findings(seen: readonly FlowTotal[], denied: readonly FlowTotal[]): readonly CandidateFinding[] {
  const reporter = new CandidateReporter({ inForce, candidate, classAt: () => null });
  for (const total of seen) reporter.take('seen', total);
  for (const total of denied) reporter.take('denied', total);
  return reporter.report().findings;
}

describe('the report of a candidate', () => {
  it('says what would break of what passed, by which lines of either policy', () => {
    expect(findings([flow()], [])).toEqual([
      {
        change: 'would-break',
        class: 'infusion-pump',
        criticality: 'life-critical',
        destination: 'library-1',
        addresses: ['10.10.4.20'],
        application: 'https',
        services: ['tcp/443'],
        packets: 7,
        connections: 3,
        devices: 1,
        sources: [{ address: '10.21.0.5', mac: null }],
        firstAt: '2026-11-22T10:00:00.000Z',
        lastAt: '2026-11-22T11:00:00.000Z',
        seenAt: ['fw1'],
        inForce: expect.objectContaining({
          verdict: 'allow',
          rules: [expect.objectContaining({ file: 'rules/flows.csv', line: 2 })],
        }),
        candidate: expect.objectContaining({
          verdict: 'deny',
          rules: [expect.objectContaining({ file: 'audit/x.csv', line: 1 })],
        }),
      },
    ]);
  });

  it('says what would be allowed of what was denied', () => {
    expect(findings([], [flow({ destination: '10.10.9.9' })])).toMatchObject([
      { change: 'would-allow', destination: 'remediation', candidate: { rules: [{ file: 'audit/x.csv', line: 2 }] } },
    ]);
  });

  it('says nothing of what both policies say the same of, or of what was told the other way round', () => {
    const other = flow({ port: 8080 });
    const [broken, allowed] = [flow(), flow({ destination: '10.10.9.9' })];
    expect(findings([other, allowed], [other, broken])).toEqual([]);
  });

  it('adds up flows of a class, a destination and an application, over points and hours', () => {
    const [found, ...more] = findings(
      [
        flow(),
        flow({ point: 'core', firstAt: '2026-11-20T10:00:00.000Z', destination: 'fd10:4::20' }),
        flow({ sources: [{ address: '10.21.0.6', mac: null, connections: 1 }], connections: 1, packets: 1 }),
      ],
      [],
    );
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      packets: 15,
      connections: 7,
      devices: 2,
      firstAt: '2026-11-20T10:00:00.000Z',
      seenAt: ['core', 'fw1'],
      addresses: ['10.10.4.20', 'fd10:4::20'],
    });
  });

  it('has the life-critical first, whatever the number of connections', () => {
    const many = flow({ role: 'medical-device', destination: '10.10.9.9', connections: 900 });
    expect(findings([flow({ connections: 1 })], [many]).map(({ criticality }) => criticality)).toEqual([
      'life-critical',
      'high',
    ]);
  });

  it('counts what can not be asked, and says nothing of it', () => {
    const reporter = new CandidateReporter({ inForce, candidate, classAt: () => null });
    reporter.take('seen', flow({ destination: '' }));
    reporter.take('seen', flow({ sources: [] }));
    expect(reporter.report()).toEqual({ findings: [], asked: { denied: 0, seen: 2, unclear: 2 } });
  });

  it('takes a device at the destination for what it counts as', () => {
    const asDevice = new CandidateReporter({ inForce, candidate, classAt: () => 'infusion-pump' });
    asDevice.take('seen', flow());
    expect(asDevice.report().findings).toMatchObject([{ destination: 'infusion-pump' }]);
  });
});
