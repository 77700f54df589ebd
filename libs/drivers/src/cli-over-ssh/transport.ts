import { openSsh, sshFault, type OpenChannel, type SshTarget } from '../transport-ssh.js';

/** The command line behind the OpenSSH client, on a terminal: some switches show no prompt without one. */
export const terminalChannel = (target: SshTarget): OpenChannel =>
  openSsh(target, {
    options: ['-tt'],
    words: [],
    classifyEnd: (host, code, stderr) => sshFault(`the command line of ${host}`, code, stderr),
  });
