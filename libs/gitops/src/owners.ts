import { readFile } from 'node:fs/promises';
import type { Signer } from './signatures.js';
import { SourceFault } from './source-fault.js';

/** Who must sign changes of the paths that fit. */
export interface OwnedPaths {
  readonly line: number;
  readonly pattern: string;
  readonly fits: RegExp;
  readonly owners: readonly string[];
}

/**
 * A file as CODEOWNERS: `<pattern> <signer> …` on each line, paths as in the policy folder; the last line that fits a path counts.
 * `*` and `?` match within a name, `**` across folders; a pattern without a slash fits in each folder, and one that fits a folder fits
 * all below it.
 */
export class Owners {
  private constructor(private readonly rows: readonly OwnedPaths[]) {}

  static async read(file: string): Promise<Owners> {
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      throw new SourceFault(
        'trust-unreadable',
        `can't read CORDON_POLICY_OWNERS_FILE: ${error instanceof Error ? error.message : String(error)}`,
        'give the user of the controller a file that it may read: docs/source.md',
      );
    }
    return Owners.parse(text, file);
  }

  /** Throws SourceFault with file and line. */
  static parse(text: string, file: string): Owners {
    const rows = text.split(/\r?\n/).flatMap((written, index) => {
      const [pattern, ...owners] = written
        .replace(/(^|\s)#.*$/, '')
        .split(/\s+/)
        .filter(Boolean);
      if (pattern === undefined) return [];
      const line = index + 1;
      const problem = problemOf(pattern, owners);
      if (problem !== null)
        throw new SourceFault(
          'trust-unreadable',
          `${file}:${line}: ${problem}`,
          'write a path with `*`, `**` or `?`, and who must sign its changes, for example `rules/** ada@example.org`',
        );
      return [{ line, pattern, fits: pathPattern(pattern), owners }];
    });
    return new Owners(rows);
  }

  /** Null: the path has none. */
  of(path: string): OwnedPaths | null {
    return this.rows.findLast(({ fits }) => fits.test(path)) ?? null;
  }
}

export const isOwner = ({ owners }: OwnedPaths, signer: Signer): boolean =>
  owners.some((name) => signer.includes(name));

function problemOf(pattern: string, owners: readonly string[]): string | null {
  if (!/^[\w./*?@+ -]+$/.test(pattern)) return `\`${pattern}\` has characters that a pattern of paths must not have`;
  if (pattern.split('/').includes('..')) return `\`${pattern}\` leads out of the policy folder`;
  return owners.length === 0 ? `\`${pattern}\` has no owner` : null;
}

function pathPattern(pattern: string): RegExp {
  const isAnchored = pattern.replace(/\/$/, '').includes('/');
  const path = pattern.replace(/^\//, '').replace(/\/$/, '/**');
  const source = path.replaceAll(/\*\*\/|\*\*|\*|\?|[.+]/g, (part) => {
    switch (part) {
      case '**/':
        return '(?:.*/)?';
      case '**':
        return '.*';
      case '*':
        return '[^/]*';
      case '?':
        return '[^/]';
      default:
        return `\\${part}`;
    }
  });
  return new RegExp(`^${isAnchored ? '' : '(?:.*/)?'}${source}(?:/.*)?$`, 's');
}
