import { renderProved } from '#artefacts';
import type { Result } from '#base';
import { PacketSpace } from '#net';
import { enforcementRules } from '#policy';
import { diagnosticJson, printDiagnostics, printJson } from '../output.js';
import { readScope, type PortScope, type ScopeOptions, type SiteScope } from './artefact-scope.js';
import { renderForServerDown, type RenderServerDownOptions } from './server-down.js';

interface RenderOptions extends ScopeOptions, RenderServerDownOptions {
  readonly serverDown?: boolean;
}

/** Prints an artefact that was read back and proved equal to the policy; prints none that was not. */
export function render(options: RenderOptions): number {
  if (options.serverDown) return renderForServerDown(options);
  const scope = readScope(options);
  const { snapshot, target } = scope;
  const proved = textOf(scope);
  if (!proved.ok) {
    if (options.json) printJson({ ok: false, diagnostics: proved.diagnostics.map(diagnosticJson) });
    else printDiagnostics(proved.diagnostics);
    return 1;
  }
  const text = proved.value;
  const { digest, nextChangeAt } = snapshot;
  if (options.json) printJson({ ok: true, target: target.name, digest, nextChangeAt, ...whereOf(scope), text });
  else process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  return 0;
}

function textOf(scope: PortScope | SiteScope): Result<string> {
  const { snapshot } = scope;
  if (scope.kind === 'site') return scope.target.render(enforcementRules(snapshot, scope.site));
  const { role } = scope.grant;
  const proved = renderProved(new PacketSpace(), scope.target, snapshot.portAcls[role] ?? [], `CORDON-${role}`);
  return proved.ok ? { ...proved, value: proved.value.text } : proved;
}

function whereOf(scope: PortScope | SiteScope): object {
  if (scope.kind === 'site') return { site: scope.site };
  const { class: device, site, posture, role, segment, vlan } = scope.grant;
  return { class: device, site, posture, role, segment, vlan };
}
