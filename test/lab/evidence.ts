import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { devicePlans, nasPlans } from './plan.ts';
import { run } from './process.ts';

/** Writes down how everything stands when a scene has failed: one file per scene in the evidence folder. */
export async function collectEvidence(lab: Lab, scene: string): Promise<void> {
  const questions: readonly (readonly [string, () => Promise<unknown>])[] = [
    ...nasPlans.map(({ name }) => [`agent ${name}`, () => lab.switch.nas(name)] as const),
    ...devicePlans.map(({ port }) => [`OpenFlow rules of ${port}`, () => lab.switch.flows(port)] as const),
    ...devicePlans.map(({ name }) => [`addresses of ${name}`, () => run(['ip', 'addr'], { namespace: name })] as const),
    ['firewall rules', () => lab.firewall.ruleset()],
    ['firewall connections', () => run(['conntrack', '-L'], { namespace: 'fw', mayFail: true })],
    ['bridge counters', () => lab.cordon.bridgeCounters()],
    ['sessions', () => lab.cordon.ask('GET', '/sessions')],
    ['devices', () => lab.cordon.ask('GET', '/devices')],
    ['enforcement points', () => lab.cordon.ask('GET', '/enforcement-points')],
    ['policy', () => lab.cordon.ask('GET', '/policy')],
  ];
  let text = '';
  for (const [title, question] of questions) {
    const answer = await question().catch((error: unknown) => `no answer: ${String(error)}`);
    text += `== ${title}\n${typeof answer === 'string' ? answer : JSON.stringify(answer, null, 1)}\n\n`;
  }
  writeFileSync(join(lab.folder, `scene-${scene}.txt`), text);
}
