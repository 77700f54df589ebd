import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { noProvenance } from '#policy';
import { policyFiles } from '#testkit';
import { evaluatePolicy } from '../../apps/controller/src/policy/evaluate.js';

/* As it is built, in a process of its own: from its sources there is no thread. */

const built = pathToFileURL(join(import.meta.dirname, '../../dist/apps/controller/src/policy/evaluate-thread.js')).href;
const at = '2026-11-23T11:00:00Z';

/** Asks for all of them at once. Of each: its digest, null for a policy that is refused, or why there is no answer. */
function judged(policies: readonly (Record<string, string> | null)[]): (string | null)[] {
  // No module by flag: threads would get the flag, too.
  const script = `(async () => {
    const { evaluateInThread } = await import(${JSON.stringify(built)});
    const { at, policies } = JSON.parse(process.argv[1]);
    const provenance = { commit: null, author: null, committedAt: null };
    const all = policies.map((files) =>
      evaluateInThread({ files: files && new Map(files), at: new Date(at), provenance, known: new Map() }).then(
        (result) => (result.ok ? result.value.snapshot.digest : null),
        (error) => 'no answer: ' + error.message,
      ),
    );
    console.log(JSON.stringify(await Promise.all(all)));
  })()`;
  const input = { at, policies: policies.map((parts) => parts && [...policyFiles(parts)]) };
  const args = ['-e', script, JSON.stringify(input)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })) as (string | null)[];
}

function digestOf(parts: Record<string, string>): string {
  const here = evaluatePolicy(policyFiles(parts), new Date(at), noProvenance);
  if (!here.ok) throw new Error('this policy is good');
  return here.value.snapshot.digest;
}

const closed = { 'rules/x.csv': 'p, infusion-pump, drug-library, web, deny, always, closed' };
const refused = { 'rules/x.csv': 'p, nobody, nowhere, https, allow, always, x' };

it('judges one policy after the other as one alone, in the order in which it was asked', () => {
  expect(judged([{}, closed, refused, {}])).toEqual([digestOf({}), digestOf(closed), null, digestOf({})]);
});

it('a request at which its thread ends fails, and takes no other one with it', () => {
  const [before, failed, after] = judged([{}, null, {}]);
  expect(failed).toMatch(/^no answer: /);
  expect([before, after]).toEqual([digestOf({}), digestOf({})]);
});
