import type { AclEntry, Family } from '#net';
import type { AclForm, PortAcl } from './acl-form.js';
import type { Authorization, NasProfile, PortAclScope } from './profile.js';

type Wanted = Pick<Authorization, 'acl' | 'role' | 'portAcl'>;

export interface ToldAcl {
  readonly acl: PortAcl;
  readonly form: AclForm;
}

/** Families that the switch filters, as far as nas.yaml leaves them to it. */
export const aclFamiliesOf = (profile: NasProfile, portAcl: PortAclScope): readonly Family[] =>
  portAcl === 'none' ? [] : profile.aclFamilies.filter((family) => portAcl === 'full' || family === 4);

/** The best form that has words for all of it; null when none has. */
export const formOf = (profile: NasProfile, entries: readonly AclEntry[]): AclForm | null =>
  profile.aclForms.find((form) => entries.every((entry) => form.renderEntry(entry) !== null)) ?? null;

/**
 * The part of an ACL that the switch is to enforce, and in which form it goes there; null: the switch is told of none. Throws when
 * no form has words for it. Whether that part is enough is `whyNotEnforced`'s to say.
 */
export function toldAcl(profile: NasProfile, { acl, role, portAcl }: Wanted): ToldAcl | null {
  const filtered = aclFamiliesOf(profile, portAcl);
  if (filtered.length === 0) return null;
  const entries = acl.filter(({ family }) => filtered.includes(family));
  const form = formOf(profile, entries);
  if (!form)
    throw new TypeError(
      `profile \`${profile.name}\` has no words for an inconsistent ACL entry, or for one of its conditions`,
    );
  return { acl: { role, entries }, form };
}

/**
 * Why a switch of this make would not enforce all that nas.yaml leaves to it; null: it would. A family whose ACL permits everything
 * needs no switch that filters it.
 *
 * INVARIANT: a switch that does not filter a family gets nobody whose ACL closes it, unless its entry in nas.yaml says that
 * something else does.
 */
export function whyNotEnforced(
  profile: NasProfile,
  { acl, portAcl }: Pick<Authorization, 'acl' | 'portAcl'>,
): { readonly summary: string; readonly hint: string } | null {
  if (portAcl === 'none') return null;
  if (portAcl === 'ipv4-only' && profile.aclFamilies.join() !== '4') {
    const does = profile.aclFamilies.length === 0 ? 'enforces no port ACL' : 'filters IPv4 and IPv6';
    const summary = `\`portAcl: ipv4-only\` is for makes that filter IPv4 only; profile \`${profile.name}\` ${does}`;
    return { summary, hint: profile.aclFamilies.length === 0 ? 'write `portAcl: none`' : 'leave `portAcl` out' };
  }
  const needed: readonly Family[] = portAcl === 'full' ? [4, 6] : [4];
  const open = needed.filter((family) => !profile.aclFamilies.includes(family) && !permitsAll(acl, family));
  if (open.length === 0) return null;
  const what = open.map((family) => `IPv${family}`).join(' and ');
  const scope = open.includes(4) ? 'none' : 'ipv4-only';
  return {
    summary: `profile \`${profile.name}\` can't make the switch filter ${what} on a port, and the ACL does not permit everything`,
    hint: `if something else enforces it for these devices, say so: \`portAcl: ${scope}\` in network/nas.yaml`,
  };
}

function permitsAll(acl: readonly AclEntry[], family: Family): boolean {
  const first = acl.find((entry) => entry.family === family);
  return first?.action === 'permit' && first.protocol === null && (first.destination?.length ?? 0) === 0;
}
