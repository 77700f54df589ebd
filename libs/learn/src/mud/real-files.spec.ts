import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { baseInput, imported, Resolver, roundTrip } from '../spec/mud-world.js';
import { dnsNamesIn } from './import-mud.js';
import { parseMud } from './parse-mud.js';

const folder = join(import.meta.dirname, 'testdata');
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .sort();
const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');

function inputOf(name: string, oneWay: boolean) {
  const text = textOf(name);
  const parsed = parseMud(text, name);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  return { ...baseInput, file: name, text, oneWay, resolved: new Resolver().resolved(dnsNamesIn(parsed.value)) };
}

describe('MUD files of real devices', () => {
  it('are there', () => expect(files.length).toBeGreaterThanOrEqual(12));

  it.each(files.flatMap((file) => [false, true].map((oneWay) => ({ file, oneWay }))))(
    'allow what the policy allows that is made of them, but for what is reported: $file, one-way: $oneWay',
    ({ file, oneWay }) => {
      const input = inputOf(file, oneWay);
      const made = imported(input);
      const { allowed, meant, reported } = roundTrip(made, input);
      for (const direction of ['from-device', 'to-device'] as const) {
        expect(allowed[direction].subtract(meant[direction]).witness).toBeNull();
        expect(meant[direction].subtract(allowed[direction]).subtract(reported[direction]).witness).toBeNull();
      }
      // These name classes, and for IPv4 only.
      const isClassOnly = ['nist-mfg-test.json', 'nist-model-test.json'].includes(file);
      expect(allowed['from-device'].isEmpty).toBe(isClassOnly);
    },
  );

  it('give this many rules, and leave out this many entries', () => {
    const counts = files.map((file) => {
      const { rules, leftOut, answers, file: mud } = imported(inputOf(file, false));
      const entries = Object.values(mud.entries).flat().length;
      return `${file}: ${entries} entries, ${rules.length} rules, ${leftOut.length} left out, ${answers.length} answers`;
    });
    expect(counts).toMatchInlineSnapshot(`
      [
        "air-quality-monitor.json: 15 entries, 6 rules, 3 left out, 6 answers",
        "blood-pressure-meter.json: 9 entries, 3 rules, 4 left out, 2 answers",
        "brother-printer.json: 12 entries, 5 rules, 2 left out, 2 answers",
        "camera.json: 48 entries, 23 rules, 5 left out, 21 answers",
        "hp-printer.json: 42 entries, 22 rules, 12 left out, 11 answers",
        "nist-controllerclass-test.json: 2 entries, 1 rules, 0 left out, 1 answers",
        "nist-local-and-same-mfg-test.json: 6 entries, 4 rules, 2 left out, 2 answers",
        "nist-mfg-test.json: 4 entries, 0 rules, 4 left out, 0 answers",
        "nist-model-test.json: 4 entries, 0 rules, 4 left out, 0 answers",
        "sleep-sensor.json: 11 entries, 5 rules, 3 left out, 3 answers",
        "smart-scale.json: 9 entries, 2 rules, 5 left out, 2 answers",
        "voice-assistant.json: 57 entries, 28 rules, 4 left out, 25 answers",
      ]
    `);
  });
});
