import { openSsh, sshFault, terminalSshFaults, type OpenChannel, type SshTarget } from '../transport-ssh.js';

/** NETCONF over the OpenSSH client, `ssh -s HOST netconf` (RFC 6242 §3). Throws `TerminalFault` for a host that can't be meant. */
export const sshChannel = (target: SshTarget): OpenChannel =>
  openSsh(target, { options: ['-s'], words: ['netconf'], classifyEnd });

/** Whether trying again can help. */
export const classifyEnd = (host: string, code: number | null, stderr: string): Error =>
  sshFault(`NETCONF on ${host}`, code, stderr, terminalFaults);

const terminalFaults: typeof terminalSshFaults = [
  ...terminalSshFaults,
  [
    /subsystem request failed/i,
    'this SSH server has no NETCONF: turn it on there, and check `port`, which is 830 on most switches',
  ],
];
