import { formatPolicy } from '#policy';
import { bold, countOf, diagnosticJson, green, print, printDiagnostics, printJson, red, yellow } from '../output.js';
import { readPolicyFolder } from '../policy-files.js';
import { writePolicyFiles } from '../policy-writer.js';
import { diffText } from '../text-diff.js';

export interface FmtOptions {
  readonly check?: boolean;
  readonly diff?: boolean;
  readonly json?: boolean;
}

export const fmtExitCodes = `
Exit code: 0 every file is formatted (now, or without --check before),
           1 a file can not be read, or (--check) would change.
A file with an error stays as it is. docs/editing.md shows the form.`;

/** Writes nothing with `--check` or `--diff`. */
export function fmt(folder: string, options: FmtOptions): number {
  const files = readPolicyFolder(folder);
  const { changed, looked, diagnostics } = formatPolicy(files);
  const isDry = options.check === true || options.diff === true;
  if (!isDry) writePolicyFiles(folder, changed);
  const isBad = diagnostics.some(({ severity }) => severity === 'error');
  const code = isBad || (options.check === true && changed.size > 0) ? 1 : 0;
  if (options.json) {
    const list = [...changed.keys()];
    printJson({
      ok: code === 0,
      files: looked,
      changed: list,
      written: !isDry,
      diagnostics: diagnostics.map(diagnosticJson),
    });
    return code;
  }
  printDiagnostics(diagnostics);
  for (const [file, text] of changed) {
    print(options.diff ? bold(file) : file);
    if (options.diff) for (const line of diffText(files.get(file)!, text)) print(line);
  }
  print(summary(changed.size, looked, isDry, options.check === true));
  if (isBad) print(red('files with errors were left as they are'));
  return code;
}

function summary(changed: number, looked: number, isDry: boolean, isCheck: boolean): string {
  if (changed === 0) return green(`nothing to format in ${countOf(looked, 'file')}`);
  if (!isDry) return green(`${countOf(changed, 'file')} of ${looked} formatted`);
  const text = `${countOf(changed, 'file')} of ${looked} would change: run \`cordon fmt\``;
  return isCheck ? red(text) : yellow(text);
}
