import { concatenatedAttributes, filterRules, types } from '#radius';
import { policyFiles } from '#testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadPolicy } from '../load/load.js';
import { compilePolicy } from './compile.js';

/** A Monday noon: the pump and the quarantined device may open to one server each, in both families. */
const at = new Date('2026-11-23T12:00:00Z');

function findings(...budgets: (number | null)[]): string[] {
  const nas = budgets.map((entries, i) => {
    const budget = entries === null ? '' : `, aclEntries: ${entries}`;
    return `sw${i}: { address: 10.0.3.${11 + i}, site: main, profile: rfc, secret: "env:X"${budget} }`;
  });
  const loaded = loadPolicy(policyFiles({ 'network/nas.yaml': nas.join('\n') }));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  return compilePolicy(loaded.value, at).diagnostics.map(({ code, span }) => `${code} ${span!.line}`);
}

describe('a port ACL of four entries, final denies included', () => {
  it.each<[string, (number | null)[], string[]]>([
    ['is near a budget of four', [4], ['acl-near-budget 1']],
    ['is not near a budget of five', [5], []],
    ['is told once for switches of one kind', [4, 4], ['acl-near-budget 1']],
    ['is judged by each budget that switches of one make have', [5, 4], ['acl-near-budget 2']],
    ['has no budget where the switch has none', [null], []],
  ])('%s', (_, budgets, expected) => {
    expect(findings(...budgets)).toEqual(expected);
  });

  it('is over a budget of three, and not near it as well', () => {
    expect(new Set(findings(3))).toEqual(new Set(['acl-over-budget 1']));
  });
});

/** One switch of this profile, and what else its entry says. */
function findingsOf(profile: string, more = '', changes: Record<string, string> = {}): string[] {
  const nas = `sw: { address: 10.0.3.11, site: main, profile: ${profile}, secret: "env:X"${more} }`;
  const loaded = loadPolicy(policyFiles({ 'network/nas.yaml': nas, ...changes }));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  const { ok, diagnostics } = compilePolicy(loaded.value, at);
  return [ok ? 'compiles' : 'refused', ...new Set(diagnostics.map(({ code }) => code).sort())];
}

describe('a switch that does not enforce a port ACL as it stands', () => {
  it.each<[string, string, string[]]>([
    ['rfc', '', ['compiles']],
    ['rfc', ', portAcl: none', ['compiles', 'port-acl-elsewhere']],
    ['rfc', ', portAcl: ipv4-only', ['refused', 'port-acl-elsewhere', 'port-acl-not-enforced']],
    ['mikrotik', '', ['refused', 'port-acl-not-enforced']],
    ['mikrotik', ', portAcl: ipv4-only', ['refused', 'port-acl-elsewhere', 'port-acl-not-enforced']],
    ['mikrotik', ', portAcl: none', ['compiles', 'port-acl-elsewhere']],
    ['fortiswitch', '', ['refused', 'port-acl-not-enforced']],
    ['fortiswitch', ', portAcl: ipv4-only', ['compiles', 'acl-by-name', 'port-acl-elsewhere']],
    ['juniper-ex', '', ['compiles', 'acl-by-name']],
    ['cisco-ios-xe-dacl', '', ['compiles']],
  ])('of profile %s%s: %j', (profile, more, expected) => {
    expect(findingsOf(profile, more)).toEqual(expected);
  });

  it('has lists by name that an enforcement point puts there, of which nobody needs to be told', () => {
    const point =
      'lists: { driver: netconf, site: main, nas: sw, options: { model: ietf-acl }, transport: { kind: simulated } }';
    expect(findingsOf('juniper-ex', '', { 'network/enforcement-points.yaml': point })).toEqual(['compiles']);
  });

  it('has an ACL by name that the message tells, with the file and the line', () => {
    const nas = 'sw: { address: 10.0.3.11, site: main, profile: ruckus-icx, secret: "env:X" }';
    const loaded = loadPolicy(policyFiles({ 'network/nas.yaml': nas }));
    const [found] = loaded.ok ? compilePolicy(loaded.value, at).diagnostics : [];
    expect(found).toMatchObject({ severity: 'info', code: 'acl-by-name', span: { file: 'network/nas.yaml', line: 1 } });
    expect(found?.summary).toMatch(
      /^`infusion-pump` on `sw` \(ruckus-icx\) goes by its name `cordon-infusion-pump-[0-9a-f]{16}`; 1 more go by name$/,
    );
  });

  it('has a segment for telephones only where its make has words for one', () => {
    const segments = policyFiles().get('catalog/segments.yaml')!;
    const voice = { 'catalog/segments.yaml': segments.replaceAll('  dedicatedTo:', '  voice: true\n  dedicatedTo:') };
    expect(voice['catalog/segments.yaml']).not.toBe(segments);
    expect(findingsOf('rfc', '', voice)).toEqual(['compiles']);
    expect(findingsOf('mikrotik', ', portAcl: none', voice)).toEqual([
      'refused',
      'port-acl-elsewhere',
      'voice-not-expressible',
    ]);
  });
});

function compile() {
  const policy = loadPolicy(policyFiles());
  if (!policy.ok) throw new Error(policy.diagnostics[0]?.summary);
  return compilePolicy(policy.value, at);
}

describe('what a switch would be told', () => {
  afterEach(() => vi.restoreAllMocks());

  it('is what the port ACL says, or there is no snapshot: the message names switch, class and packet', () => {
    expect(compile().ok).toBe(true);
    const honest = filterRules.render.bind(filterRules);
    vi.spyOn(filterRules, 'render').mockImplementation((acl) => {
      const text = Buffer.concat(honest(acl).map(({ value }) => value)).toString('latin1');
      return concatenatedAttributes(types.nasFilterRule, Buffer.from(text.replaceAll(' 443', ' 1-443')));
    });
    const compiled = compile();
    expect(compiled.ok).toBe(false);
    const found = compiled.diagnostics.filter(({ code }) => code === 'artefact-differs');
    expect(found[0]).toMatchObject({ severity: 'error', span: { file: 'network/nas.yaml' } });
    expect(found.map(({ summary }) => summary)).toEqual([
      "`infusion-pump` on `sw1` (rfc): the switch would permit tcp/1 to 10.10.4.20, the policy's ACL does not",
      "`quarantined` on `sw1` (rfc): the switch would permit tcp/1 to 10.10.9.9, the policy's ACL does not",
    ]);
  });
});
