import { readdir, readFile, readlink } from 'node:fs/promises';

/** What the kernel says of a UDP socket. */
export interface UdpSocket {
  readonly port: number;
  /** Memory that datagrams take which nobody has read yet: the kernel's own share counts, too. */
  readonly receiveQueueBytes: number;
  /** Datagrams thrown away since the socket was opened, because its buffer was full. */
  readonly drops: number;
}

interface Row extends UdpSocket {
  readonly inode: string;
}

/**
 * Rows of /proc/net/udp and udp6 (proc_net(5)):
 *
 *     sl  local_address rem_address   st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ref pointer drops
 */
export function parseUdpTable(text: string): Row[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const port = /^[0-9A-F]+:([0-9A-F]{4})$/.exec(fields[1] ?? '')?.[1];
    const queue = /^[0-9A-F]+:([0-9A-F]+)$/.exec(fields[4] ?? '')?.[1];
    const [inode, drops] = [fields[9], fields[12]];
    if (port === undefined || queue === undefined || inode === undefined || drops === undefined) return [];
    return [
      { port: Number.parseInt(port, 16), receiveQueueBytes: Number.parseInt(queue, 16), drops: Number(drops), inode },
    ];
  });
}

/** This process's own: another one may have a socket on the same port. Empty where there is no Linux to ask. */
export async function ownUdpSockets(): Promise<UdpSocket[]> {
  const tables = await Promise.all(
    ['/proc/net/udp', '/proc/net/udp6'].map((path) => readFile(path, 'latin1').catch(() => '')),
  );
  const folder = '/proc/self/fd';
  const links = await Promise.all(
    (await readdir(folder).catch(() => [])).map((fd) => readlink(`${folder}/${fd}`).catch(() => '')),
  );
  const own = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  return tables.flatMap(parseUdpTable).filter(({ inode }) => own.has(inode));
}
