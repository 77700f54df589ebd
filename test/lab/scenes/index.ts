import type { Lab } from '../lab.ts';
import { showTheLabItself } from './0-the-lab-itself.ts';
import { showSegmentAndAcl } from './1-segment-and-acl.ts';
import { showUnknownDevice } from './2-unknown-device.ts';
import { showQuarantine } from './3-quarantine.ts';
import { showPolicyChange } from './4-policy-change.ts';
import { showKill } from './5-kill.ts';
import { showDrift } from './6-drift.ts';
import { showCertificate } from './7-certificate.ts';
import { showPassword } from './8-password.ts';
import { showServerDown } from './9-server-down.ts';
import { showThreePoints } from './10-three-points.ts';
import { showRefusedAnswer } from './11-refused-answer.ts';
import { showRollout } from './12-rollout.ts';
import { showInUse } from './13-in-use.ts';
import { showBreakGlass } from './14-break-glass.ts';
import { showEmptyFirewall } from './15-empty-firewall.ts';
import { showLearnedFromSeen } from './16-learned-from-seen.ts';

/** In this order; each also runs alone, and leaves devices as they were: registered, released, plugged in. */
export const scenes: readonly (readonly [number: string, scene: (lab: Lab) => Promise<void>])[] = [
  ['0', showTheLabItself],
  ['1', showSegmentAndAcl],
  ['2', showUnknownDevice],
  ['3', showQuarantine],
  ['4', showPolicyChange],
  ['5', showKill],
  ['6', showDrift],
  ['7', showCertificate],
  ['8', showPassword],
  ['9', showServerDown],
  ['10', showThreePoints],
  ['11', showRefusedAnswer],
  ['12', showRollout],
  ['13', showInUse],
  ['14', showBreakGlass],
  ['15', showEmptyFirewall],
  ['16', showLearnedFromSeen],
];
