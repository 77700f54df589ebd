import type { AccessGrant, NasEntry, Snapshot } from '#policy/snapshot';
import {
  checkAuthorization,
  encodeAttributes,
  nasProfile,
  renderAuthorization,
  types,
  type Authorization,
} from '#radius';
import { reauthenticationSeconds } from './reauthentication.js';

/** A grant as one session is told it. */
export function authorizationOf(
  snapshot: Snapshot,
  nas: NasEntry,
  grant: AccessGrant,
  mac: string,
  decisionId: string,
): Authorization {
  return {
    vlan: grant.vlan,
    voice: grant.voice,
    role: grant.role,
    portAcl: nas.portAcl,
    acl: snapshot.portAcls[grant.role] ?? [],
    sgt: grant.sgt,
    sessionTimeout: reauthenticationSeconds(nas.sessionTimeout, mac),
    class: Buffer.from(decisionId, 'latin1'),
  };
}

/** What is individual to a session and stands after the block. */
const individual: ReadonlySet<number> = new Set([types.sessionTimeout, types.terminationAction, types.class]);

/** All of a grant's attributes that its sessions have in common. Throws when this NAS can't be told the grant. */
export function renderGrant(snapshot: Snapshot, nas: NasEntry, grant: AccessGrant): Buffer {
  const profile = nasProfile(nas.profile);
  if (!profile) throw new Error('there is no such NAS profile');
  const authorization = authorizationOf(snapshot, nas, grant, '', 'cordon:000000000000');
  const [finding] = checkAuthorization(profile, authorization, nas.aclEntries);
  if (finding) throw new Error(finding.summary);
  return encodeAttributes(renderAuthorization(profile, authorization).filter(({ type }) => !individual.has(type)));
}
