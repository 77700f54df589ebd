import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const cli = join(import.meta.dirname, '../../bin/cordon.js');
const root = join(import.meta.dirname, '../..');
const at = ['--at', '2026-11-23T11:00:00Z'];
const pump = ['--class', 'infusion-pump', '--site', 'main', ...at];

function cordon(args: readonly string[], input = ''): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: root,
    encoding: 'utf8',
    input,
  });
  return { code: status, out: stdout, err: stderr };
}

describe('cordon render and cordon verify', () => {
  let folder = '';
  let config = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cordon-verify-'));
    const rendered = cordon(['render', '--target', 'cisco-acl', ...pump]);
    expect(rendered).toMatchObject({ code: 0, err: '' });
    config = rendered.out;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function file(text: string): string {
    const path = join(folder, 'running-config.txt');
    writeFileSync(path, text);
    return path;
  }

  it.each(['nas-filter-rule', 'cisco-inacl', 'cisco-acl', 'openflow'])(
    'a %s artefact is what policy says',
    (target) => {
      const { code, out } = cordon(['render', '--target', target, ...pump]);
      expect(code).toBe(0);
      const verified = cordon(['verify', '--target', target, '--file', '-', ...pump], out);
      expect(verified.out).toContain('does what policy says');
      expect(verified.code).toBe(0);
    },
  );

  it('names packet, line of the switch and line of policy for what is permitted too much', () => {
    const wide = config.replace(
      /permit tcp any 10\.10\.4\.20 0\.0\.0\.1 eq 443/,
      'permit tcp any 10.10.4.0 0.0.0.255 eq 443',
    );
    const { code, out } = cordon(['verify', '--target', 'cisco-acl', '--file', file(wide), ...pump]);
    expect(code).toBe(2);
    expect(out).toMatch(/permits too much:\n {2}tcp\/443.* to 10\.10\.4\.0-10\.10\.4\.19/);
    const lines = wide.split('\n');
    const place = lines.findIndex((line) => line.includes('permit tcp any 10.10.4.0 0.0.0.255 eq 443'));
    expect(out).toMatch(/decided by .*running-config\.txt:/);
    expect(out).toContain(`running-config.txt:${place + 1}  ${lines[place]!.trim()}\n`);
    expect(out).toContain('policy: deny, no rule allows it');
    expect(out).not.toContain('permits less');
  });

  it('names the rule that allows what is permitted too little', () => {
    const narrow = config.replace(/ \d+ permit udp any 10\.10\.0\.12 0\.0\.0\.1 eq 123\n/, '');
    const { code, out } = cordon(['verify', '--target', 'cisco-acl', '--file', file(narrow), ...pump, '--json']);
    expect(code).toBe(2);
    const answer = JSON.parse(out) as {
      equal: boolean;
      permitsTooMuch: unknown[];
      permitsTooLittle: { set: string; packet: { destination: string }; policy: { rules: { file: string }[] } }[];
    };
    expect(answer).toMatchObject({ equal: false, permitsTooMuch: [] });
    expect(answer.permitsTooLittle[0]).toMatchObject({
      packet: { destination: '10.10.0.12', protocol: 17, port: 123 },
      policy: { verdict: 'allow' },
    });
    expect(answer.permitsTooLittle[0]?.policy.rules[0]?.file).toMatch(/^rules\/.*\.csv$/);
  });

  it('takes a list that is written otherwise and means the same, with sources of the segment alone', () => {
    const other = config
      .replace(
        /permit tcp any host 10\.10\.0\.20 eq 80\n \d+ permit tcp any host 10\.10\.0\.20 eq 443/,
        'permit tcp 10.21.0.0 0.0.15.255 host 10.10.0.20 eq www 443',
      )
      .replace(/\n \d+ deny ip any any/, '');
    expect(other).not.toBe(config);
    const { code, out } = cordon(['verify', '--target', 'cisco-acl', '--file', file(other), ...pump]);
    expect(out).toContain('does what policy says');
    expect(code).toBe(0);
  });

  it('finds IPv6 unfiltered when only the IPv4 list is there', () => {
    const { code, out } = cordon(['verify', '--target', 'cisco-acl', '--file', file(config.split('!')[0]!), ...pump]);
    expect(code).toBe(2);
    expect(out).toContain('IPv6 is not filtered');
  });

  it('says by line what it does not understand, and proves nothing', () => {
    const odd = config.replace('deny ip any any', 'permit tcp any object-group SERVERS eq 443');
    const { code, out } = cordon(['verify', '--target', 'cisco-acl', '--file', file(odd), ...pump]);
    expect(code).toBe(1);
    const line = odd.split('\n').findIndex((text) => text.includes('object-group')) + 1;
    expect(out).toMatch(new RegExp(`running-config\\.txt:${line}:1: error not-understood: .*object group`));
    expect(out).toContain('nothing is proved');
  });

  it('gives out nothing in a language that can not say it', () => {
    const { code, out } = cordon(['render', '--target', 'juniper-switching-filter', ...pump]);
    expect(code).toBe(1);
    expect(out).toContain('not-expressible');
    expect(out).not.toContain('Match');
  });

  it('proves the table of a firewall, and refutes it by a packet between classes', () => {
    const site = ['--site', 'north', ...at];
    const { code, out } = cordon(['render', '--target', 'nftables', ...site]);
    expect(code).toBe(0);
    const verify = ['verify', '--target', 'nftables', '--file', '-', ...site];
    expect(cordon(verify, out)).toMatchObject({ code: 0 });
    const damaged = cordon(verify, out.replaceAll('5120', '5121'));
    expect(damaged.code).toBe(2);
    expect(damaged.out).toContain('a device of class `dialysis-machine`');
  });

  it.each([
    [['--target', 'cisco', ...pump], 'is not one of nas-filter-rule'],
    [['--target', 'cisco-acl', '--site', 'main'], '--class is missing'],
    [['--target', 'cisco-acl', '--class', 'infusion-pumps', '--site', 'main'], '`infusion-pumps` is not one of'],
  ])('refuses %j', (args, why) => {
    const { code, err } = cordon(['render', ...args]);
    expect(code).toBe(1);
    expect(err).toContain(why);
  });

  it('lists the targets in its help', () => {
    expect(cordon(['verify', '--help']).out).toMatch(/Targets:\n(.*\n)*.*openflow/);
  });
});

describe('cordon render --server-down and cordon verify --server-down', () => {
  const down = (...args: string[]) => cordon(['render', '--server-down', ...at, ...args]);
  const compare = (text: string, ...args: string[]) =>
    cordon(['verify', '--server-down', '--nas', 'main-idf3-sw1', '--file', '-', ...at, ...args], text);
  let folder = '';
  let config = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cordon-down-'));
    const { code, out } = down('--nas', 'main-idf3-sw1');
    expect(code).toBe(0);
    config = out;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('writes a file for every switch, and names those that do nothing of their own', () => {
    const { code, out } = down('--all', '--out', folder);
    expect(code).toBe(0);
    expect(out).toContain('nothing of their own then: main-wlc-1, north-wlc-1');
    expect(readdirSync(folder)).toHaveLength(11);
    expect(readFileSync(join(folder, 'main-idf3-sw1.cfg'), 'utf8')).toBe(config);
    const site = down('--site', 'north', '--json');
    const answer = JSON.parse(site.out) as { switches: { nas: string; file: string }[]; silent: string[] };
    expect(answer.switches.map(({ file }) => file)).toEqual([
      'demo-sw2.json',
      'north-idf1-sw1.cfg',
      'north-idf1-sw2.json',
    ]);
    expect(answer.silent).toEqual(['north-wlc-1']);
  });

  it('holds references in place of secrets', () => {
    expect(config).toContain(' key {{env:RADIUS_SECRET_MAIN}}\n');
  });

  it('takes a running-config with all of it, and more, for what policy says', () => {
    const { code, out } = compare(`hostname sw\n!\n${config}!\nline vty 0 4\n transport input ssh\n`);
    expect(out).toContain('does what policy says while no RADIUS server answers');
    expect(code).toBe(0);
  });

  it('names the settings that differ, and the packets', () => {
    const changed = config
      .replace(' deadtime 5', ' deadtime 9')
      .replace('dot1x critical eapol\n', '')
      .replace('host 10.10.4.30 eq 443', 'any eq 443');
    const { code, out } = compare(changed);
    expect(code).toBe(2);
    expect(out).toMatch(/-:\d+: different in aaa group server radius CORDON: deadtime 9, wanted deadtime 5/);
    expect(out).toContain('missing: dot1x critical eapol');
    expect(out).toContain('the list permits too much:');
    const { out: text } = compare(changed, '--json');
    expect(JSON.parse(text)).toMatchObject({ equal: false, settings: [{}, {}], list: { tooMuch: 1, tooLittle: 0 } });
  });

  it.each([
    [['render', '--server-down'], 'one of --nas NAME, --site SITE and --all'],
    [['render', '--server-down', '--all'], '--out is missing'],
    [['render', '--server-down', '--nas', 'sw'], '`sw` is not one of main-idf1-sw1'],
    [['render', '--server-down', '--nas', 'main-wlc-1'], 'does nothing of its own'],
    [['render', '--class', 'infusion-pump'], '--target is missing'],
    [['verify', '--server-down', '--file', '-'], '--nas is missing'],
    [['verify', '--server-down', '--nas', 'main-idf2-sw1', '--file', '-'], 'no words for profile `rfc`'],
  ])('refuses %j', (args, why) => {
    const { code, err } = cordon([...args, ...at]);
    expect(code).toBe(1);
    expect(err).toContain(why);
  });
});
