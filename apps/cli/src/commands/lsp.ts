import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BrokenFraming } from '../lsp/framing.js';
import { Connection } from '../lsp/connection.js';
import { LanguageServer } from '../lsp/server.js';
import { Workspace } from '../lsp/workspace.js';
import { packageRoot } from '../root.js';

export interface LspOptions {
  readonly policy?: string;
}

export const lspHelp = `
For editors: it speaks the language server protocol on standard input and output. docs/editing.md has their settings.
Exit code: 0 the editor ended it as the protocol has it, 1 it did not.`;

const settle = 150;

/** Serves an editor until it ends it, or goes. */
export async function lsp({ policy }: LspOptions): Promise<number> {
  const { stdin, stdout } = process;
  const write = (text: string): void => void stdout.write(text);
  const now = (): Date => new Date();
  return await new Promise<number>((done) => {
    const publish = (uri: string, diagnostics: readonly unknown[]): void =>
      connection.notify('textDocument/publishDiagnostics', { uri, diagnostics });
    const workspace = new Workspace(policy ?? null, { settle, now, publish });
    const end = (code: number): void => {
      workspace.close();
      stdin.destroy();
      done(code);
    };
    const connection = new Connection(new LanguageServer(workspace, { version: versionOf(), now }, end), write);
    stdin.on('data', (chunk: Buffer) => {
      try {
        connection.receive(chunk);
      } catch (error) {
        if (!(error instanceof BrokenFraming)) throw error;
        process.stderr.write(`what the editor sends is no language server protocol: ${error.message}\n`);
        end(1);
      }
    });
    stdin.on('end', () => end(1));
  });
}

function versionOf(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return version;
}
