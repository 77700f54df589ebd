import { success, type Result } from '#base';
import { PacketSpace } from '#net';
import { nasFilterRule } from '../nas-filter-rule/index.js';
import { renderProved } from '../prove.js';
import type { Wanted } from './configuration.js';

/** What is wanted of a switch, in no make's words: for makes that Cordon has none for, and for templates of one's own. */
export function renderNeutral({ nas, serverDown, acl, secret }: Wanted): Result<string> {
  const proved = renderProved(new PacketSpace(), nasFilterRule, acl, '');
  if (!proved.ok) return proved;
  const { servers, timeout, tries, deadTime, probe, segment, vlan, voice, keepAuthorized } = serverDown;
  const filterRules = proved.value.text.trimEnd().split('\n');
  const document = {
    nas: nas.name,
    profile: nas.profile,
    servers: servers.map((server) => ({ ...server, secret })),
    timeout,
    tries,
    deadTime,
    probe,
    keepAuthorized,
    critical: { segment, vlan, filterRules },
    voice,
  };
  return success(`${JSON.stringify(document, null, 2)}\n`);
}
