import { renderProved } from '#artefacts';
import { PacketSpace } from '#net';
import { diagnosticJson, printDiagnostics, printJson } from '../output.js';
import { readScope, type ScopeOptions } from './artefact-scope.js';

/** Prints an artefact that was read back and proved equal to the policy's port ACL; prints none that was not. */
export function render(options: ScopeOptions): number {
  const { snapshot, target, grant } = readScope(options);
  const { role, segment, vlan } = grant;
  const proved = renderProved(new PacketSpace(), target, snapshot.portAcls[role] ?? [], `CORDON-${role}`);
  if (!proved.ok) {
    if (options.json) printJson({ ok: false, diagnostics: proved.diagnostics.map(diagnosticJson) });
    else printDiagnostics(proved.diagnostics);
    return 1;
  }
  const { text } = proved.value;
  if (options.json) printJson({ ok: true, target: target.name, digest: snapshot.digest, role, segment, vlan, text });
  else process.stdout.write(text);
  return 0;
}
