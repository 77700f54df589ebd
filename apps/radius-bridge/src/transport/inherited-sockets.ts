import { readFileSync, readlinkSync } from 'node:fs';
import { parseUdpTable } from '../metrics/udp-sockets.js';

/** By the name that their unit gives them: descriptors of sockets that were open before this process was. */
export type InheritedSockets = ReadonlyMap<string, readonly number[]>;

const firstDescriptor = 3;
const validName = /^(authentication(-([2-9]|[1-5]\d|6[0-4]))?|accounting)$/;

/**
 * What systemd hands over (sd_listen_fds(3)): it opens the sockets and keeps them, so that requests that come while this process is
 * started again wait in the kernel and are answered then. Throws on a name that is not ours.
 */
export function inheritedSockets(env: Readonly<Record<string, string | undefined>>, pid: number): InheritedSockets {
  const found = new Map<string, number[]>();
  if (Number(env['LISTEN_PID']) !== pid) return found;
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  for (let i = 0; i < Number(env['LISTEN_FDS']); i++) {
    const name = names[i] ?? '';
    if (!validName.test(name))
      throw new Error(
        `a socket of systemd is named \`${name}\`: let its unit have FileDescriptorName= authentication, accounting, or authentication-2 and so on for further processes`,
      );
    found.set(name, [...(found.get(name) ?? []), firstDescriptor + i]);
  }
  return found;
}

export const nameForResponder = (at: number): string => `authentication-${at + 2}`;

/** Node has to be told. */
export function isIpv6Socket(descriptor: number): boolean {
  const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
  return parseUdpTable(readFileSync('/proc/net/udp6', 'latin1')).some((row) => row.inode === inode);
}
