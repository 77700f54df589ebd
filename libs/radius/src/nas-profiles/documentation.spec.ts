import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { expect, it } from 'vitest';
import { goldenPackets } from '../spec/golden-packets.js';
import { overviewTable, profileSection } from '../spec/profile-document.js';
import { nasProfile, nasProfileNames } from './registry.js';

const file = join(import.meta.dirname, '../../../../docs/nas-profiles.md');
const [begin, end] = ['<!-- made of the profiles: begin -->', '<!-- made of the profiles: end -->'];
const profiles = nasProfileNames.map((name) => nasProfile(name)!);
/** What differs from one packet to the next and says nothing to people. */
const dull = /Message-Authenticator|Class =|Session-Timeout|Termination-Action|^Access-Accept/;

function made(): string {
  const sections = profiles.flatMap((profile) => {
    const [data, voice] = goldenPackets(profile);
    const told = (list: readonly string[]) => list.filter((line) => !dull.test(line)).map((line) => line.trim());
    return profileSection(profile, {
      'A reply for a data segment': told(data!.told),
      'For a telephone': told(voice!.told),
    });
  });
  return ['## At a glance', '', ...overviewTable(profiles), '', '## Each make', '', ...sections].join('\n');
}

it('docs/nas-profiles.md says of the makes what their profiles say', async () => {
  const text = readFileSync(file, 'utf8');
  const found = text.slice(text.indexOf(begin) + begin.length, text.indexOf(end)).trim();
  const written = (await format(made(), { parser: 'markdown', printWidth: 120 })).trim();
  if (found !== written && process.env['CORDON_WRITE_DOCS']) {
    const { writeFileSync } = await import('node:fs');
    writeFileSync(
      file,
      `${text.slice(0, text.indexOf(begin))}${begin}\n\n${written}\n\n${text.slice(text.indexOf(end))}`,
    );
    return;
  }
  expect(found).toBe(written);
});
