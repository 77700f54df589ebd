import type { Configuration, SwitchMake } from './configuration.js';
import { accessPorts, readNodes, textOf, type Node, type Setting } from './setting.js';

/** A setting that is not as it is wanted. */
export interface SettingDifference {
  readonly kind: 'missing' | 'different' | 'too much';
  /** The block around it, from the outermost; empty: none. */
  readonly block: string;
  readonly setting: string;
  /** What stands there instead. */
  readonly found: string | null;
  /** Line of the text, from 1; null where nothing stands. */
  readonly line: number | null;
}

/**
 * Which settings a running-config lacks, has otherwise, or has beside them in blocks that are Cordon's own. Order does not matter, nor
 * what else the switch does, nor what secrets are. Access lists are not looked at.
 */
export function compareSettings(configuration: Configuration, make: SwitchMake, text: string): SettingDifference[] {
  const root = readNodes(text, make.layout);
  const settings = [...configuration.before, ...configuration.after];
  const missing = new Set<string>();
  const found = settings.flatMap((setting) =>
    placesOf(root, setting.at, make).flatMap((place) => judge(setting, place, missing)),
  );
  return [...found, ...configuration.closed.flatMap((at) => tooMuch(root, at, settings, make))];
}

/** A block where settings belong, by the heads that lead there; null: there is none. */
interface Place {
  readonly heads: readonly string[];
  readonly node: Node | null;
}

/** Several for access ports. */
function placesOf(root: Node, at: readonly string[], make: SwitchMake): Place[] {
  let places: Place[] = [{ heads: [], node: root }];
  for (const head of at)
    places = places.flatMap(({ heads, node }): Place[] => {
      const here = node?.children.filter((child) =>
        head === accessPorts ? make.isAccessPort(child) : child.text === head,
      );
      if (!here || here.length === 0) return [{ heads: [...heads, head], node: null }];
      if (head === accessPorts) return here.map((child) => ({ heads: [...heads, child.text], node: child }));
      // The same head again continues the block.
      const children = here.flatMap((child) => child.children);
      return [{ heads: [...heads, head], node: { ...here[0]!, children } }];
    });
  return places;
}

/** `missing`: blocks that are told as missing already, with all that belongs into them. */
function judge(setting: Setting, { heads, node }: Place, missing: Set<string>): SettingDifference[] {
  const block = heads.join(' > ');
  if (!node) {
    const outer = heads.slice(0, -1).join(' > ');
    if (setting.is === 'absent' || missing.has(block)) return [];
    missing.add(block);
    if (missing.has(outer)) return [];
    return [{ kind: 'missing', block: outer, setting: heads.at(-1)!, found: null, line: null }];
  }
  const { key, is } = setting;
  const told = { block, setting: textOf(setting) };
  const same = node.children.find((child) => child.text === textOf(setting));
  const other = node.children.find((child) => child.text === key || child.text.startsWith(`${key} `));
  if (is === 'absent') {
    const there = same ?? other;
    return there ? [{ kind: 'too much', ...told, found: there.text, line: there.line }] : [];
  }
  if (same || (is === 'given' && (other ?? secretOf(setting, node)))) return [];
  if (other && setting.value !== '') return [{ kind: 'different', ...told, found: other.text, line: other.line }];
  return is === 'default' ? [] : [{ kind: 'missing', ...told, found: null, line: null }];
}

/** `key plaintext …` becomes `key ciphertext …` once the switch has it. */
const secretOf = ({ key }: Setting, { children }: Node): Node | undefined =>
  children.find((child) => child.text.split(' ')[0] === key.split(' ')[0] && !key.startsWith('set '));

function tooMuch(
  root: Node,
  at: readonly string[],
  settings: readonly Setting[],
  make: SwitchMake,
): SettingDifference[] {
  const wanted = new Set<string>();
  for (const setting of settings) {
    const path = [...setting.at, textOf(setting)];
    for (let length = 1; length <= path.length; length++) wanted.add(path.slice(0, length).join(' > '));
  }
  const walk = (node: Node, heads: readonly string[]): SettingDifference[] =>
    node.children.flatMap((child): SettingDifference[] => {
      const path = [...heads, child.text];
      if (wanted.has(path.join(' > '))) return walk(child, path);
      const block = heads.join(' > ');
      const differs = settings.some(
        (setting) =>
          setting.at.join(' > ') === block && setting.value !== '' && child.text.startsWith(`${setting.key} `),
      );
      if (differs || /^description( |$)/.test(child.text)) return [];
      return [{ kind: 'too much', block, setting: child.text, found: child.text, line: child.line }];
    });
  return placesOf(root, at, make).flatMap(({ heads, node }) => (node ? walk(node, heads) : []));
}
