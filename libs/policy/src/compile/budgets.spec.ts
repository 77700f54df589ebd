import { concatenatedAttributes, nasProfile, types } from '#radius';
import { policyFiles } from '#testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadPolicy } from '../load/load.js';
import { compilePolicy } from './compile.js';

const at = new Date('2026-11-23T11:00:00Z');

function compile() {
  const policy = loadPolicy(policyFiles());
  if (!policy.ok) throw new Error(policy.diagnostics[0]?.summary);
  return compilePolicy(policy.value, at);
}

describe('what a switch would be told', () => {
  afterEach(() => vi.restoreAllMocks());

  it('is what the port ACL says, or there is no snapshot: the message names switch, class and packet', () => {
    expect(compile().ok).toBe(true);
    const profile = nasProfile('rfc')!;
    const honest = profile.renderAcl.bind(profile);
    vi.spyOn(profile, 'renderAcl').mockImplementation((acl) => {
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
