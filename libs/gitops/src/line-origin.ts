/** Who wrote a line, as `git blame` says. */
export interface LineOrigin {
  readonly text: string;
  readonly commit: string;
  readonly author: string;
  readonly at: string;
  readonly summary: string;
}

/** What `git blame --porcelain` says of one line: `<commit> …`, headers, and TAB with the text. Null for anything else. */
export function parseLineOrigin(porcelain: string): LineOrigin | null {
  const lines = porcelain.split('\n');
  const commit = /^([0-9a-f]{40,64}) /.exec(lines[0] ?? '')?.[1];
  const text = lines.find((line) => line.startsWith('\t'))?.slice(1);
  const header = (key: string): string =>
    lines.find((line) => line.startsWith(`${key} `))?.slice(key.length + 1, key.length + 201) ?? '';
  const time = Number(header('author-time'));
  if (commit === undefined || text === undefined || !Number.isSafeInteger(time)) return null;
  const author = `${header('author')} ${header('author-mail')}`.trim();
  return {
    text: text.slice(0, 1000),
    commit,
    author,
    at: new Date(time * 1000).toISOString(),
    summary: header('summary'),
  };
}
