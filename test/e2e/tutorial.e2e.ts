import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSteps, withOutputs, type Step } from './console-document.js';
import { freePair } from './serve-process.js';
import { Terminal } from './terminal.js';

/*
 * Does what docs/first-policy-change.md says, command by command, in a folder of its own. After a change of what is printed:
 * CORDON_REWRITE_DOCUMENT=1 writes what came into the document; read it before you commit it.
 */
const root = join(import.meta.dirname, '../..');
const file = join(root, 'docs/first-policy-change.md');
const isRewriting = process.env['CORDON_REWRITE_DOCUMENT'] === '1';
const document = readFileSync(file, 'utf8');
const steps = readSteps(document);
const home = mkdtempSync(join(tmpdir(), 'cordon-tutorial-'));
/** Of the person in the document. */
const documentHome = '/home/ada';
const documentToken = /^  admin token +(\S+)/m.exec(document)?.[1] ?? 'no token';
const printed = new Map<Step, string>();
const terminals: Terminal[] = [];
let ports: { http: number; authentication: number; accounting: number };
let token = documentToken;

/** Where a document has one moment, one commit, one draw of random bytes. Nothing else may differ. */
const varying: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<instant>'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?(?= |$)/gm, '<time>'],
  [/^ Date: \w{3} \w{3} \d+ \d\d:\d\d:\d\d \d{4} [+-]\d{4}$/gm, ' Date: <time>'],
  [/^\[(\S+( \(root-commit\))?) [0-9a-f]{7,12}\]/gm, '[$1 <commit>]'],
  [/^Updating [0-9a-f]{7,12}\.\.[0-9a-f]{7,12}$/gm, 'Updating <commit>..<commit>'],
  [/^This reverts commit [0-9a-f]{40}\.$/gm, 'This reverts commit <commit>.'],
  [/^(policy {4})[0-9a-f]{12}(?= by )/gm, '$1<commit>'],
  [/^( {6}git {3})[0-9a-f]{12}, \d{4}-\d\d-\d\d(?=, )/gm, '$1<commit>, <day>'],
  [/^plan [0-9a-f]{12} -> [0-9a-f]{12}(?=, judged at )/gm, 'plan <digest> -> <digest>'],
  [/^change [0-9a-f]{12} {3}[0-9a-f]{12} -> [0-9a-f]{12}(?=, )/gm, 'change <name>   <commit> -> <commit>'],
  [/(?<=cordon-approved:)[0-9a-f]{12}/g, '<name>'],
  [/\(\d+\.\d ms\)$/gm, '(<n> ms)'],
  [/(?<=Class = )\S+$/gm, '<decision>'],
];

/** Without what varies. */
const plain = (text: string): string => varying.reduce((all, [pattern, by]) => all.replaceAll(pattern, by), text);

/** Hashes of the document, and those that stand for them here; by their first seven digits. */
const hereOf = new Map<string, string>();
const thereOf = new Map<string, string>();
const hashesIn = (text: string): string[] => (text.match(/\b[0-9a-f]{7,40}\b/g) ?? []).map((hash) => hash.slice(0, 7));

/** Another commit here is another commit there, and the same the same: else an old answer would pass for the one that is waited for. */
function isAsWritten(written: string, text: string): boolean {
  if (plain(written) !== plain(text)) return false;
  const came = hashesIn(text);
  const pairs = hashesIn(written).map((hash, at) => [hash, came[at]!] as const);
  if (pairs.some(([a, b]) => (hereOf.get(a) ?? b) !== b || (thereOf.get(b) ?? a) !== a)) return false;
  for (const [a, b] of pairs) {
    hereOf.set(a, b);
    thereOf.set(b, a);
  }
  return true;
}

/** What is given here: on ports that were free, and with the token that was drawn. */
function here(command: string): string {
  const { http, authentication, accounting } = ports;
  const listening = `--http 127.0.0.1:${http} --auth-port ${authentication} --acct-port ${accounting}`;
  return command
    .replaceAll(documentToken, token)
    .replaceAll('npm start --', `node bin/cordon.js serve ${listening}`)
    .replaceAll('cordon radtest ', `cordon radtest --server 127.0.0.1:${authentication} `);
}

/** What came, as the document would have it. */
function there(output: string): string {
  const { http, authentication, accounting } = ports;
  return output
    .replaceAll(`127.0.0.1:${http}`, '127.0.0.1:8080')
    .replaceAll(
      `127.0.0.1:${authentication} authentication, :${accounting} accounting`,
      '127.0.0.1:1812 authentication, :1813 accounting',
    )
    .replaceAll(token, documentToken)
    .replaceAll(root, `${documentHome}/cordon`)
    .replaceAll(home, documentHome);
}

beforeAll(async () => {
  const [http, authentication, accounting] = [await freePair(), await freePair(), await freePair()];
  ports = { http, authentication, accounting };
  // A clone, as far as `npm ci` would have brought it; what is written goes elsewhere.
  const clone = join(home, 'cordon');
  mkdirSync(clone);
  cpSync(join(root, 'policies'), join(clone, 'policies'), { recursive: true });
  for (const name of ['bin', 'dist', 'node_modules', 'package.json']) symlinkSync(join(root, name), join(clone, name));
});
afterAll(async () => {
  for (const terminal of terminals) await terminal.close();
  rmSync(home, { recursive: true, force: true });
  if (isRewriting) writeFileSync(file, withOutputs(document, printed));
});

function openTerminal(): Terminal {
  const { PATH = '' } = process.env;
  const terminal = new Terminal(home, {
    PATH,
    HOME: home,
    LANG: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    CORDON_CONTROLLER_URL: `http://127.0.0.1:${ports.http}`,
  });
  terminals.push(terminal);
  return terminal;
}

/** Nobody knows what is waited for while the document is written: then it is what is there after some seconds. */
const patience = isRewriting ? 20_000 : 90_000;

/** Again, as a person would, until it shows what is expected. */
async function give(terminal: Terminal, { kind, command, output }: Step): Promise<string> {
  const begun = performance.now();
  for (;;) {
    const text = there(await terminal.run(here(command)));
    const isLate = performance.now() - begun > patience;
    if (kind === 'once' || isLate || (!isRewriting && isAsWritten(output, text))) return text;
    await sleep(500);
  }
}

describe('docs/first-policy-change.md', () => {
  let terminal: Terminal;
  beforeAll(() => {
    terminal = openTerminal();
  });

  it('says how the build is started', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts['start']).toBe('nest build && node bin/cordon.js serve');
    expect(steps.length).toBeGreaterThan(20);
  });

  for (const step of steps)
    it(`$ ${step.command}`, async () => {
      let text: string;
      if (step.kind === 'stays') {
        text = there(await openTerminal().start(here(step.command), 'stop with Ctrl-C'));
        token = /^  admin token +(\S+)/m.exec(text)?.[1] ?? token;
        text = there(text);
      } else text = await give(terminal, step);
      printed.set(step, text);
      if (isRewriting) return;
      expect(plain(text)).toBe(plain(step.output));
      expect(isAsWritten(step.output, text)).toBe(true);
    });
});
