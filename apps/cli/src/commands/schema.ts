import { fileSchemas } from '#policy';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { countOf, green, print, printJson } from '../output.js';

export interface SchemaOptions {
  readonly out: string;
  readonly policy: string;
  readonly vscode?: boolean;
  readonly json?: boolean;
}

/** Writes a JSON Schema for each kind of YAML file; or (`--vscode`) prints the settings that make an editor use them. */
export function schema(options: SchemaOptions): number {
  const kinds = fileSchemas().map((one) => ({ ...one, path: join(options.out, `${one.kind}.schema.json`) }));
  const at = options.policy.replace(/^\.\/|\/+$/g, '');
  const prefix = at === '' || at === '.' ? '' : `${at}/`;
  if (options.vscode) {
    const globs = kinds.map(({ path, globs: own }) => [`./${path}`, own.map((glob) => prefix + glob)] as const);
    printJson({ 'yaml.schemas': Object.fromEntries(globs) });
    return 0;
  }
  mkdirSync(options.out, { recursive: true });
  for (const { path, schema: text } of kinds) writeFileSync(path, `${JSON.stringify(text, null, 2)}\n`);
  if (options.json) printJson({ ok: true, schemas: kinds.map(({ kind, path, globs }) => ({ kind, path, globs })) });
  else {
    for (const { path, globs } of kinds) print(`${path}  ${globs[0]}`);
    print(
      `${green(countOf(kinds.length, 'schema'))} written; \`cordon schema --vscode\` prints the settings for an editor`,
    );
  }
  return 0;
}
