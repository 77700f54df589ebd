import { Command } from 'commander';
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { completionScript } from './completion.js';

const cordon = new Command('cordon');
cordon.command('check').argument('[dir]').option('--json', 'x').description("don't guess");
cordon.command('compile').option('--at <instant>', 'x').option('--out <file>', 'x');
const casbin = cordon.command('casbin').description('for Casbin');
casbin
  .command('export')
  .argument('<dir>')
  .option('--policy <dir>', 'x')
  .option('--at <instant>', 'x')
  .description('write');

/** What bash offers for the last word. */
function completed(...words: string[]): string[] {
  const script = `${completionScript(cordon, 'bash')!}
COMP_WORDS=(cordon ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _cordon; echo "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.trim().split(' ').filter(Boolean);
}

describe('completion in bash', () => {
  it.each([
    [[''], ['check', 'compile', 'casbin']],
    [['c'], ['check', 'compile', 'casbin']],
    [['ca'], ['casbin']],
    [['check', '--'], ['--json']],
    [['compile', '--at', 'now', '--o'], ['--out']],
    [['casbin', ''], ['export']],
    [['casbin', 'e'], ['export']],
    [
      ['casbin', 'export', ''],
      ['--policy', '--at'],
    ],
    [['casbin', 'export', 'out', '--a'], ['--at']],
    // A folder that is called like a command is no command.
    [['check', 'export', '--'], ['--json']],
    [['casbin', 'export', 'check', '--p'], ['--policy']],
    [
      ['nonsense', 'c'],
      ['check', 'compile', 'casbin'],
    ],
    [['casbin', 'x'], []],
  ])('after %j offers %j', (words, offers) => {
    expect(completed(...words)).toEqual(offers);
  });
});

describe('completion in other shells', () => {
  it('is that of bash in zsh', () => {
    expect(completionScript(cordon, 'zsh')).toBe(
      `autoload -U +X bashcompinit && bashcompinit\n${completionScript(cordon, 'bash')}`,
    );
  });

  it('names subcommands and their options in fish', () => {
    expect(completionScript(cordon, 'fish')?.split('\n')).toEqual([
      "complete -c cordon -n __fish_use_subcommand -a check -d 'dont guess'",
      "complete -c cordon -n '__fish_seen_subcommand_from check' -l json",
      "complete -c cordon -n __fish_use_subcommand -a compile -d ''",
      "complete -c cordon -n '__fish_seen_subcommand_from compile' -l at",
      "complete -c cordon -n '__fish_seen_subcommand_from compile' -l out",
      "complete -c cordon -n __fish_use_subcommand -a casbin -d 'for Casbin'",
      "complete -c cordon -n '__fish_seen_subcommand_from casbin; and not __fish_seen_subcommand_from export' -a export -d 'write'",
      "complete -c cordon -n '__fish_seen_subcommand_from casbin; and __fish_seen_subcommand_from export' -l policy",
      "complete -c cordon -n '__fish_seen_subcommand_from casbin; and __fish_seen_subcommand_from export' -l at",
    ]);
  });

  it('is none elsewhere', () => {
    expect(completionScript(cordon, 'powershell')).toBeNull();
  });
});
