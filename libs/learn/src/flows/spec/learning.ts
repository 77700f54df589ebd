import { parseInventory } from '#plan';
import { learnFlows } from '../learn-flows.js';
import { learnDefaults, type Learned, type LearnOptions } from '../learned.js';

/** A Tuesday, 13:00 in Berlin. */
export const learnedAt = new Date('2026-11-24T12:00:00Z');

export function learn(
  files: ReadonlyMap<string, string>,
  inventory: string,
  flows: readonly string[],
  options: Partial<LearnOptions> = {},
): Learned {
  const parsed = parseInventory(inventory, 'devices.csv');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  const learned = learnFlows({
    files,
    at: learnedAt,
    inventory: parsed.value,
    flows: { file: 'flows.csv', text: flows.join('\n') },
    options: { ...learnDefaults, ...options },
    checkPoint: () => [],
  });
  if (!learned.ok) throw new Error(JSON.stringify(learned.diagnostics));
  return learned.value;
}

/** `infusion-pump drug-library https` */
export const told = ({ lines }: Learned): string[] =>
  lines.map(({ subject, object, application }) => `${subject} ${object} ${application}`);
