import { Refusal } from '../http/refusal.js';
import { suggest, type Snapshot } from '#policy';

/** Why a device can't have this class, or null when it can. */
export function classProblem(snapshot: Snapshot | null, name: string): string | null {
  if (!snapshot)
    throw new Refusal('conflict', 'no policy is in force yet, so there are no classes: see GET /api/v1/policy');
  if (snapshot.classes.some((each) => each.name === name)) return null;
  const near = nearNames(
    name,
    snapshot.classes.map((each) => each.name),
  );
  const hint = near.length > 0 ? `; near: ${near.map((each) => `\`${each}\``).join(', ')}` : '';
  return `the policy in force has no class \`${name}\`${hint}`;
}

export function checkClass(snapshot: Snapshot | null, name: string): void {
  const detail = classProblem(snapshot, name);
  if (detail === null) return;
  throw new Refusal('unprocessable', detail, [{ pointer: '/class', detail }]);
}

/** Names that contain the text, or else the one that is few edits away. */
function nearNames(text: string, names: readonly string[]): string[] {
  const longer = names.filter((name) => name.includes(text));
  if (longer.length > 0) return longer.slice(0, 3);
  const nearest = suggest(text, names);
  return nearest === null ? [] : [nearest];
}
