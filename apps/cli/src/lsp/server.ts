import { formatPolicy, renameInPolicy } from '#policy';
import { completeAt } from './complete.js';
import { Refusal, rpcErrors, type Handlers } from './connection.js';
import { describeName, describeRule } from './describe.js';
import { uriOf, type NamePlace, type PolicyFolder } from './policy-folder.js';
import * as protocol from './protocol.js';
import { TextDocument } from './text-document.js';
import type { Workspace } from './workspace.js';

/** What the protocol lets a server offer. */
const capabilities = {
  positionEncoding: 'utf-16',
  /** Whole texts: the longest file of a policy has 1 MiB. */
  textDocumentSync: { openClose: true, change: 1 },
  completionProvider: { triggerCharacters: [',', ' ', ':', '['] },
  hoverProvider: true,
  definitionProvider: true,
  referencesProvider: true,
  renameProvider: { prepareProvider: true },
  documentFormattingProvider: true,
};

interface Here {
  readonly folder: PolicyFolder;
  readonly name: string;
}

type Answer = (params: unknown) => unknown;

/** Answers an editor. Decides nothing about policy: each answer is one of the library, in the words of the protocol. */
export class LanguageServer implements Handlers {
  private state: 'new' | 'ready' | 'shut' = 'new';
  private readonly requests: Readonly<Record<string, Answer>> = {
    'textDocument/completion': (params) => this.complete(params),
    'textDocument/hover': (params) => this.hover(params),
    'textDocument/definition': (params) => this.define(params),
    'textDocument/references': (params) => this.refer(params),
    'textDocument/prepareRename': (params) => this.prepareRename(params),
    'textDocument/rename': (params) => this.rename(params),
    'textDocument/formatting': (params) => this.format(params),
  };

  /** `exit`: with which code. */
  constructor(
    private readonly workspace: Workspace,
    private readonly about: { readonly version: string; readonly now: () => Date },
    private readonly exit: (code: number) => void,
  ) {}

  request(method: string, params: unknown): unknown {
    if (method === 'initialize') return this.initialize(params);
    if (this.state === 'new') throw new Refusal(rpcErrors.notInitialized, 'the first request is initialize');
    if (this.state === 'shut') throw new Refusal(rpcErrors.invalidRequest, 'shutdown came before');
    if (method === 'shutdown') {
      this.state = 'shut';
      return null;
    }
    const answer = Object.hasOwn(this.requests, method) ? this.requests[method] : undefined;
    if (!answer) throw new Refusal(rpcErrors.unknownMethod, `\`${method}\` is not offered`);
    return answer(params);
  }

  notify(method: string, params: unknown): void {
    if (method === 'exit') return this.exit(this.state === 'shut' ? 0 : 1);
    if (this.state !== 'ready') return;
    switch (method) {
      case 'textDocument/didOpen': {
        const { textDocument } = protocol.openParams.parse(params);
        return this.workspace.edit(textDocument.uri, textDocument.text);
      }
      case 'textDocument/didChange': {
        const { textDocument, contentChanges } = protocol.changeParams.parse(params);
        const last = contentChanges.at(-1);
        if (last) this.workspace.edit(textDocument.uri, last.text);
        return;
      }
      case 'textDocument/didClose':
        return this.workspace.edit(protocol.documentParams.parse(params).textDocument.uri, null);
      default:
      // `initialized`, `$/cancelRequest` and the like: nothing here depends on them.
    }
  }

  private initialize(params: unknown): unknown {
    if (this.state !== 'new') throw new Refusal(rpcErrors.invalidRequest, 'initialize comes once');
    const { initializationOptions } = protocol.initializeParams.parse(params);
    if (initializationOptions?.policy !== undefined) this.workspace.setFolder(initializationOptions.policy);
    this.state = 'ready';
    return { capabilities, serverInfo: { name: 'cordon', version: this.about.version } };
  }

  private complete(params: unknown): unknown {
    const { textDocument, position } = protocol.placeParams.parse(params);
    const here = this.workspace.locate(textDocument.uri);
    return here ? completeAt(here.folder, here.name, position, this.about.now()) : [];
  }

  private hover(params: unknown): unknown {
    const { textDocument, position } = protocol.placeParams.parse(params);
    const here = this.workspace.locate(textDocument.uri);
    if (!here) return null;
    const document = here.folder.document(here.name);
    const place = here.folder.nameAt(here.name, document.offsetAt(position));
    if (place) {
      const [first, ...more] = describeName(here.folder, place);
      if (first === undefined) return null;
      return hoverOf(
        [`**${place.name}**: ${escapeText(first)}`, ...more.map(escapeText)],
        document.range(place.start, place.end),
      );
    }
    const lines = describeRule(here.folder, here.name, position.line + 1, document.line(position.line));
    return lines && hoverOf(lines.map(escapeText), null);
  }

  private define(params: unknown): protocol.Location[] {
    const { textDocument, position } = protocol.placeParams.parse(params);
    const [here, place] = this.nameAt(textDocument.uri, position);
    return here && place ? here.folder.declarationsOf(place).map((one) => locationOf(here.folder, one)) : [];
  }

  private refer(params: unknown): protocol.Location[] {
    const { textDocument, position, context } = protocol.referenceParams.parse(params);
    const [here, place] = this.nameAt(textDocument.uri, position);
    if (!here || !place) return [];
    const declared = new Set(context.includeDeclaration ? [] : here.folder.declarationsOf(place));
    return here.folder
      .placesOf(place)
      .filter((one) => !declared.has(one))
      .map((one) => locationOf(here.folder, one));
  }

  private prepareRename(params: unknown): unknown {
    const { textDocument, position } = protocol.placeParams.parse(params);
    const [here, place] = this.nameAt(textDocument.uri, position);
    if (!here || !place) return null;
    return { range: here.folder.document(here.name).range(place.start, place.end), placeholder: place.name };
  }

  /** As `cordon mv`: all or nothing, in texts that are open as well as in files. */
  private rename(params: unknown): unknown {
    const { textDocument, position, newName } = protocol.renameParams.parse(params);
    const [here, place] = this.nameAt(textDocument.uri, position);
    if (!here || !place) throw new Refusal(rpcErrors.failed, 'there is no name here');
    const { files } = here.folder;
    const renamed = renameInPolicy(files, { space: place.space, from: place.name, to: newName });
    if (!renamed.ok) {
      const [first] = renamed.diagnostics;
      const at = first?.span ? `${first.span.file}:${first.span.line}: ` : '';
      throw new Refusal(rpcErrors.failed, `${at}${first?.summary}; ${first?.hint}`);
    }
    const changes = [...renamed.value.changed].map(([name, text]) => [
      uriOf(here.folder, name),
      lineEdits(new TextDocument(files.get(name)!), text),
    ]);
    return { changes: Object.fromEntries(changes) };
  }

  private format(params: unknown): protocol.TextEdit[] {
    const here = this.workspace.locate(protocol.documentParams.parse(params).textDocument.uri);
    const text = here?.folder.files.get(here.name);
    if (!here || text === undefined) return [];
    const formatted = formatPolicy(new Map([[here.name, text]])).changed.get(here.name);
    return formatted === undefined ? [] : lineEdits(new TextDocument(text), formatted);
  }

  private nameAt(uri: string, position: protocol.Position): [Here | null, NamePlace | null] {
    const here = this.workspace.locate(uri);
    if (!here) return [null, null];
    const offset = here.folder.document(here.name).offsetAt(position);
    return [here, here.folder.nameAt(here.name, offset)];
  }
}

const locationOf = (folder: PolicyFolder, { file, start, end }: NamePlace): protocol.Location => ({
  uri: uriOf(folder, file),
  range: folder.document(file).range(start, end),
});

/** Texts of a policy are no Markdown. */
const escapeText = (text: string): string => text.replaceAll(/[\\`*_{}[\]<>()#+!|~]/g, '\\$&');

const hoverOf = (lines: readonly string[], range: protocol.Range | null): unknown => ({
  contents: { kind: 'markdown', value: lines.join('  \n') },
  ...(range ? { range } : {}),
});

/** The lines between the first and the last that differ: the rest stays as it is, and so does what an editor knows of it. */
export function lineEdits(before: TextDocument, after: string): protocol.TextEdit[] {
  const [was, is] = [before.text, after].map((text) => text.split(/(?<=\n)/)) as [string[], string[]];
  let start = 0;
  while (start < Math.min(was.length, is.length) && was[start] === is[start]) start++;
  let end = 0;
  while (end < Math.min(was.length, is.length) - start && was.at(-1 - end) === is.at(-1 - end)) end++;
  if (start === was.length && start === is.length) return [];
  const lengthOf = (lines: readonly string[]): number => lines.reduce((sum, line) => sum + line.length, 0);
  const first = lengthOf(was.slice(0, start));
  const last = before.text.length - lengthOf(was.slice(was.length - end));
  return [{ range: before.range(first, last), newText: is.slice(start, is.length - end).join('') }];
}
