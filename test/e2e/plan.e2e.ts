import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const bin = join(root, 'bin/cordon.js');
let folder: string;

/** A Tuesday, 13:30 at every site. */
const at = ['--at', '2026-11-24T12:30:00Z'];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-plan-'));
  cpSync(join(root, 'policies'), join(folder, 'policies'), { recursive: true });
  writeFileSync(join(folder, 'devices.csv'), inventory);
  writeFileSync(join(folder, 'flows.csv'), flows);
  // The example of docs/reading-a-plan.md: the pump gateway is closed, all modalities may reach their vendors.
  edit('edited', 'rules/flows-medical.csv', (text) => text.replace(/^p, infusion-pump, pump-gateway, https.*\n/m, ''));
  edit(
    'edited',
    'rules/flows-imaging.csv',
    (text) => `${text}p, imaging, vendor-support, https, allow, always, "CHG-1301"\n`,
  );
  edit('broken', 'rules/flows-medical.csv', (text) => text.replace(/^p, infusion-pump, drug-library, https.*\n/m, ''));
  edit('refused', 'rules/flows-medical.csv', (text) => `${text}p, nobody, ehr, https, allow, always, x\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const inventory = `mac,class,site,nas,posture,ip
00:03:b1:4a:10:21,infusion-pump,main,main-idf3-sw1,verified,10.21.0.7
00:03:b1:4a:10:22,infusion-pump,main,main-idf3-sw1,verified,10.21.0.8;fd21::8
00:03:b1:4a:10:23,syringe-pump,main,main-idf2-sw1,unverified,
00:03:b1:4a:10:24,x-ray,main,main-idf2-sw1,verified,
`;
const flows = `first,last,source,destination,protocol,port,packets,bytes
2026-11-01T08:00:00Z,2026-11-01T08:00:10Z,10.21.0.7,10.10.4.30,tcp,443,12,3000
2026-11-20T08:00:00Z,2026-11-20T08:00:10Z,10.21.0.8,10.10.4.30,tcp,443,12,3000
`;

function edit(name: string, file: string, change: (text: string) => string): void {
  cpSync(join(folder, 'policies'), join(folder, name), { recursive: true, force: false });
  const path = join(folder, name, file);
  const text = readFileSync(path, 'utf8');
  const changed = change(text);
  if (changed === text) throw new Error(`${file} does not change`);
  writeFileSync(path, changed);
}

function plan(to: string, ...args: string[]): { code: number | null; out: string; err: string } {
  const all = [bin, 'plan', '--from', 'policies', '--to', to, ...at, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { cwd: folder, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

const all = ['--inventory', 'devices.csv', '--flows', 'flows.csv'];

describe('cordon plan', () => {
  it('is 0 without a change, and says so', () => {
    const { code, out } = plan('policies', ...all);
    expect(code).toBe(0);
    expect(out).toContain('no difference: both are the same policy');
  });

  it('is 1 when a test of the new policy is broken, and still plans', () => {
    const { code, out } = plan('broken', ...all, '--json');
    expect(code).toBe(1);
    const { tests, flows, coa } = JSON.parse(out);
    expect(tests.newlyBroken.map(({ name }: { name: string }) => name)).toContain('pump loads its drug library');
    expect(flows[0]).toMatchObject({
      change: 'closed',
      destination: { text: 'drug-library' },
      services: { text: 'https' },
    });
    expect(coa.total).toBe(3);
  });

  it('is 1 with the diagnostics when a policy does not load, in every format', () => {
    for (const format of ['human', 'json', 'markdown', 'sarif', 'junit']) {
      const { code, out } = plan('refused', '--format', format);
      expect([format, code]).toEqual([format, 1]);
      expect(out).toContain('unknown-name');
    }
  });

  it('prints the same bytes each time, in a pipe without colour', () => {
    const [a, b] = [plan('edited', ...all), plan('edited', ...all)];
    expect(a).toEqual(b);
    expect(a.out).not.toContain('\u001B');
    expect(Math.max(...a.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it('for people names what closes, the line that does it, who uses it and which messages go out', () => {
    const { code, out } = plan('edited', ...all);
    expect(code).toBe(1);
    expect(out).toMatch(/- high +infusion-pump -> pump-gateway: https/);
    expect(out).toContain('closes what is in use: 2 connections of 2 devices were seen');
    expect(out).toMatch(/- rules\/flows-medical\.csv:\d+ {2}p, infusion-pump, pump-gateway, https/);
    expect(out).toContain('- Cisco-AVPair = ip:inacl#4=permit tcp any host 10.10.4.30 eq 443');
    expect(out).toMatch(/2 {2}main-idf3-sw1, 2 life-critical/);
  });

  it('as JSON has the documented shape', () => {
    const value = JSON.parse(plan('edited', ...all, '--format', 'json').out);
    expect(Object.keys(value)).toEqual([
      'format',
      'at',
      'from',
      'to',
      'changed',
      'summary',
      'tests',
      'access',
      'flows',
      'dormant',
      'audit',
      'observed',
      'budgets',
      'network',
      'coa',
      'findings',
      'concerns',
    ]);
    expect(value).toMatchObject({
      format: 1,
      at: '2026-11-24T12:30:00.000Z',
      changed: true,
      summary: {
        devices: { total: 4, changed: 4, unplaced: 0 },
        seenFlowsBroken: { flows: 1, devices: 2 },
        coa: { 'life-critical': 3, high: 1, standard: 0 },
      },
    });
  });

  it('as markdown is a comment that fits, written to a file when asked', () => {
    const { code, out } = plan('edited', ...all, '--format', 'markdown', '--max-bytes', '4000', '--out', 'comment.md');
    expect([code, out]).toEqual([1, '']);
    const text = readFileSync(join(folder, 'comment.md'), 'utf8');
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4000);
    expect(text).toMatch(/^### Policy plan: /);
    expect(text).toContain('<details');
  });

  it('as SARIF points at files of the repository', () => {
    const { results } = JSON.parse(plan('edited', ...all, '--format', 'sarif').out).runs[0];
    const uris = results.flatMap(
      (result: { locations: { physicalLocation: { artifactLocation: { uri: string } } }[] }) =>
        result.locations.map(({ physicalLocation }) => physicalLocation.artifactLocation.uri),
    );
    expect(uris).toContain('edited/rules/flows-imaging.csv');
  });

  it('as JUnit fails for the broken test and the broken flow', () => {
    const { out } = plan('edited', ...all, '--format', 'junit');
    expect(out).toContain('name="infusion-pump -&gt; pump-gateway: https (tcp/443) stays open"');
    // The test and the invariant about the CT vendor, and the flow that is in use.
    expect(out.match(/<failure /g)).toHaveLength(3);
  });

  it('takes git revisions, with the policy folder inside', () => {
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
        cwd: folder,
        encoding: 'utf8',
      });
    git('init', '-q', '-b', 'main');
    git('add', 'policies', 'edited');
    git('commit', '-q', '-m', 'one');
    const args = [bin, 'plan', '--from', 'HEAD', '--to', 'HEAD:edited', ...at, '--json'];
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    expect(status).toBe(1);
    expect(JSON.parse(stdout).flows).toHaveLength(2);
  });

  it.each([
    [['--format', 'pdf'], '`pdf` is not one of human, json, markdown, sarif, junit'],
    [['--max-bytes', 'many'], '`many` is not a whole number'],
    [['--inventory', 'none.csv'], "`none.csv` can't be read (ENOENT)"],
    [['--flows', 'none.csv'], "`none.csv` can't be read (ENOENT)"],
    [['--json', '--format', 'junit'], 'ask for two formats'],
  ])('refuses %j', (args, message) => {
    const { code, out, err } = plan('edited', ...args);
    expect(code).toBe(1);
    expect(out + err).toContain(message);
  });

  it('refuses an inventory with its file and line', () => {
    writeFileSync(
      join(folder, 'bad.csv'),
      'mac,class,site\n00:03:b1:4a:10:21,infusion-pump,main\nx,infusion-pump,main\n',
    );
    const { code, out } = plan('edited', '--inventory', 'bad.csv');
    expect(code).toBe(1);
    expect(out).toContain('bad.csv:3:1: error inventory-field');
  });
});
