import { RemoteFault, TerminalFault } from '../driver.js';
import { terminalSshFaults } from '../transport-ssh.js';

/** How a command ended. `code` is null when it was killed or never ran. */
export interface CommandEnd {
  readonly code: number | null;
  readonly stderr: string;
}

/** Nothing that waiting cures; the remedy stands beside it. */
const terminal: readonly (readonly [RegExp, string])[] = [
  ...terminalSshFaults,
  [/you must be root|Operation not permitted/i, 'nft and conntrack need root or CAP_NET_ADMIN there'],
  [
    /command not found|(?:env|exec): .*No such file or directory|exec of .* failed/i,
    'install nftables and conntrack-tools (1.4.7 or newer) there',
  ],
  [
    /syntax error|Parsing command array|Object item not found|Unknown|unrecognized|Unsupported|not supported/i,
    'this nft does not take the commands: 1.0.6 or newer is needed',
  ],
];

/**
 * Whether trying again can help. A refused transaction may: somebody changed the table between reading and writing, and
 * the next run reads again.
 */
export function classifyFault(command: string, { code, stderr }: CommandEnd): Error {
  const detail =
    stderr.trim().replaceAll(/\s+/g, ' ').slice(0, 400) || (code === null ? 'no answer' : `exit code ${code}`);
  const known = terminal.find(([pattern]) => pattern.test(stderr));
  if (known) return new TerminalFault(`${command}: ${detail} (${known[1]})`);
  if (code === 127) return new TerminalFault(`${command}: ${detail} (install nftables and conntrack-tools there)`);
  return new RemoteFault(`${command}: ${detail}`);
}

/** nft's way to say that a table isn't there; ssh and env have other exit codes for their own missing files. */
export function isMissingTable({ code, stderr }: CommandEnd): boolean {
  return code === 1 && /Error: No such file or directory/.test(stderr);
}

/** A transaction that does not fit what is there. Thousands of such errors at once overflow nft's buffer for them. */
export function isMisfit({ code, stderr }: CommandEnd): boolean {
  return code === 1 && /Error: .*(?:No such file or directory|File exists|No buffer space available)/.test(stderr);
}
