import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { webhookEvents, type WebhookEventType } from './events.js';

const docs = readFileSync(join(import.meta.dirname, '../../../../docs/webhooks.md'), 'utf8');
const sections = docs.split(/^### /m).slice(1);
const sectionOf = (type: string): string => sections.find((text) => text.startsWith(`\`${type}\`\n`)) ?? '';
const types = Object.keys(webhookEvents) as WebhookEventType[];

const envelope = z.strictObject({ type: z.string(), timestamp: z.iso.datetime(), data: z.unknown() });

describe('docs/webhooks.md', () => {
  it('has a section for each event and for no other, in their order', () => {
    const named = sections.flatMap((text) => /^`([a-z-]+\.[a-z-]+)`\n/.exec(text)?.[1] ?? []);
    expect(named).toEqual(types);
  });

  it.each(types)('says when `%s` is sent, and shows one as it is sent', (type) => {
    const text = sectionOf(type);
    expect(text).toContain(webhookEvents[type].about);
    const [json] = [...text.matchAll(/^```json\n(.*?)^```$/gms)].map(([, block]) => block!);
    const example = envelope.parse(JSON.parse(json!));
    expect(example.type).toBe(type);
    expect(() => webhookEvents[type].data.parse(example.data)).not.toThrow();
  });

  it('says of each field what it is, where its name does not', () => {
    const fields = new Map<string, Set<string>>();
    for (const { data } of Object.values(webhookEvents))
      for (const [name, { description }] of Object.entries(data.shape as Record<string, z.ZodType>))
        if (description) fields.set(name, (fields.get(name) ?? new Set()).add(description));
    const rows = [...docs.split('## Fields')[1]!.matchAll(/^\| `(\w+)` +\| (.+?) +\|$/gm)].map(
      ([, name, text]) => `${name}: ${text}`,
    );
    expect(rows).toEqual([...fields].map(([name, texts]) => `${name}: ${[...texts].join('; ')}`).sort());
  });
});
