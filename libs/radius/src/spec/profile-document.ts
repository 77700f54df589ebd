import type { NasProfile } from '../nas-profiles/profile.js';

/* The part of docs/nas-profiles.md that is made of the profiles themselves; a test keeps the two the same. */

const changes: Readonly<Record<NasProfile['changeOfAuthorization'], string>> = {
  push: 'CoA with the new authorization',
  reauthenticate: 'CoA that asks for a re-authentication',
  disconnect: 'Disconnect',
};

const needs = ({ aclFamilies }: NasProfile): string =>
  aclFamilies.length === 2 ? '-' : aclFamilies.length === 1 ? '`portAcl: ipv4-only`' : '`portAcl: none`';

export function overviewTable(profiles: readonly NasProfile[]): string[] {
  const rows = profiles.map((profile) => [
    `\`${profile.name}\``,
    profile.aclForms.map(({ carriesEntries }) => (carriesEntries ? 'in the reply' : 'by name')).join(', else ') ||
      'none',
    needs(profile),
    profile.renderVoiceVlan ? 'yes' : 'no',
    profile.renderSgt ? 'yes' : 'no',
    changes[profile.changeOfAuthorization],
    profile.bouncePort ? 'yes' : 'no',
    profile.readSensed ? 'yes' : 'no',
  ]);
  return [
    row(['profile', 'port ACL', 'nas.yaml must say', 'voice', 'SGT', 'a change goes by', 'port bounce', 'fingerprint']),
    row(Array<string>(8).fill('---')),
    ...rows.map(row),
  ];
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** What one make is sent, and what there is to do for it. */
export function profileSection(profile: NasProfile, packets: Readonly<Record<string, readonly string[]>>): string[] {
  const list = (title: string, sentences: readonly string[]): string[] => [
    title,
    '',
    ...sentences.map((s) => `- ${s}`),
    '',
  ];
  return [
    `### \`${profile.name}\``,
    '',
    `${capital(profile.description)}.`,
    '',
    ...list(
      'Port ACLs go',
      profile.aclForms.length > 0 ? profile.aclForms.map(({ summary }) => summary) : ['not at all'],
    ),
    ...list('A session is named by', [profile.sessionParts.join(', ')]),
    ...Object.entries(packets).flatMap(([title, lines]) => [`${title}:`, '', '```', ...lines, '```', '']),
    ...list('On the switch:', profile.onTheSwitch),
    ...list('Not there:', profile.limits),
  ];
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
