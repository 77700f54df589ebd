import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadPolicy } from '#policy';
import { readPolicyFolder } from '../policy-files.js';
import { importCapircaFiles, type ImportCapircaOptions } from './import-capirca.js';

const folder = mkdtempSync(join(tmpdir(), 'cordon-capirca-'));
const policy = join(folder, 'policies');
const pol = join(folder, 'capirca/pol/edge.pol');
const options: ImportCapircaOptions = {
  pol: [pol],
  def: join(folder, 'def'),
  policy,
  filter: [],
  class: ['PUMPS=infusion-pump'],
  skip: [],
  at: '2026-11-23T11:00:00Z',
};
let written: string[];

beforeAll(() => {
  cpSync(join(import.meta.dirname, '../../../../policies'), policy, { recursive: true });
  for (const name of ['capirca/pol', 'capirca/inc', 'def', 'bare']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(
    join(folder, 'def/a.net'),
    'PUMPS = 10.21.0.0/20 FD21:0:0:1::/64\nHISTORIAN = 10.10.7.7 FD10:7::7\nLAB = 10.24.0.0/24\n',
  );
  writeFileSync(join(folder, 'def/a.svc'), 'HISTORY = 9443/tcp\n');
  writeFileSync(
    pol,
    `header {
  target:: juniper edge mixed
}
#include 'inc/history.inc'
term lab {
  source-address:: LAB
  destination-address:: HISTORIAN
  action:: accept
}
term last { action:: deny }
`,
  );
  writeFileSync(
    join(folder, 'capirca/inc/history.inc'),
    `term history {
  comment:: "pumps tell what they gave"
  source-address:: PUMPS
  destination-address:: HISTORIAN
  protocol:: tcp
  destination-port:: HISTORY
  expiration:: 2027-04-01
  action:: accept
}
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  written = [];
  const catchText = (text: unknown): boolean => written.push(String(text)) > 0;
  const caught = vi.spyOn(process.stdout, 'write').mockImplementation(catchText);
  return () => caught.mockRestore();
});

const said = (): string => written.join('');

describe('cordon import capirca', () => {
  it('shows what it would add, and why a term is left out', () => {
    expect(importCapircaFiles(options)).toBe(2);
    expect(said()).toMatch(
      /^\+p, infusion-pump, historian, history, allow, until 2027-03-31, "\S*history\.inc:1 edge\/history: pumps/m,
    );
    expect(said()).toContain('+historian: { addresses: ["10.10.7.7", "fd10:7::7"], description: "HISTORIAN" }');
    expect(said()).toMatch(/edge\.pol:5:1: warning capirca-covers-devices: `edge` `lab`: /);
    expect(said()).toContain('proved: the rules allow no packet that the terms do not');
    expect(said()).toContain('nothing is written');
  });

  it('gives the same as JSON, and 0 when nothing is left out', () => {
    expect(importCapircaFiles({ ...options, skip: ['lab'], json: true })).toBe(0);
    expect(JSON.parse(said())).toMatchObject({
      ok: true,
      name: 'edge',
      written: false,
      filters: [{ name: 'edge', terms: 2 }],
      rules: [{ subject: 'infusion-pump', object: 'historian', terms: [{ term: 'history', line: 1 }] }],
      leftOut: [],
    });
  });

  it('writes files that load, and never overwrites them', () => {
    const copy = join(folder, 'copy');
    cpSync(policy, copy, { recursive: true });
    const here = { ...options, policy: copy, out: copy };
    expect(importCapircaFiles(here)).toBe(2);
    const rules = readFileSync(join(copy, 'rules/capirca-edge.csv'), 'utf8');
    const loaded = loadPolicy(readPolicyFolder(copy));
    expect(loaded.ok && loaded.value.flowRules.filter(({ object }) => object === 'historian')).toHaveLength(1);
    expect(() => importCapircaFiles(here)).toThrow('the import is refused');
    expect(readFileSync(join(copy, 'rules/capirca-edge.csv'), 'utf8')).toBe(rules);
  });

  it.each<[string, Partial<ImportCapircaOptions>, string]>([
    ['no folder of definitions', { def: join(folder, 'nowhere') }, 'is no folder'],
    ['a folder without definitions', { def: join(folder, 'bare') }, 'holds no .net and no .svc files'],
    ['a policy that is not there', { pol: [join(folder, 'nowhere.pol')] }, "can't be read (ENOENT)"],
    ['an IP version that there is not', { ip: '5' }, '--ip: `5` is not one of 4, 6, both'],
    ['a pair that is none', { class: ['PUMPS'] }, 'KEY=NAME'],
    ['a folder that is no policy', { out: join(folder, 'bare') }, 'is no policy folder'],
  ])('is refused with %s', (_, wrong, message) => {
    expect(() => importCapircaFiles({ ...options, ...wrong })).toThrow(message);
  });
});
