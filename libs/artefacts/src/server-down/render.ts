import { failure, success, type Diagnostic, type Result } from '#base';
import { PacketSpace } from '#net';
import type { NasEntry, Snapshot } from '#policy';
import { renderProved } from '../prove.js';
import { compareSettings } from './compare.js';
import type { SwitchMake, Wanted } from './configuration.js';
import { renderNeutral } from './neutral.js';
import { switchMakes } from './registry.js';
import { writeSettings } from './setting.js';

export interface ServerDownArtefact {
  readonly text: string;
  /** Name of a file for it. */
  readonly file: string;
}

/**
 * What a switch does while no RADIUS server answers, in its make's words: read back, its list proved equal to the policy, every
 * setting found again. Nothing comes out that was not. Null: policy does not say what it does.
 */
export function renderServerDown(snapshot: Snapshot, nas: NasEntry): Result<ServerDownArtefact> | null {
  const wanted = wantedOf(snapshot, nas);
  if (!wanted) return null;
  const make = switchMakes.get(nas.profile);
  if (nas.transport === 'radsec' && make) return failure([overTls(nas)]);
  const text = make ? renderMake(wanted, make) : renderNeutral(wanted);
  return text.ok ? success({ text: text.value, file: `${nas.name}.${make?.extension ?? 'json'}` }) : text;
}

export function wantedOf({ portAcls }: Snapshot, nas: NasEntry): Wanted | null {
  const { serverDown, secret } = nas;
  return serverDown && { nas, serverDown, acl: portAcls[serverDown.role] ?? [], secret: `{{${secret ?? 'radsec'}}}` };
}

function renderMake(wanted: Wanted, make: SwitchMake): Result<string> {
  const configuration = make.configure(wanted);
  const { list, before, after } = configuration;
  const proved = list === null ? null : renderProved(new PacketSpace(), make.target, wanted.acl, list);
  if (proved && !proved.ok) return proved;
  const lines = [
    ...writeSettings(before, make.layout),
    ...(proved ? proved.value.text.trimEnd().split('\n') : []),
    ...writeSettings(after, make.layout),
  ];
  const text = `${lines.join('\n')}\n`;
  // The placeholder stands where interfaces do, so that the ports are looked at like those of a switch.
  const differences = compareSettings(configuration, make, text);
  return differences.length === 0
    ? success(text)
    : failure([
        {
          severity: 'error',
          code: 'artefact-differs',
          summary: `read back, \`${differences[0]!.setting}\` is ${differences[0]!.kind}`,
          hint: 'this is a fault of Cordon, not of the policy: report it; nothing of it was given out',
        },
      ]);
}

const overTls = ({ name }: NasEntry): Diagnostic => ({
  severity: 'error',
  code: 'not-expressible',
  summary: `\`${name}\` speaks RADIUS over TLS, for which Cordon writes no configuration`,
  hint: 'write it by hand, after that of a switch by UDP',
});
