import { describePart, type Finding } from '#artefacts';
import { formatAddress } from '#net';
import { formatPacket } from '#radius';
import { print } from '../output.js';

const mostFindings = 10;

export function printFindings(title: string, findings: readonly Finding[], file: string): void {
  if (findings.length === 0) return;
  print(`${title}:`);
  for (const { part, packet, line, policy } of findings.slice(0, mostFindings)) {
    print(`  ${describePart(part)}`);
    print(`    for example ${formatPacket(packet)}, sent by ${formatAddress(packet.source)}`);
    print(`    ${decides(line, file)}`);
    print(`    policy: ${policy.verdict}, ${policy.reason}`);
    for (const { file: at, line: number, text } of policy.rules) print(`      ${at}:${number}  ${text}`);
  }
  if (findings.length > mostFindings) print(`  … and ${findings.length - mostFindings} more`);
}

function decides(line: Finding['line'], file: string): string {
  if (!line) return 'no line matches it';
  return line.at === null ? `decided by: ${line.text}` : `decided by ${file}:${line.at}  ${line.text.trim()}`;
}
