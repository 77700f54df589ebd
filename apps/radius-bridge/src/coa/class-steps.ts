import { unknownClass, type AuthorizationStep } from '#model';
import type { DeviceClass, Snapshot } from '#policy/snapshot';

const known = new WeakMap<Snapshot, ReadonlyMap<string, DeviceClass>>();

/** What may be done to sessions of a class. A class that the policy does not have has no access, and the steps of `unknown`. */
export function classSteps(snapshot: Snapshot, name: string): readonly AuthorizationStep[] {
  let classes = known.get(snapshot);
  if (!classes) known.set(snapshot, (classes = new Map(snapshot.classes.map((each) => [each.name, each]))));
  return (classes.get(name) ?? classes.get(unknownClass))!.dynamicAuthorization;
}
