import { downloadableAcl } from '#radius';
import { describe, expect, it } from 'vitest';
import { sampleFiles, sampleSnapshot } from '../../test/sample-policy.js';
import { AclDownloads } from './acl-downloads.js';

const nas = sampleFiles['network/nas.yaml']!.replace('profile: cisco-ios-xe', 'profile: cisco-ios-xe-dacl');
const before = sampleSnapshot({ 'network/nas.yaml': nas });
const flows = sampleFiles['rules/flows.csv']!.replace('https', 'dicom');
const after = sampleSnapshot({ 'network/nas.yaml': nas, 'rules/flows.csv': flows });
const nameOf = ({ portAcls }: typeof before, role = 'infusion-pump') =>
  downloadableAcl({ role, entries: portAcls[role]! }).name;

describe('ACLs that switches may fetch', () => {
  it('are those of the policy in force, and of earlier ones, each under its own name', () => {
    const downloads = new AclDownloads();
    expect(downloads.find(nameOf(before))).toBeNull();
    downloads.taken(before);
    downloads.taken(after);
    expect(nameOf(before)).not.toBe(nameOf(after));
    expect(downloads.find(nameOf(before))?.pairs).toContain('ip:inacl#2=permit tcp any host 10.10.4.20 eq 443');
    expect(downloads.find(nameOf(after))?.pairs).not.toContain('ip:inacl#2=permit tcp any host 10.10.4.20 eq 443');
  });

  it('are kept up to a number, the oldest go first, and none of the policy in force does', () => {
    const downloads = new AclDownloads(1);
    downloads.taken(before);
    downloads.taken(after);
    expect(downloads.find(nameOf(before))).toBeNull();
    for (const role of new Set(after.accessTable.map((grant) => grant.role)))
      expect(downloads.find(nameOf(after, role))).not.toBeNull();
  });

  it('are none where no switch downloads', () => {
    const downloads = new AclDownloads();
    downloads.taken(sampleSnapshot());
    expect(downloads.find(nameOf(before))).toBeNull();
  });
});
