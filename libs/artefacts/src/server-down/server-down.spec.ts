import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { compilePolicy, loadPolicy, type Snapshot } from '#policy';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { samplePolicy, sampleSnapshot } from '../../../policy/src/spec/sample.js';
import { switchMakes } from './registry.js';
import { renderServerDown } from './render.js';
import { isAsWanted, verifyServerDown } from './verify.js';

const at = new Date('2026-11-24T12:00:00Z');

interface Wish {
  readonly profile: string;
  readonly entry?: string;
  readonly general?: string;
  readonly nas?: string;
}

/** One switch, two servers, and newcomers that may fetch a drug library. */
function hospital({
  profile,
  entry = 'segment: newcomers',
  general = 'probe: cordon-probe',
  nas = '',
}: Wish): Snapshot {
  const policy = loadPolicy(
    policyFiles({
      'network/nas.yaml': `sw1: { address: 10.0.3.11, site: main, profile: ${profile}, portAcl: none${nas || ', secret: "env:RADIUS_SECRET"'} }\n`,
      'network/server-down.yaml': `servers: { a: { address: 10.0.8.10 }, b: { address: "fd10:8::b", authPort: 1645, acctPort: 1646 } }\n${general}\nsites: { main: { ${entry} } }\n`,
      'network/radsec.yaml':
        nas === '' ? null : 'certificate: file:/a\nkey: file:/b\nauthorities: file:/c\nrevocationLists: null\n',
      'catalog/classes-x.yaml': 'newcomer: {}\n',
      'catalog/segments-x.yaml': `newcomers: { role: newcomer, sites: { main: { vlan: 997, prefixes: [10.97.0.0/20, "fd97::/64"] } } }
voice: { voice: true, role: unknown, sites: { main: { vlan: 340, prefixes: [10.34.0.0/20, "fd34::/64"] } } }
`,
      'catalog/applications-x.yaml': 'nd: { ports: [icmp6/135-136] }\ndhcp: { ports: [udp/67] }\n',
      'catalog/endpoints-x.yaml':
        'local: { addresses: [255.255.255.255, "ff02::/16"] }\nbanned: { addresses: [10.10.4.16/28, "fd10:4::10/124"] }\n',
      'rules/x.csv': `p, newcomer, local, nd, allow, always, note
p, newcomer, local, dhcp, allow, always, note
p, newcomer, drug-library, https, allow, always, note
p, remediation, newcomer, https, allow, always, note
`,
    }),
  );
  if (!policy.ok) throw new Error(JSON.stringify(policy.diagnostics));
  const compiled = compilePolicy(policy.value, at);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  return compiled.value;
}

function textOf(snapshot: Snapshot, name = 'sw1'): string {
  const rendered = renderServerDown(
    snapshot,
    snapshot.nas.find((nas) => nas.name === name)!,
  );
  if (!rendered?.ok) throw new Error(JSON.stringify(rendered));
  return rendered.value.text;
}

function verify(snapshot: Snapshot, text: string) {
  const found = verifyServerDown(snapshot, snapshot.nas[0]!, text);
  if (!found?.ok) throw new Error(JSON.stringify(found));
  return found.value;
}

const golden = (file: string): string => readFileSync(join(import.meta.dirname, 'testdata', file), 'utf8');
const voice = 'segment: newcomers, voice: voice';
const moving = 'segment: newcomers, voice: voice, keepAuthorized: false';

describe('what a switch does while no RADIUS server answers', () => {
  it.each([
    ['cisco-ios-xe.cfg', { profile: 'cisco-ios-xe', entry: voice }],
    ['cisco-ios-xe-moving.cfg', { profile: 'cisco-ios-xe', entry: moving, general: 'timeout: 5\ntries: 4' }],
    ['aruba-cx.cfg', { profile: 'aruba-cx', entry: voice }],
    ['aruba-cx-moving.cfg', { profile: 'aruba-cx', entry: moving, general: 'timeout: 5' }],
    ['juniper-ex.set', { profile: 'juniper-ex', entry: voice }],
    ['juniper-ex-moving.set', { profile: 'juniper-ex', entry: moving }],
    ['rfc.json', { profile: 'rfc', entry: voice }],
  ])('has this text: %s', (file, wish) => {
    expect(textOf(hospital(wish))).toBe(golden(file));
  });

  it('is the same bytes each time, and holds no secret but its reference', () => {
    const snapshot = hospital({ profile: 'cisco-ios-xe' });
    expect(textOf(snapshot)).toBe(textOf(hospital({ profile: 'cisco-ios-xe' })));
    expect(textOf(snapshot)).toContain(' key {{env:RADIUS_SECRET}}\n');
  });

  it('is not written for a switch by TLS, and not wanted where policy does not say', () => {
    const overTls = hospital({
      profile: 'cisco-ios-xe',
      nas: ', transport: radsec, certificate: { from: dns-name, name: sw1.example }',
    });
    expect(renderServerDown(overTls, overTls.nas[0]!)).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'not-expressible' }],
    });
    const silent = sampleSnapshot(samplePolicy());
    expect(
      renderServerDown(
        silent,
        silent.nas.find(({ name }) => name === 'main-wlc-1')!,
      ),
    ).toBeNull();
  });

  it('is written for every switch of the sample hospital', () => {
    const sample = sampleSnapshot(samplePolicy());
    const wanted = sample.nas.filter(({ serverDown }) => serverDown);
    expect(wanted.length).toBe(11);
    for (const { name } of wanted) expect(textOf(sample, name)).toContain('997');
  });
});

describe.each([...switchMakes.keys()].flatMap((profile) => [voice, moving].map((entry) => ({ profile, entry }))))(
  '$profile, $entry',
  ({ profile, entry }) => {
    const snapshot = hospital({ profile, entry });
    const text = textOf(snapshot);
    const lines = text.trimEnd().split('\n');

    it('is found as it is wanted, whatever else the switch does', () => {
      const other =
        profile === 'juniper-ex'
          ? `set system host-name sw1\n${text}set protocols rstp interface all\n`
          : `hostname sw1\n!\n${text}!\nline con 0\n`;
      expect(verify(snapshot, other)).toMatchObject({ settings: [] });
      expect(isAsWanted(verify(snapshot, other))).toBe(true);
    });

    it('is found different with any line missing', () => {
      for (const [i, line] of lines.entries()) {
        const found = verifyServerDown(snapshot, snapshot.nas[0]!, lines.toSpliced(i, 1).join('\n'));
        const isSame = found?.ok === true && isAsWanted(found.value);
        // What a list's end does anyway, and what only says where the list's packets come from.
        const isFree = /deny ip|rest then discard|^!$/.test(line) && !/class/.test(line);
        if (isSame) expect(isFree ? '' : line).toBe('');
      }
    });

    it('is found different with any number changed, secrets and their like left out', () => {
      const numbers = [...text.matchAll(/(?<=[ "])\d+(?=[ \n])/g)];
      fc.assert(
        fc.property(fc.constantFrom(...numbers), ({ index, 0: number }) => {
          const changed = `${text.slice(0, index)}${Number(number) + 1}${text.slice(index + number.length)}`;
          const before = text.slice(text.lastIndexOf('\n', index) + 1, index);
          // Numbers of entries give an order, not a meaning.
          if (/^\s*(sequence )?$/.test(before)) return;
          const found = verifyServerDown(snapshot, snapshot.nas[0]!, changed);
          expect({ changed: before, same: found?.ok === true && isAsWanted(found.value) }).toEqual({
            changed: before,
            same: false,
          });
        }),
      );
    });

    it('is read from any text without a throw', () => {
      const junk = fc.string({ unit: fc.constantFrom(...Array.from('seting vlan 10{}/:"\n ')), maxLength: 60 });
      fc.assert(
        fc.property(junk, fc.nat(), (noise, where) => {
          verifyServerDown(snapshot, snapshot.nas[0]!, noise);
          verifyServerDown(
            snapshot,
            snapshot.nas[0]!,
            text.slice(0, where % text.length) + noise + text.slice(where % text.length),
          );
        }),
      );
    });
  },
);

describe('a running-config that differs', () => {
  const cisco = hospital({ profile: 'cisco-ios-xe', entry: voice });
  const running = textOf(cisco);
  const told = (text: string, snapshot = cisco) =>
    verify(snapshot, text).settings.map(({ kind, block, setting, found }) => [kind, block, setting, found]);

  it('is told setting by setting: what is wanted, and what stands there', () => {
    expect(told(running.replace(' deadtime 5', ' deadtime 15').replace('dot1x critical eapol\n', ''))).toEqual([
      ['different', 'aaa group server radius CORDON', 'deadtime 5', 'deadtime 15'],
      ['missing', '', 'dot1x critical eapol', null],
    ]);
  });

  it('is told once for a block that is not there', () => {
    const without = running.replace(/service-template CORDON-CRITICAL-VOICE\n voice vlan\n/, '');
    expect(told(without)).toEqual([['missing', '', 'service-template CORDON-CRITICAL-VOICE', null]]);
  });

  it('is told for a line more in a block of Cordon, with its line', () => {
    const more = running.replace(
      ' event agent-found',
      ' event inactivity-timeout match-all\n  10 class always do-until-failure\n   10 clear-session\n event agent-found',
    );
    const [first] = verify(cisco, more).settings;
    expect(first).toMatchObject({ kind: 'too much', setting: 'event inactivity-timeout match-all' });
    expect(more.split('\n')[first!.line! - 1]).toBe(' event inactivity-timeout match-all');
  });

  it('is told when no port, or not every port, has it', () => {
    expect(told(running.replace(/interface [^]*$/, 'interface Gi1/0/1\n switchport mode access\n'))).toEqual([
      ['missing', '', 'interface {{access-ports}}', null],
    ]);
    const cx = hospital({ profile: 'aruba-cx' });
    const ports = textOf(cx).replace('interface {{access-ports}}', 'interface 1/1/1');
    const second = '\ninterface 1/1/2\n    aaa authentication port-access mac-auth\n        enable\n';
    const found = told(`${ports}${second}`, cx);
    expect(found.length).toBeGreaterThan(2);
    for (const [, block, setting] of found) expect(`${block} ${setting}`).toContain('interface 1/1/2');
  });

  it('takes a secret that the switch has hidden, a default that it leaves out, and options in any order', () => {
    const cx = hospital({ profile: 'aruba-cx', general: 'probe: cordon-probe\ntimeout: 5\ntries: 2' });
    const shown = textOf(cx).replace(
      /radius-server host 10\.0\.8\.10 .*/,
      'radius-server host 10.0.8.10 tracking enable key ciphertext AQBapb9== vrf mgmt',
    );
    expect(told(shown, cx)).toEqual([]);
    expect(told(running.replaceAll(/ key .*/g, ' key 7 08314942'))).toEqual([]);
  });

  it('is told by a packet where the list is another one', () => {
    const { list, settings } = verify(cisco, running.replace('host 10.10.4.20 eq 443', 'any eq 443'));
    expect(settings).toEqual([]);
    expect(list?.tooMuch[0]?.packet).toMatchObject({ protocol: 6, port: 443 });
    expect(list?.tooMuch[0]?.policy.reason).toContain('no rule allows it');
    expect(told(running.replaceAll('CORDON-newcomers', 'OTHER'))).toContainEqual([
      'missing',
      '',
      'list CORDON-newcomers',
      null,
    ]);
  });

  it('can not be judged where its list is not understood', () => {
    const odd = running.replace('deny ip any any', 'permit tcp any object-group SERVERS eq 443');
    expect(verifyServerDown(cisco, cisco.nas[0]!, odd)).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'not-understood' }],
    });
  });
});
