import { existsSync } from 'node:fs';
import { git, revisionOf } from './policy-files.js';

/** Who wrote a line of policy: what `git blame` says. */
export type LineOrigin =
  | { readonly committed: false }
  | {
      readonly committed: true;
      readonly commit: string;
      readonly author: string;
      readonly at: string;
      readonly summary: string;
      /** The clone is shallow and ends here: an older commit may have written the line. */
      readonly orEarlier: boolean;
    };

interface Place {
  readonly file: string;
  readonly line: number;
}

export type Blame = (place: Place) => LineOrigin | null;

/**
 * The origin of lines of the policy at `place` (as `readPolicyAt` takes it). Null where the policy is not in git. One call
 * of git per file that is named.
 */
export function blameLines(place: string, lines: readonly Place[]): Blame {
  const found = new Map<string, LineOrigin>();
  const where = existsSync(place) ? folderInGit(place) : revisionInGit(place);
  for (const [file, asked] of where ? Map.groupBy(lines, (line) => line.file) : []) {
    const ranges = [...new Set(asked.map(({ line }) => line))].flatMap((line) => ['-L', `${line},${line}`]);
    const text = git(
      '-C',
      where!.root,
      'blame',
      '--porcelain',
      ...ranges,
      ...where!.revision,
      '--',
      where!.prefix + file,
    );
    // In a working copy, a file that git does not follow has no blame.
    if (text === null) for (const { line } of asked) found.set(`${file}:${line}`, { committed: false });
    else for (const [line, origin] of parseBlame(text, where!.isShallow)) found.set(`${file}:${line}`, origin);
  }
  return ({ file, line }) => found.get(`${file}:${line}`) ?? null;
}

interface InGit {
  readonly root: string;
  readonly revision: readonly string[];
  readonly prefix: string;
  readonly isShallow: boolean;
}

function folderInGit(folder: string): InGit | null {
  if (git('-C', folder, 'rev-parse', '--is-inside-work-tree')?.trim() !== 'true') return null;
  return { root: folder, revision: [], prefix: '', isShallow: isShallow(folder) };
}

function revisionInGit(place: string): InGit {
  const { commit, prefix } = revisionOf(place);
  const root = git('rev-parse', '--show-toplevel')?.trim() || '.';
  return { root, revision: [commit], prefix, isShallow: isShallow(root) };
}

const isShallow = (root: string): boolean => git('-C', root, 'rev-parse', '--is-shallow-repository')?.trim() === 'true';

/** Porcelain format: `<commit> <line then> <line now> …`, headers on the commit's first line only, TAB and the text. */
export function parseBlame(text: string, isShallow: boolean): Map<number, LineOrigin> {
  const headers = new Map<string, Map<string, string>>();
  const lines = new Map<number, LineOrigin>();
  let commit = '';
  let line = 0;
  for (const row of text.split('\n')) {
    const start = /^([0-9a-f]{40,64}) \d+ (\d+)/.exec(row);
    if (start) {
      commit = start[1]!;
      line = Number(start[2]);
      if (!headers.has(commit)) headers.set(commit, new Map());
    } else if (row.startsWith('\t')) {
      lines.set(line, originOf(commit, headers.get(commit)!, isShallow));
    } else {
      const [, key = '', value = ''] = /^(\S+) ?(.*)$/.exec(row) ?? [];
      headers.get(commit)?.set(key, value);
    }
  }
  return lines;
}

function originOf(commit: string, headers: ReadonlyMap<string, string>, isShallow: boolean): LineOrigin {
  if (/^0+$/.test(commit)) return { committed: false };
  const header = (key: string): string => headers.get(key) ?? '';
  return {
    committed: true,
    commit,
    author: `${header('author')} ${header('author-mail')}`.trim(),
    at: new Date(Number(header('author-time')) * 1000).toISOString(),
    summary: header('summary'),
    orEarlier: isShallow && headers.has('boundary'),
  };
}
