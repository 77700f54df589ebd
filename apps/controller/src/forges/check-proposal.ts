import type { FieldError } from '../http/refusal.js';
import { isPolicyFile } from '../policy/evaluate.js';

export interface ProposedFile {
  /** From the policy folder. */
  readonly path: string;
  /** The whole text; null: the file goes. */
  readonly content: string | null;
}

const mostFiles = 100;
const mostBytes = 4 * 1024 * 1024;
const longestPath = 200;
/** No name begins with a dot or a dash, so none climbs, hides, or is an option. */
const plain = /^\w[\w.-]*(\/\w[\w.-]*)*$/;

/** What is wrong with the files themselves, whatever they mean. */
export function checkFiles(files: readonly ProposedFile[], before: ReadonlyMap<string, string>): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  files.forEach(({ path, content }, index) => {
    const wrong = wrongPath(path) ?? (seen.has(path) ? 'it stands here twice' : null);
    if (wrong !== null) errors.push({ pointer: `/files/${index}/path`, detail: wrong });
    else if (content === null && !before.has(path))
      errors.push({ pointer: `/files/${index}/path`, detail: 'there is no such file to delete' });
    if (content !== null && (!content.isWellFormed() || content.includes('\0')))
      errors.push({ pointer: `/files/${index}/content`, detail: 'must be text' });
    seen.add(path);
  });
  const bytes = files.reduce((sum, { content }) => sum + Buffer.byteLength(content ?? ''), 0);
  if (files.length > mostFiles)
    errors.push({ pointer: '/files', detail: `${files.length} files are more than ${mostFiles}` });
  if (bytes > mostBytes) errors.push({ pointer: '/files', detail: `${bytes} bytes are more than ${mostBytes}` });
  if (errors.length === 0 && files.every(({ path, content }) => (before.get(path) ?? null) === content))
    errors.push({ pointer: '/files', detail: 'nothing is changed: all of it stands in the base as it is here' });
  return errors;
}

function wrongPath(path: string): string | null {
  if (path.length > longestPath || !plain.test(path))
    return 'must be a path from the policy folder, of letters, digits, `_`, `.` and `-`, without `..`';
  return isPolicyFile(path)
    ? null
    : 'is no file of a policy: these are rules/, audit/, catalog/, network/ and tests/ with .csv, .yaml and .yml, model.conf and cordon.yaml';
}
