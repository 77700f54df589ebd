import { suspicionKinds } from '#model';
import { z } from 'zod';

const text = z.string();
const optional = text.nullable();
const instant = z.iso.datetime();
const actor = text.describe('whose token it was, or `system`');

const session = {
  session: text.describe('identity of the session'),
  mac: text.describe('address of the device'),
  class: text.describe('what the device counts as'),
  site: text,
  nas: text.describe('the switch, as network/nas.yaml names it'),
  nasPort: optional.describe('its port, if the switch said it'),
  segment: text.describe('where the device was put'),
  vlan: z.number().int(),
};
const wrongSession = z.strictObject({
  ...session,
  reason: optional.describe('what is wrong, for people'),
  since: instant,
});
const point = { point: text.describe('as network/enforcement-points.yaml names it'), site: text, driver: text };
const order = {
  order: z.number().int().describe('number of the order: for the device `mac`, or for the class `class`'),
  mac: optional,
  class: optional,
  opens: text.describe('the class that it counts as'),
};
const commit = { commit: text, author: text, digest: text.describe('of the snapshot') };

interface EventFacts {
  /** When it is sent. */
  readonly about: string;
  readonly data: z.ZodType;
}

/** Every event that is sent, and what it says. No credential and no secret is in any of them. */
export const webhookEvents = {
  'session.refused': { about: 'A switch does not take what was decided for a device.', data: wrongSession },
  'session.diverged': { about: 'The network does something else with a device than was decided.', data: wrongSession },
  'session.recovered': {
    about: 'What was wrong with a session is put right, or the session is over.',
    data: z.strictObject({
      ...session,
      was: z.enum(['refused', 'diverged']),
      outcome: z.enum(['settled', 'ended']).describe('whether it is right now, or over'),
    }),
  },
  'enforcement.drifted': {
    about: 'Somebody changed an enforcement point behind the back of Cordon.',
    data: z.strictObject({
      ...point,
      repaired: z.boolean().describe('it was put right at once'),
      steps: z.array(text).describe('what had to be changed; the first twenty'),
    }),
  },
  'enforcement.second-writer': {
    about: 'Somebody else brought an enforcement point to what policy wants: two write to it.',
    data: z.strictObject({ ...point, digest: commit.digest }),
  },
  'enforcement.failed': {
    about: 'An enforcement point can not be brought to what policy wants. It is tried again.',
    data: z.strictObject({
      ...point,
      state: z.enum(['failed', 'unreachable']).describe('whether it says no, or does not answer'),
      message: text,
    }),
  },
  'enforcement.recovered': {
    about: 'An enforcement point that had failed is in sync again.',
    data: z.strictObject({ ...point, was: z.enum(['failed', 'unreachable']) }),
  },
  'rollout.started': {
    about: 'A policy begins to reach devices, stage by stage.',
    data: z.strictObject({ ...commit, stage: optional.describe('the first') }),
  },
  'rollout.halted': {
    about: 'A gate stopped a rollout. It waits for a person.',
    data: z.strictObject({ rollout: z.number().int(), digest: commit.digest, stage: optional, reason: text }),
  },
  'rollout.withdrawn': {
    about: 'A rollout was taken back, by a person or by a gate.',
    data: z.strictObject({ ...commit, actor, reason: text }),
  },
  'rollout.done': { about: 'A policy is in force everywhere.', data: z.strictObject(commit) },
  'break-glass.opened': {
    about: 'A person opened a device or a class past its policy.',
    data: z.strictObject({
      ...order,
      by: text.describe('the person'),
      actor,
      reason: text,
      until: instant,
    }),
  },
  'break-glass.closed': {
    about: 'It was closed before its time.',
    data: z.strictObject({ ...order, actor }),
  },
  'break-glass.over': { about: 'Its time is over.', data: z.strictObject({ ...order, until: instant }) },
  'policy.refused': {
    about: 'A commit has errors. The policy before stays in force.',
    data: z.strictObject({
      commit: text,
      author: text,
      errors: z.number().int(),
      first: optional.describe('what is wrong first'),
    }),
  },
  'policy.rolled-back': {
    about: 'A person went back to a policy that was in force before. The branch does not say so yet.',
    data: z.strictObject({
      commit: text,
      digest: commit.digest,
      from: text.describe('the commit that it goes back from'),
      actor,
      reason: text,
    }),
  },
  'suspicion.raised': {
    about: 'A device may not be what it says.',
    data: z.strictObject({
      suspicion: z.number().int().describe('its number'),
      mac: text,
      kind: z.enum(suspicionKinds),
      class: text,
      nas: text,
      nasPort: optional,
      reason: text,
      action: z.enum(['alarm', 'quarantine']).describe('what was done'),
    }),
  },
} as const satisfies Record<string, EventFacts>;

export type WebhookEventType = keyof typeof webhookEvents;
export type WebhookEvent = {
  [T in WebhookEventType]: { readonly type: T; readonly data: z.infer<(typeof webhookEvents)[T]['data']> };
}[WebhookEventType];
