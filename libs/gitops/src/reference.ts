import { SourceFault } from './source-fault.js';

/** What of the repository is the policy: the head of a branch, or the newest tag by version whose name fits. */
export type Reference =
  { readonly kind: 'branch'; readonly name: string } | { readonly kind: 'tags'; readonly pattern: string };

const plainName = /^\w[\w.+/-]*$/;
const isPlain = (name: string): boolean =>
  plainName.test(name) && name.length <= 200 && !name.includes('..') && !/\.lock$|\/$|\/\/|\/\./.test(name);

/** Throws for what is no name of a branch, or no pattern. */
export function checkReference(reference: Reference): void {
  if (reference.kind === 'branch' && !isPlain(reference.name))
    throw new SourceFault(
      'branch-missing',
      `\`${reference.name}\` is not the name of a branch`,
      'write a plain name such as `main` in CORDON_POLICY_BRANCH',
    );
  if (reference.kind === 'tags' && !/^[\w.+/*?-]{1,200}$/.test(reference.pattern))
    throw new SourceFault(
      'tag-missing',
      `\`${reference.pattern}\` is not a pattern of tags`,
      'write letters, digits, `.`, `-`, `/`, `*` and `?` in CORDON_POLICY_TAGS, for example `v*`',
    );
}

/** The first that fits, of what `git ls-remote --refs` lists: `<object> TAB refs/tags/<name>`. Odd names are no releases. */
export function firstTag(listing: string, pattern: string): string | null {
  const fits = tagPattern(pattern);
  for (const line of listing.split('\n')) {
    const name = /^[0-9a-f]{40,64}\trefs\/tags\/(.+)$/.exec(line)?.[1];
    if (name !== undefined && isPlain(name) && fits.test(name)) return name;
  }
  return null;
}

/** `*` is any text, `?` one character; both also match a slash. */
function tagPattern(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/\*+/g, '*')
    .replaceAll(/[.+]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`);
}
