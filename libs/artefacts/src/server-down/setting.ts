/** One setting of a switch. */
export interface Setting {
  /** Heads of the blocks in which it stands, the outermost first. */
  readonly at: readonly string[];
  readonly key: string;
  /** Empty for a line that is all key. */
  readonly value: string;
  /**
   * `given`: a placeholder stands for what the policy does not hold (secrets, names of interfaces), and only that there is a value
   * is compared. `default`: the make leaves it out of its running-config. `absent`: must not be there.
   */
  readonly is?: 'given' | 'default' | 'absent';
}

/** Stands where the administrator puts names of interfaces; each such block of a running-config is one. */
export const accessPorts = 'interface {{access-ports}}';

/** Settings in one block, each as `key` and `value`, or as a line that is all key. */
export function block(at: readonly string[], lines: readonly (string | Omit<Setting, 'at'>)[]): Setting[] {
  return lines.map((line) => (typeof line === 'string' ? { at, key: line, value: '' } : { at, ...line }));
}

export const set = (key: string, value: string | number, is?: Setting['is']): Omit<Setting, 'at'> => ({
  key,
  value: `${value}`,
  ...(is && { is }),
});

export const textOf = ({ key, value }: Pick<Setting, 'key' | 'value'>): string =>
  value === '' ? key : `${key} ${value}`;

/** How a make writes blocks. */
export interface Layout {
  /** Blanks by which what stands in a block is moved in; null: every line stands alone. */
  readonly indent: number | null;
  /** Words of options that stand behind the head of their block, in its own line. */
  readonly inline: { readonly head: RegExp; readonly options: readonly string[] } | null;
}

const isInline = ({ inline }: Layout, head: string): boolean => inline?.head.test(head) ?? false;

/** Settings as they are typed in. What must be absent isn't written. */
export function writeSettings(settings: readonly Setting[], layout: Layout): string[] {
  const out: string[] = [];
  let open: readonly string[] = [];
  for (const setting of settings.filter(({ is }) => is !== 'absent')) {
    const { at } = setting;
    const common = at.findIndex((head, i) => head !== open[i]);
    const from = common < 0 ? at.length : common;
    for (let depth = from; depth < at.length; depth++) out.push(indented(at[depth]!, depth, layout));
    open = at;
    const head = at.at(-1);
    if (head !== undefined && isInline(layout, head)) out.push(`${out.pop()!} ${textOf(setting)}`);
    else out.push(indented(textOf(setting), at.length, layout));
  }
  return out;
}

const indented = (text: string, depth: number, { indent }: Layout): string =>
  `${' '.repeat((indent ?? 0) * depth)}${text}`;

/** A line of a running-config and what stands below it. */
export interface Node {
  readonly text: string;
  /** From 1; 0 for the whole text. */
  readonly line: number;
  readonly children: Node[];
}

/** By how far lines are moved in, whatever the make's own measure is. Comments and separators are left out. */
export function readNodes(text: string, layout: Layout): Node {
  const root: Node = { text: '', line: 0, children: [] };
  const open: { node: Node; depth: number }[] = [{ node: root, depth: -1 }];
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('!') || line.startsWith('#')) continue;
    const depth = layout.indent === null ? 0 : raw.length - raw.trimStart().length;
    while (open.at(-1)!.depth >= depth) open.pop();
    const node: Node = inlineNode(line, i + 1, layout) ?? { text: line, line: i + 1, children: [] };
    open.at(-1)!.node.children.push(node);
    open.push({ node, depth });
  }
  return root;
}

/** `radius-server host A timeout 3 retries 1` as a block of two settings. */
function inlineNode(text: string, line: number, { inline }: Layout): Node | null {
  if (!inline) return null;
  const words = text.split(' ');
  const first = words.findIndex((word) => inline.options.includes(word));
  const head = words.slice(0, first < 0 ? words.length : first).join(' ');
  if (!inline.head.test(head)) return null;
  const children: Node[] = [];
  for (const word of first < 0 ? [] : words.slice(first)) {
    const last = children.at(-1);
    if (last && !inline.options.includes(word))
      children[children.length - 1] = { ...last, text: `${last.text} ${word}` };
    else children.push({ text: word, line, children: [] });
  }
  return { text: head, line, children };
}
