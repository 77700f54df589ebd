import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { formatAddress } from '#net';
import { month, type Device, type Flow } from './inventory.ts';

export function* inventoryLines(devices: Iterable<Device>): Generator<string> {
  yield 'mac,class,site,nas,posture,ip\n';
  for (const { mac, class: name, site, nas, posture, address } of devices) {
    yield `${[mac, name, site, nas ?? '', posture, formatAddress(address)].join(',')}\n`;
  }
}

export function* flowLines(flows: Iterable<Flow>): Generator<string> {
  yield 'first,last,source,destination,protocol,port,packets,bytes\n';
  for (const { source, destination, protocol, port, packets, bytes, at } of flows) {
    const ends = [source, destination].map(formatAddress);
    yield `${[instantOf(at), instantOf(at + 1), ...ends, protocolName(protocol), port, packets, bytes].join(',')}\n`;
  }
}

const columns =
  'ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das,smk,dmk,dtos,dir,nh,nhb,svln,dvln,ismc,odmc,idmc,osmc,mpls1,mpls2,mpls3,mpls4,mpls5,mpls6,mpls7,mpls8,mpls9,mpls10,cl,sl,al,ra,eng,exid,tr';

/** As `nfdump -o csv` of version 1.6 writes them, with the summary that ends its output. */
export function* nfdumpLines(flows: Iterable<Flow>): Generator<string> {
  yield `${columns}\n`;
  const sum = { flows: 0, bytes: 0, packets: 0 };
  const nothing = columns
    .split(',')
    .slice(13)
    .map(() => '0');
  for (const { source, destination, protocol, sourcePort, port, packets, bytes, at } of flows) {
    const [from, to] = [instantOf(at), instantOf(at + 1)].map((text) => text.slice(0, 19).replace('T', ' '));
    const ends = [formatAddress(source), formatAddress(destination), sourcePort, port];
    const flags = protocol === 6 ? '...AP.SF' : '........';
    const known = [from, to, '1.000', ...ends, protocolName(protocol).toUpperCase(), flags, 0, 0, packets, bytes];
    yield `${[...known, ...nothing].join(',')}\n`;
    sum.flows += 1;
    sum.bytes += bytes;
    sum.packets += packets;
  }
  const averages = [(sum.bytes * 8) / month, sum.packets / month, sum.bytes / Math.max(1, sum.packets)].map(Math.round);
  yield 'Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n';
  yield `${[sum.flows, sum.bytes, sum.packets, ...averages].join(',')}\n`;
}

const protocolName = (protocol: number): string => (protocol === 6 ? 'tcp' : protocol === 17 ? 'udp' : 'sctp');
const instantOf = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** Writes as fast as the disk takes it, and holds only a few thousand lines at a time. */
export async function writeLines(file: string, lines: Iterable<string>): Promise<void> {
  await pipeline(Readable.from(chunks(lines)), createWriteStream(file));
}

function* chunks(lines: Iterable<string>): Generator<string> {
  let chunk = '';
  for (const line of lines) {
    chunk += line;
    if (chunk.length < 65_536) continue;
    yield chunk;
    chunk = '';
  }
  yield chunk;
}
