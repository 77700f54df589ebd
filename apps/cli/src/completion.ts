import type { Command } from 'commander';
import { print } from './output.js';
import { UsageError } from './policy-files.js';

/** Scripts that complete commands and options; made from the commands themselves, so they can't go stale. */
export function completion(cordon: Command, shell: string): number {
  const commands = cordon.commands.map((command) => ({
    name: command.name(),
    about: command.description(),
    options: command.options.map(({ long }) => long ?? '').filter(Boolean),
  }));
  const names = commands.map(({ name }) => name).join(' ');
  if (shell === 'bash' || shell === 'zsh') {
    const cases = commands.map(({ name, options }) => `    ${name}) words="${options.join(' ')}" ;;`).join('\n');
    const head = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : '';
    print(`${head}_cordon() {
  local words="${names}"
  case "\${COMP_WORDS[1]}" in
${cases}
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="${names}"
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _cordon cordon`);
    return 0;
  }
  if (shell === 'fish') {
    for (const { name, about, options } of commands) {
      print(`complete -c cordon -n __fish_use_subcommand -a ${name} -d '${about.replaceAll("'", '')}'`);
      for (const option of options)
        print(`complete -c cordon -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`);
    }
    return 0;
  }
  throw new UsageError(`\`${shell}\` is not bash, zsh or fish`);
}
