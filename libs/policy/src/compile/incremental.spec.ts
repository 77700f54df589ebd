import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeSnapshot } from '../codec/encode.js';
import { loadPolicy, PolicyLoader } from '../load/load.js';
import { policyFiles } from '../spec/generated.js';
import { sampleFiles, sampleInstant } from '../spec/sample.js';
import { compilePolicy, PolicyCompiler } from './compile.js';

type Files = ReadonlyMap<string, string>;
const instants = [new Date('2026-11-23T12:00:00Z'), new Date('2031-01-01T00:00:00Z')];

/** A loader and a compiler that have seen other versions before, beside new ones. */
class Pair {
  private readonly loader = new PolicyLoader();
  private readonly compiler = new PolicyCompiler();

  expectSame(files: Files, at: Date): void {
    const fresh = loadPolicy(files);
    const again = this.loader.load(files);
    expect(again.diagnostics).toEqual(fresh.diagnostics);
    expect(again.ok).toBe(fresh.ok);
    if (!fresh.ok || !again.ok) return;
    const expected = compilePolicy(fresh.value, at);
    const found = this.compiler.compile(again.value, at);
    expect(found.diagnostics).toEqual(expected.diagnostics);
    expect(found.ok).toBe(expected.ok);
    if (expected.ok && found.ok) expect(encodeSnapshot(found.value)).toEqual(encodeSnapshot(expected.value));
  }
}

const edited = (files: Files, file: string, edit: (lines: string[]) => string[]): Files =>
  new Map([...files, [file, edit(files.get(file)!.split('\n')).join('\n')]]);

describe('a compiler that has compiled other versions before gives what a new one gives', () => {
  it('for any two policies after one another, and the first again', () => {
    fc.assert(
      fc.property(policyFiles, policyFiles, fc.constantFrom(...instants), (one, two, at) => {
        const pair = new Pair();
        for (const files of [one, two, one]) pair.expectSame(files, at);
      }),
      { numRuns: 60 },
    );
  });

  it('for files taken from one policy and put into another', () => {
    fc.assert(
      fc.property(policyFiles, policyFiles, fc.array(fc.nat(), { maxLength: 4 }), (one, two, picks) => {
        const pair = new Pair();
        let files: Files = one;
        pair.expectSame(files, instants[0]!);
        for (const pick of picks) {
          const name = [...two.keys()][pick % two.size]!;
          files = new Map([...files, [name, two.get(name)!]]);
          pair.expectSame(files, instants[0]!);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('tells an error again as long as it is there', () => {
    const pair = new Pair();
    const wrong = edited(sampleFiles(), 'rules/flows-it.csv', (lines) => [
      ...lines,
      'p, nobody, pacs, dicom, allow, always, "edit"',
    ]);
    expect(loadPolicy(wrong).ok).toBe(false);
    for (const files of [sampleFiles(), wrong, edited(wrong, 'rules/access.csv', (lines) => [...lines, '# more'])])
      pair.expectSame(files, sampleInstant);
  });

  const rule = 'p, infusion-pump, pacs, tcp-scan, allow, always, "edit"';
  it.each<[string, (files: Files) => Files]>([
    ['a rule added at the top', (files) => edited(files, 'rules/flows-medical.csv', (lines) => [rule, ...lines])],
    ['a rule added at the end', (files) => edited(files, 'rules/flows-medical.csv', (lines) => [...lines, rule, ''])],
    ['all lines moved', (files) => edited(files, 'rules/flows-medical.csv', (lines) => ['# moved', ...lines])],
    ['rules in the opposite order', (files) => edited(files, 'rules/flows-it.csv', (lines) => lines.reverse())],
    [
      'an access rule gone',
      (files) => edited(files, 'rules/access.csv', (lines) => lines.filter((line) => !line.includes('CHG-1053'))),
    ],
    [
      'a membership gone',
      (files) =>
        edited(files, 'rules/membership.csv', (lines) => lines.filter((line) => !line.startsWith('g, ct-scanner'))),
    ],
    [
      'an endpoint with another address',
      (files) =>
        edited(files, 'catalog/endpoints.yaml', (lines) =>
          lines.map((line) => line.replace('10.10.0.10,', '10.10.0.99,')),
        ),
    ],
    [
      'a port more',
      (files) =>
        edited(files, 'catalog/applications.yaml', (lines) =>
          lines.map((line) => line.replace('ports: [tcp/2575]', 'ports: [tcp/2575, tcp/2576]')),
        ),
    ],
    [
      'a switch with a smaller budget',
      (files) =>
        edited(files, 'network/nas.yaml', (lines) =>
          lines.map((line) => line.replace('aclEntries: 64', 'aclEntries: 12')),
        ),
    ],
    [
      'an error',
      (files) =>
        edited(files, 'rules/flows-lab.csv', (lines) => [...lines, 'p, nobody, pacs, https, allow, always, "x"']),
    ],
    ['a file less', (files) => new Map([...files].filter(([name]) => name !== 'rules/flows-building.csv'))],
  ])('for the sample hospital with %s, and without it again', (_, edit) => {
    const pair = new Pair();
    const files = sampleFiles();
    expect([...edit(files)]).not.toEqual([...files]);
    for (const version of [files, edit(files), files]) pair.expectSame(version, sampleInstant);
  });

  it('for the sample hospital at other hours, and at the first again', () => {
    const pair = new Pair();
    const files = sampleFiles();
    const night = new Date('2026-11-22T03:00:00Z');
    const years = new Date('2031-01-01T00:00:00Z');
    for (const at of [sampleInstant, night, years, sampleInstant]) pair.expectSame(files, at);
  });

  it('and keeps what an edit does not touch', () => {
    const loader = new PolicyLoader();
    const compiler = new PolicyCompiler();
    const compile = (files: Files) => {
      const policy = loader.load(files);
      const snapshot = policy.ok && compiler.compile(policy.value, sampleInstant);
      if (!snapshot || !snapshot.ok) throw new Error('the sample hospital is refused');
      return snapshot.value;
    };
    const files = sampleFiles();
    const before = compile(files);
    const after = compile(edited(files, 'rules/flows-medical.csv', (lines) => [...lines, rule]));
    expect(after.endpoints).toBe(before.endpoints);
    expect(after.accessTable).toBe(before.accessTable);
    expect(after.portAcls['workstation']).toBe(before.portAcls['workstation']);
    expect(after.flows['workstation']?.outbound).toBe(before.flows['workstation']?.outbound);
    expect(after.flows['infusion-pump']?.outbound).not.toBe(before.flows['infusion-pump']?.outbound);
    expect(after.digest).not.toBe(before.digest);
  });
});
