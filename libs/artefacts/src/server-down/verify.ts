import { success, type Result } from '#base';
import { PacketSpace } from '#net';
import type { AccessGrant, NasEntry, Snapshot } from '#policy';
import { verifyFilter, type Verification } from '../verify-filter.js';
import { compareSettings, type SettingDifference } from './compare.js';
import type { Wanted } from './configuration.js';
import { switchMakes } from './registry.js';
import { wantedOf } from './render.js';

export interface ServerDownVerification {
  readonly settings: readonly SettingDifference[];
  /** What the list for newcomers permits beside the policy; null where the configuration needs none, or has none. */
  readonly list: Verification | null;
}

export const isAsWanted = ({ settings, list }: ServerDownVerification): boolean =>
  settings.length === 0 && (!list || list.tooMuch.length + list.tooLittle.length === 0);

/** A running-config against what the policy wants of that switch. Null: policy, or Cordon, has no words for it. */
export function verifyServerDown(
  snapshot: Snapshot,
  nas: NasEntry,
  text: string,
): Result<ServerDownVerification> | null {
  const wanted = wantedOf(snapshot, nas);
  const make = switchMakes.get(nas.profile);
  if (!wanted || !make) return null;
  const configuration = make.configure(wanted);
  const settings = compareSettings(configuration, make, text);
  const { list } = configuration;
  if (list === null) return success({ settings, list: null });
  const hasList = make.listNames(list).some((name) => new RegExp(`(^|\\s)${name}(\\s|$)`, 'm').test(text));
  const parsed = hasList ? make.target.parse(make.listText(text, list), { lists: make.listNames(list) }) : null;
  if (!parsed) {
    const missing: SettingDifference = { kind: 'missing', block: '', setting: `list ${list}`, found: null, line: null };
    return success({ settings: [missing, ...settings], list: null });
  }
  if (!parsed.ok) return parsed;
  return success({ settings, list: verifyFilter(new PacketSpace(), snapshot, newcomer(wanted), parsed.value) });
}

/** Whoever comes, as a grant that no access rule gave. */
function newcomer({ nas, serverDown: { segment, vlan, role } }: Wanted): AccessGrant {
  const rule = { id: '', file: 'network/server-down.yaml', line: 1, text: nas.name };
  return { class: role, site: nas.site, posture: 'unverified', segment, vlan, sgt: null, role, voice: false, rule };
}
