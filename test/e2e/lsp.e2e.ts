import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const medical = 'rules/flows-medical.csv';

let policies: string;
let editor: Editor;

beforeEach(() => {
  policies = join(mkdtempSync(join(tmpdir(), 'cordon-editor-')), 'policies');
  cpSync(join(root, 'policies'), policies, { recursive: true });
  editor = new Editor();
});
afterEach(async () => {
  editor.child.kill('SIGKILL');
  await editor.gone;
  rmSync(join(policies, '..'), { recursive: true, force: true });
});

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly uri: string; readonly diagnostics: readonly Record<string, unknown>[] };
  readonly result?: unknown;
}

/** Speaks to `cordon lsp` through pipes, as editors do. Its own reading of frames: nothing is shared with what is tested. */
class Editor {
  readonly child: ChildProcess;
  readonly gone: Promise<unknown>;
  private readonly messages: Message[] = [];
  private rest = Buffer.alloc(0);
  private heard: (() => void) | null = null;
  private count = 0;

  constructor() {
    this.child = spawn(process.execPath, [join(root, 'bin/cordon.js'), 'lsp'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.gone = once(this.child, 'exit');
    this.child.stdout!.on('data', (chunk: Buffer) => {
      this.rest = Buffer.concat([this.rest, chunk]);
      for (;;) {
        const head = /^Content-Length: (\d+)\r\n\r\n/.exec(this.rest.toString('latin1', 0, 100));
        if (!head || this.rest.length < head[0].length + Number(head[1])) break;
        const end = head[0].length + Number(head[1]);
        this.messages.push(JSON.parse(this.rest.toString('utf8', head[0].length, end)) as Message);
        this.rest = this.rest.subarray(end);
      }
      this.heard?.();
    });
  }

  private async message(fits: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const found = this.messages.findLast(fits);
      if (found) return found;
      await new Promise<void>((done) => {
        this.heard = done;
      });
    }
  }

  tell(method: string, params: unknown): void {
    this.send({ jsonrpc: '2.0', method, params });
  }

  async ask(method: string, params: unknown): Promise<unknown> {
    const id = ++this.count;
    this.send({ jsonrpc: '2.0', id, method, params });
    return (await this.message((one) => one.id === id)).result;
  }

  /** Findings of a file, once there are such. */
  async told(name: string, code: string): Promise<Record<string, unknown>> {
    const of = ({ params }: Message) =>
      params?.uri === uri(name) ? params.diagnostics.find((one) => one['code'] === code) : undefined;
    return of(await this.message((one) => of(one) !== undefined))!;
  }

  private send(message: unknown): void {
    const text = JSON.stringify(message);
    this.child.stdin!.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }
}

const uri = (name: string): string => pathToFileURL(join(policies, name)).href;
const textDocument = { uri: '' };

describe('cordon lsp', () => {
  it('speaks the language server protocol from initialize to exit', async () => {
    const document = { ...textDocument, uri: uri(medical) };
    expect(await editor.ask('initialize', { processId: process.pid, rootUri: null, capabilities: {} })).toMatchObject({
      capabilities: { positionEncoding: 'utf-16', completionProvider: {}, renameProvider: {} },
    });
    editor.tell('initialized', {});
    const text = readFileSync(join(policies, medical), 'utf8');
    editor.tell('textDocument/didOpen', { textDocument: { ...document, languageId: 'csv', version: 1, text } });
    const line = text.split('\n').length - 1;
    // Nothing of it is on disk. The face has two units of UTF-16.
    const changed = `${text}p, infusion-pump, ehr, https, allow, always, "😀", x\np, infusion-pmp, ehr, `;
    editor.tell('textDocument/didChange', {
      textDocument: { ...document, version: 2 },
      contentChanges: [{ text: changed }],
    });
    expect(await editor.told(medical, 'column-count')).toMatchObject({ severity: 1, source: 'cordon' });
    const better = `${text}p, infusion-pump, ehr, https, allow, always, "😀" # x\np, infusion-pmp, ehr, https, allow, always, x`;
    editor.tell('textDocument/didChange', {
      textDocument: { ...document, version: 3 },
      contentChanges: [{ text: better }],
    });
    expect(await editor.told(medical, 'trailing-comment')).toMatchObject({
      range: { start: { line, character: 50 }, end: { line, character: 53 } },
    });
    expect(await editor.told(medical, 'unknown-name')).toMatchObject({
      range: { start: { line: line + 1, character: 3 }, end: { line: line + 1, character: 15 } },
    });
    const position = { line: line + 1, character: 6 };
    const items = (await editor.ask('textDocument/completion', { textDocument: document, position })) as {
      label: string;
    }[];
    expect(items.map(({ label }) => label)).toEqual(expect.arrayContaining(['infusion-pump', 'ehr', 'device']));
    const known = text.split('\n').findIndex((one) => one.startsWith('p, infusion-pump, '));
    const place = { textDocument: document, position: { line: known, character: 5 } };
    const defined = await editor.ask('textDocument/definition', place);
    expect(defined).toMatchObject([{ uri: uri('catalog/classes.yaml') }]);
    expect(await editor.ask('shutdown', null)).toBeNull();
    editor.tell('exit', null);
    await editor.gone;
    expect(editor.child.exitCode).toBe(0);
  });

  it('ends with 1 when the editor goes without a word, or says what is no message', async () => {
    editor.child.stdin!.end();
    await editor.gone;
    expect(editor.child.exitCode).toBe(1);
    const other = new Editor();
    other.child.stdin!.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await other.gone;
    expect(other.child.exitCode).toBe(1);
  });
});
