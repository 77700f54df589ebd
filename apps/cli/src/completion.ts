import type { Command } from 'commander';
import { print } from './output.js';
import { UsageError } from './policy-files.js';

/** Prints a script that completes commands, their subcommands and options. */
export function completion(cordon: Command, shell: string): number {
  const script = completionScript(cordon, shell);
  if (script === null) throw new UsageError(`\`${shell}\` is not bash, zsh or fish`);
  print(script);
  return 0;
}

/** Made from the commands themselves, so it can't go stale. Null for a shell that is none of the three. */
export function completionScript(cordon: Command, shell: string): string | null {
  const commands = commandsBelow(cordon, []);
  if (shell === 'bash') return bashScript(commands);
  if (shell === 'zsh') return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(commands)}`;
  if (shell === 'fish') return fishScript(commands);
  return null;
}

interface CompletedCommand {
  /** Its own name last; empty for `cordon` itself. */
  readonly path: readonly string[];
  readonly about: string;
  readonly options: readonly string[];
  readonly subcommands: readonly string[];
}

function commandsBelow(command: Command, path: readonly string[]): CompletedCommand[] {
  const own = {
    path,
    about: command.description(),
    options: command.options.flatMap(({ long }) => long ?? []),
    subcommands: command.commands.map((sub) => sub.name()),
  };
  return [own, ...command.commands.flatMap((sub) => commandsBelow(sub, [...path, sub.name()]))];
}

/** Follows the words so far down the tree of commands; words that are no command (arguments, options) change nothing. */
function bashScript(commands: readonly CompletedCommand[]): string {
  const steps = commands
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => `      "/${path.join('/')}") at="$at/$word" ;;`);
  const words = commands.map(
    ({ path, subcommands, options }) =>
      `    "${path.map((name) => `/${name}`).join('')}") words="${[...subcommands, ...options].join(' ')}" ;;`,
  );
  return `_cordon() {
  local at="" word words i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$at/$word" in
${steps.join('\n')}
    esac
  done
  case "$at" in
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _cordon cordon`;
}

function fishScript(commands: readonly CompletedCommand[]): string {
  return commands
    .filter(({ path }) => path.length > 0)
    .flatMap(({ path, about, options }) => {
      const above = commands.find((command) => command.path.join() === path.slice(0, -1).join())!;
      const seen = path.map((name) => `__fish_seen_subcommand_from ${name}`);
      const here = [...seen.slice(0, -1), `not __fish_seen_subcommand_from ${above.subcommands.join(' ')}`];
      const condition = path.length === 1 ? '__fish_use_subcommand' : `'${here.join('; and ')}'`;
      return [
        `complete -c cordon -n ${condition} -a ${path.at(-1)} -d '${about.replaceAll("'", '')}'`,
        ...options.map((option) => `complete -c cordon -n '${seen.join('; and ')}' -l ${option.slice(2)}`),
      ];
    })
    .join('\n');
}
