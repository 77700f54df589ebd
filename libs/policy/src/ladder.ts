import { assertNever } from '#base';
import type { AuthorizationStep } from '#model';
import type { NasProfile } from '#radius';
import type { Criticality, DeviceClass } from './snapshot.js';

/**
 * What may be done to a class that does not say. A device that may be attached to a patient is never cut off to change the
 * network: the change waits, and is reported. Nobody's port is bounced unless the class says so.
 */
export const usualLadders: Readonly<Record<Criticality, readonly AuthorizationStep[]>> = {
  'life-critical': ['coa', 'reauthenticate'],
  high: ['coa', 'reauthenticate', 'disconnect'],
  standard: ['coa', 'reauthenticate', 'disconnect'],
};

type Abilities = Pick<NasProfile, 'changeOfAuthorization' | 'reauthenticate' | 'bouncePort'>;

/**
 * The steps for one live session, each to be taken when the one before was refused: those of its class that its switch knows.
 * Without access there is nothing to push, and a disconnect stands first where it is allowed: it is acknowledged when the
 * session is gone, while a re-authentication is only a promise. When to take a step is not decided here.
 */
export function ladderOf(
  { dynamicAuthorization }: Pick<DeviceClass, 'dynamicAuthorization'>,
  profile: Abilities,
  hasAccess: boolean,
): readonly AuthorizationStep[] {
  const steps = dynamicAuthorization.filter((step) => isAble(profile, step));
  if (hasAccess) return steps;
  const first = steps.filter((step) => step === 'disconnect');
  return [...first, ...steps.filter((step) => step === 'reauthenticate' || step === 'bounce')];
}

function isAble(profile: Abilities, step: AuthorizationStep): boolean {
  switch (step) {
    case 'coa':
      return profile.changeOfAuthorization === 'push';
    case 'reauthenticate':
      return profile.reauthenticate !== null;
    case 'disconnect':
      return true;
    case 'bounce':
      return profile.bouncePort !== null;
    default:
      return assertNever(step);
  }
}
