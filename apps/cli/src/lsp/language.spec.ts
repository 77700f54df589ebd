import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { policyFiles } from '#testkit';
import { Connection } from './connection.js';
import { MessageReader } from './framing.js';
import type { CompletionItem, Location, TextEdit } from './protocol.js';
import { LanguageServer, lineEdits } from './server.js';
import { TextDocument } from './text-document.js';
import { Workspace } from './workspace.js';

const noon = new Date('2026-11-23T11:00:00Z');
const good = policyFiles();
const flows = 'rules/flows.csv';

interface Published {
  readonly uri: string;
  readonly diagnostics: readonly { code: string; range: unknown; severity: number; message: string }[];
}

/** A server with an editor, in one process. */
class Played {
  readonly root = join(mkdtempSync(join(tmpdir(), 'cordon-lsp-')), 'policies');
  readonly published: Published[] = [];
  readonly exits: number[] = [];
  private readonly reader = new MessageReader();
  private readonly answers: { id?: unknown; result?: unknown; error?: { code: number; message: string } }[] = [];
  private readonly workspace: Workspace;
  private readonly connection: Connection;
  private count = 0;
  private heard: (() => void) | null = null;

  constructor(files: ReadonlyMap<string, string> = good) {
    for (const [name, text] of files) this.write(name, text);
    const publish = (uri: string, diagnostics: readonly unknown[]): void => {
      this.published.push({ uri, diagnostics: diagnostics as Published['diagnostics'] });
      this.heard?.();
    };
    this.workspace = new Workspace(null, { settle: 1, now: () => noon, publish });
    const server = new LanguageServer(this.workspace, { version: '1', now: () => noon }, (code) =>
      this.exits.push(code),
    );
    this.connection = new Connection(server, (text) => {
      for (const message of this.reader.push(Buffer.from(text))) this.answers.push(JSON.parse(message) as object);
    });
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.root, name)), { recursive: true });
    writeFileSync(join(this.root, name), text);
  }

  uri(name: string): string {
    return pathToFileURL(join(this.root, name)).href;
  }

  send(message: unknown): void {
    const text = JSON.stringify(message);
    this.connection.receive(Buffer.from(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`));
  }

  tell(method: string, params: unknown = {}): void {
    this.send({ jsonrpc: '2.0', method, params });
  }

  raw(method: string, params: unknown = {}): (typeof this.answers)[number] {
    this.answers.length = 0;
    this.send({ jsonrpc: '2.0', id: ++this.count, method, params });
    return this.answers.find(({ id }) => id === this.count)!;
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what a method answers is known by who asks
  ask<T>(method: string, params: unknown = {}): T {
    const { result, error } = this.raw(method, params);
    if (error) throw new Error(error.message);
    return result as T;
  }

  /** Of the last answer or telling, whatever it was for. */
  get last(): (typeof this.answers)[number] | undefined {
    return this.answers.at(-1);
  }

  begin(): this {
    this.ask('initialize', { processId: null, capabilities: {} });
    this.tell('initialized');
    return this;
  }

  open(name: string, text = good.get(name) ?? ''): void {
    this.tell('textDocument/didOpen', { textDocument: { uri: this.uri(name), languageId: 'x', version: 1, text } });
  }

  change(name: string, text: string): void {
    this.tell('textDocument/didChange', {
      textDocument: { uri: this.uri(name), version: 2 },
      contentChanges: [{ text }],
    });
  }

  /** What was said of the file last, once it fits. */
  async saidOf(name: string, fits: (all: Published['diagnostics']) => boolean): Promise<Published['diagnostics']> {
    for (;;) {
      const last = this.published.findLast(({ uri }) => uri === this.uri(name));
      if (last && fits(last.diagnostics)) return last.diagnostics;
      await new Promise<void>((done) => {
        this.heard = done;
      });
    }
  }

  at(name: string, line: number, character: number): object {
    return { textDocument: { uri: this.uri(name) }, position: { line, character } };
  }

  close(): void {
    this.workspace.close();
    rmSync(dirname(this.root), { recursive: true, force: true });
  }
}

let editor: Played;
beforeEach(() => {
  editor = new Played().begin();
});
afterEach(() => editor.close());

/** The text with this line behind it, and where that line is. */
const withLine = (name: string, line: string): [text: string, number: number] => {
  const text = `${good.get(name)!}${line}\n`;
  return [text, text.split('\n').length - 2];
};

describe('findings in an editor', () => {
  it('are those of the text that is open, with ranges in UTF-16', async () => {
    const [text, line] = withLine(flows, 'p, infusion-pmp, library-1, https, allow, always, "😀"');
    editor.open(flows, text);
    const [found] = await editor.saidOf(flows, (all) => all.some(({ code }) => code === 'unknown-name'));
    expect(found).toMatchObject({
      code: 'unknown-name',
      severity: 1,
      range: { start: { line, character: 3 }, end: { line, character: 15 } },
    });
    expect(found!.message).toContain('did you mean `infusion-pump`');
    const [behind] = withLine(flows, 'p, infusion-pump, library-1, https, allow, always, "😀" # why');
    editor.change(flows, behind);
    const [comment] = await editor.saidOf(flows, (all) => all.some(({ code }) => code === 'trailing-comment'));
    // The face counts as two.
    expect(comment!.range).toEqual({ start: { line, character: 56 }, end: { line, character: 61 } });
  });

  it('go when the text is good again, or closed', async () => {
    editor.open(flows, `${good.get(flows)!}p, x\n`);
    await editor.saidOf(flows, (all) => all.length === 1);
    editor.change(flows, good.get(flows)!);
    await editor.saidOf(flows, (all) => all.every(({ severity }) => severity > 1));
    editor.change(flows, 'p, x\n');
    await editor.saidOf(flows, (all) => all.some(({ code }) => code === 'column-count'));
    editor.tell('textDocument/didClose', { textDocument: { uri: editor.uri(flows) } });
    await editor.saidOf(flows, (all) => all.every(({ severity }) => severity > 1));
  });

  it('are told of other files, too, and follow what others write', async () => {
    editor.open(flows);
    editor.write('catalog/classes.yaml', 'medical-device: {}\nquarantined: {}\n');
    const found = await editor.saidOf(flows, (all) => all.some(({ code }) => code === 'unknown-name'));
    expect(found[0]!.range).toEqual({ start: { line: 1, character: 3 }, end: { line: 1, character: 16 } });
    await editor.saidOf('rules/access.csv', (all) => all.some(({ code }) => code === 'unknown-name'));
  });

  it('are none of files that belong to no policy', () => {
    const uri = pathToFileURL(join(tmpdir(), 'elsewhere.csv')).href;
    for (const one of [uri, 'untitled:Untitled-1', 'not a uri']) {
      editor.tell('textDocument/didOpen', { textDocument: { uri: one, text: 'p, x' } });
      expect(
        editor.ask('textDocument/completion', { textDocument: { uri: one }, position: { line: 0, character: 0 } }),
      ).toEqual([]);
    }
    expect(editor.published).toEqual([]);
  });
});

describe('completion', () => {
  const labels = (line: string, name = flows): string[] => {
    const [text, number] = withLine(name, line);
    editor.open(name, text);
    return editor
      .ask<CompletionItem[]>('textDocument/completion', editor.at(name, number, line.length))
      .sort((a, b) => (a.sortText < b.sortText ? -1 : 1))
      .map(({ label }) => label);
  };

  it.each([
    ['the type of a line', '', ['p', 'p2', 'g', 'g2', 'g3']],
    ['applications', 'p, infusion-pump, library-1, ', ['any', 'https', 'web']],
    ['effects', 'p, infusion-pump, library-1, https, ', ['allow', 'deny']],
    [
      'conditions',
      'p, infusion-pump, library-1, https, allow, ',
      ['always', 'until 2026-12-23', 'until 2027-02-21', 'until 2027-11-23', 'office'],
    ],
    ['classes', 'p2, ', ['device', 'unknown', 'infusion-pump', 'medical-device', 'quarantined']],
    ['sites', 'p2, infusion-pump, ', ['everywhere', 'main', 'main-wifi']],
    ['postures', 'p2, infusion-pump, main, ', ['verified', 'unverified', 'at-risk', 'quarantined']],
    ['segments', 'p2, infusion-pump, main, verified, pu', ['pumps', 'quarantine']],
    ['nothing in a note', 'p, infusion-pump, library-1, https, allow, always, "', []],
    ['nothing in a comment', '# p, ', []],
    ['nothing behind the last column', 'g, a, b, ', []],
  ])('offers %s', (_, line, expected) => {
    expect(labels(line)).toEqual(expected);
  });

  it('offers classes, endpoints and groups as subjects, and says what they are', () => {
    const [text, number] = withLine(flows, 'p, inf');
    editor.open(flows, text);
    const items = editor.ask<CompletionItem[]>('textDocument/completion', editor.at(flows, number, 6));
    const of = (label: string) => items.find((item) => item.label === label);
    expect(items.map(({ label }) => label)).toEqual(
      expect.arrayContaining(['infusion-pump', 'library-1', 'drug-library', 'internet']),
    );
    expect(of('infusion-pump')!.detail).toBe('device class, life-critical');
    expect(of('library-1')!.detail).toBe('endpoint: 10.10.4.20, fd10:4::20');
    // What is written already is replaced, whatever the editor takes for a word.
    expect(of('infusion-pump')!.textEdit).toEqual({
      range: { start: { line: number, character: 3 }, end: { line: number, character: 6 } },
      newText: 'infusion-pump',
    });
  });

  it.each([
    ['  - { name: x, from: ', 'infusion-pump'],
    ['  - { name: x, never: { from: [infusion-pump, dr', 'drug-library'],
    ['  - { name: x, class: infusion-pump, site: main, posture: ', 'at-risk'],
    ['  - { name: x, from: infusion-pump, to: library-1, app: https, expect: ', 'allow'],
  ])('offers names in YAML: %s', (line, expected) => {
    expect(labels(line, 'tests/flows.yaml')).toContain(expected);
  });

  it('offers nothing in YAML where no name belongs', () => {
    expect(labels('  - { name: ', 'tests/flows.yaml')).toEqual([]);
  });
});

describe('a name', () => {
  const hover = (name: string, line: number, character: number): string | null => {
    editor.open(name);
    return (
      editor.ask<{ contents: { value: string } } | null>('textDocument/hover', editor.at(name, line, character))
        ?.contents.value ?? null
    );
  };

  it('says what it is', () => {
    expect(hover(flows, 1, 5)).toBe(
      '**infusion-pump**: device class, life-critical  \nbelongs to: medical-device, device  \ndescription: infusion pump',
    );
    expect(hover(flows, 1, 20)).toBe('**drug-library**: endpoint: 10.10.4.20, fd10:4::20  \nmembers: library-1');
    expect(hover('rules/membership.csv', 1, 4)).toContain('owner: pharmacy');
    expect(hover(flows, 1, 33)).toContain('application: tcp/443');
    expect(hover('rules/access.csv', 2, 45)).toContain(
      'segment, only for infusion-pump  \nmain: VLAN 210, 10.21.0.0/20, fd21::/64',
    );
    expect(hover(flows, 3, 47)).toContain('schedule: Mon, Tue, Wed, Thu, Fri from 07:00 to 19:00, Europe/Berlin');
    expect(hover(flows, 0, 3)).toBeNull();
  });

  it('is no Markdown', () => {
    editor.write('catalog/classes-odd.yaml', 'odd: { description: "<b>*a*</b> [x](http://y)" }');
    editor.write('rules/odd.csv', 'g, odd, medical-device\n');
    expect(hover('rules/odd.csv', 0, 4)).toBeNull();
    editor.open('rules/odd.csv', 'g, odd, medical-device\n');
    const value = editor.ask<{ contents: { value: string } }>('textDocument/hover', editor.at('rules/odd.csv', 0, 4))
      .contents.value;
    expect(value).toContain(String.raw`\<b\>\*a\*\</b\> \[x\]\(http://y\)`);
  });

  it('leads to where it is declared, and to all its places', () => {
    editor.open(flows);
    const define = editor.ask<Location[]>('textDocument/definition', editor.at(flows, 1, 5));
    expect(define).toEqual([
      {
        uri: editor.uri('catalog/classes.yaml'),
        range: { start: { line: 1, character: 0 }, end: { line: 1, character: 13 } },
      },
    ]);
    const group = editor.ask<Location[]>('textDocument/definition', editor.at(flows, 1, 20));
    expect(group.map(({ uri }) => uri)).toEqual([editor.uri('rules/membership.csv')]);
    const context = { includeDeclaration: false };
    const places = editor.ask<Location[]>('textDocument/references', { ...editor.at(flows, 1, 5), context });
    expect(new Set(places.map(({ uri }) => uri))).toEqual(
      new Set(
        ['rules/access.csv', 'catalog/segments.yaml', flows, 'rules/membership.csv', 'tests/flows.yaml'].map((name) =>
          editor.uri(name),
        ),
      ),
    );
    expect(editor.ask('textDocument/definition', editor.at(flows, 0, 3))).toEqual([]);
  });

  it('is renamed everywhere, in texts that are open too, or nowhere', () => {
    const [text] = withLine(flows, 'p, infusion-pump, remediation, https, allow, always, x');
    editor.open(flows, text);
    const prepared = editor.ask<{ placeholder: string }>('textDocument/prepareRename', editor.at(flows, 1, 5));
    expect(prepared.placeholder).toBe('infusion-pump');
    const { changes } = editor.ask<{ changes: Record<string, TextEdit[]> }>('textDocument/rename', {
      ...editor.at(flows, 1, 5),
      newName: 'pump',
    });
    expect(Object.keys(changes)).toHaveLength(6);
    expect(changes[editor.uri(flows)]![0]!.newText).toContain('p, pump, remediation, https');
    const refused = editor.raw('textDocument/rename', { ...editor.at(flows, 1, 5), newName: 'remediation' });
    expect(refused.error?.message).toContain('`remediation` stands in rules/flows.csv already');
  });
});

describe('a rule line', () => {
  it('says what it does after expansion', () => {
    editor.open(flows);
    const value = (line: number, character: number, name = flows): string =>
      editor.ask<{ contents: { value: string } }>('textDocument/hover', editor.at(name, line, character)).contents
        .value;
    expect(value(1, 0)).toBe(
      String.raw`allows connections` +
        '  \nfrom infusion-pump  \nto drug-library \\(10.10.4.20, fd10:4::20\\)  \nfor https \\(tcp/443\\)',
    );
    expect(value(2, 0)).toContain('from medical-device \\(also infusion-pump\\)');
    editor.open('rules/access.csv');
    expect(value(2, 0, 'rules/access.csv')).toBe(
      'places infusion-pump at everywhere, unverified  \nin pumps: VLAN 210 at main',
    );
  });
});

describe('formatting', () => {
  it('is that of `cordon fmt`, and touches only lines that change', () => {
    const [text, line] = withLine(flows, 'p,infusion-pump ,library-1, https, allow, always, x');
    editor.open(flows, text);
    const edits = editor.ask<TextEdit[]>('textDocument/formatting', {
      textDocument: { uri: editor.uri(flows) },
      options: {},
    });
    expect(edits).toEqual([
      {
        range: { start: { line, character: 0 }, end: { line: line + 1, character: 0 } },
        newText: 'p, infusion-pump, library-1, https, allow, always, "x"\n',
      },
    ]);
    editor.open('rules/membership.csv');
    expect(
      editor.ask('textDocument/formatting', { textDocument: { uri: editor.uri('rules/membership.csv') } }),
    ).toEqual([]);
  });

  it.each([
    ['a\nb\nc\n', 'a\nB\nc\n'],
    ['a\nb', 'a\nb\n'],
    ['', 'a\n'],
    ['a\na\na\n', 'a\na\n'],
    ['x\r\ny\r\n', 'x\ny\n'],
  ])('%j becomes %j', (before, after) => {
    const document = new TextDocument(before);
    const [edit] = lineEdits(document, after);
    const [from, to] = [edit!.range.start, edit!.range.end].map((place) => document.offsetAt(place));
    expect(before.slice(0, from) + edit!.newText + before.slice(to)).toBe(after);
  });
});

describe('the protocol', () => {
  it('begins with initialize, ends with shutdown and exit', () => {
    const other = new Played();
    expect(other.raw('textDocument/hover', other.at(flows, 0, 0)).error?.code).toBe(-32_002);
    expect(other.ask('initialize', {})).toMatchObject({
      serverInfo: { name: 'cordon' },
      capabilities: { hoverProvider: true },
    });
    expect(other.raw('initialize', {}).error?.code).toBe(-32_600);
    expect(other.ask('shutdown')).toBeNull();
    expect(other.raw('textDocument/hover', other.at(flows, 0, 0)).error?.code).toBe(-32_600);
    other.tell('exit');
    editor.tell('exit');
    expect([other.exits, editor.exits]).toEqual([[0], [1]]);
    other.close();
  });

  it('answers what it can not do', () => {
    expect(editor.raw('textDocument/semanticTokens/full').error?.code).toBe(-32_601);
    expect(editor.raw('toString').error?.code).toBe(-32_601);
    expect(editor.raw('textDocument/hover', { textDocument: {} }).error?.code).toBe(-32_602);
    editor.send('nonsense');
    expect(editor.last?.error?.code).toBe(-32_600);
    editor.tell('textDocument/didChange', { textDocument: 1 });
    expect(editor.last).toMatchObject({ method: 'window/logMessage' });
    editor.tell('$/cancelRequest', { id: 1 });
    expect(editor.ask('textDocument/hover', editor.at(flows, 1, 5))).not.toBeNull();
  });

  it('takes the policy that the editor names', () => {
    const other = new Played();
    other.ask('initialize', { initializationOptions: { policy: other.root } });
    other.open('README.md', 'x');
    expect(other.published.length).toBeGreaterThan(0);
    other.close();
  });
});
