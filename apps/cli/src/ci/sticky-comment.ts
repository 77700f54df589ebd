import { UsageError } from '../policy-files.js';
import { retrying, type ForgeConnection } from './forge-client.js';
import type { ReviewForge } from './forge.js';

export type Posted = 'created' | 'updated' | 'unchanged';

/** A comment that no reader sees: by it we find ours again. One for each policy of a repository. */
export const markerOf = (policy: string): string =>
  `<!-- cordon-plan ${encodeURIComponent(policy).replaceAll('-', '%2D')} -->`;

/**
 * One comment of ours on the change, whatever how often this runs. Ours has the marker and our name: a stranger's comment with the marker is
 * left alone, for its author could write into it after us. Everything is looked up again at each try: one that failed may have been done.
 */
export function postSticky(
  forge: ReviewForge,
  policy: string,
  text: string,
  sleep: ForgeConnection['sleep'],
): Promise<Posted> {
  const marker = markerOf(policy);
  const body = `${marker}\n${text}`;
  if (body.length > forge.commentLimit) {
    const limit = `${body.length} characters where ${forge.name} takes ${forge.commentLimit}`;
    throw new UsageError(`the comment has ${limit}: run \`cordon ci\` with a smaller --max-bytes`);
  }
  return retrying(sleep, async () => {
    const own = await forge.ownNames();
    for await (const comment of forge.comments()) {
      const isOurs = comment.author !== null && own.includes(comment.author) && comment.body.startsWith(marker);
      if (!isOurs) continue;
      if (comment.body.trimEnd() === body.trimEnd()) return 'unchanged';
      await forge.update(comment.id, body);
      return 'updated';
    }
    await forge.create(body);
    return 'created';
  });
}
