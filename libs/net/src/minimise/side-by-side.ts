import type { MatchLine } from './abilities.js';

/**
 * One list of two that share no packet, for people to read: lines on the same ports stand together. Each list keeps its
 * order, so the meaning can't change.
 */
export function sideBySide(left: readonly MatchLine[], right: readonly MatchLine[]): MatchLine[] {
  const out: MatchLine[] = [];
  const rest = blocksOf(right);
  for (const block of blocksOf(left)) {
    out.push(...block.lines);
    const like = rest.findIndex(({ ports }) => ports === block.ports);
    out.push(...rest.splice(0, like + 1).flatMap(({ lines }) => lines));
  }
  return [...out, ...rest.flatMap(({ lines }) => lines)];
}

interface Block {
  readonly ports: string;
  readonly lines: MatchLine[];
}

function blocksOf(lines: readonly MatchLine[]): Block[] {
  const blocks: Block[] = [];
  for (const line of lines) {
    const ports = JSON.stringify([line.protocols, line.sourcePorts, line.destinationPorts, line.established]);
    const top = blocks.at(-1);
    if (top?.ports === ports) top.lines.push(line);
    else blocks.push({ ports, lines: [line] });
  }
  return blocks;
}
