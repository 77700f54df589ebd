import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { encodeSnapshot } from '#policy';
import { sampleSnapshot } from '../../apps/radius-bridge/test/sample-policy.ts';

export const secret = 'secret of the bench';
const token = 'token-of-the-bench';
const root = join(import.meta.dirname, '../..');

/** A server under test: one process with its threads. */
export interface Server {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly close: () => Promise<void>;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  // FreeRADIUS does not always obey.
  const last = setTimeout(() => child.kill('SIGKILL'), 3000);
  await gone;
  clearTimeout(last);
}

/** The controller's side of the bridge's contract: sends policy and devices, takes events as fast as they come. */
async function startController(macs: readonly string[]): Promise<{ url: string; close: () => void }> {
  const devices = macs.map((mac) => ({ mac, class: 'infusion-pump', posture: 'normal' }));
  const messages = [
    { type: 'snapshot', snapshot: encodeSnapshot(sampleSnapshot()) },
    { type: 'devices', reset: true, revision: 1, devices },
    { type: 'ping' },
  ];
  const feeds = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      for (const message of messages) response.write(`${JSON.stringify(message)}\n`);
      feeds.add(response);
      response.on('close', () => feeds.delete(response));
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { events } = JSON.parse(body) as { events: { seq: number }[] };
      response.end(JSON.stringify({ stored: events.at(-1)?.seq ?? 0 }));
    });
  });
  const pings = setInterval(() => {
    for (const feed of feeds) feed.write('{"type":"ping"}\n');
  }, 5000);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    clearInterval(pings);
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

/** The built bridge as in production: sessions, journal with synced commits, events to a controller. */
export async function startCordon(
  folder: string,
  macs: readonly string[],
  nodeFlags: readonly string[],
): Promise<Server> {
  const controller = await startController(macs);
  const child = spawn(process.execPath, [...nodeFlags, join(root, 'dist/apps/radius-bridge/src/main.js')], {
    env: {
      PATH: process.env['PATH'] ?? '',
      CORDON_DATA: join(folder, 'cordon'),
      CORDON_RADIUS_AUTH_PORT: '0',
      CORDON_RADIUS_ACCT_PORT: '0',
      CORDON_BRIDGE_HTTP: '127.0.0.1:0',
      CORDON_CONTROLLER_URL: controller.url,
      CORDON_BRIDGE_TOKEN: token,
      SECRET_RFC: secret,
      SECRET_CISCO: secret,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const close = async (): Promise<void> => {
    await end(child);
    controller.close();
  };
  try {
    const port = await ready(child, macs.length);
    return { name: 'cordon', pid: child.pid!, port, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Resolves to the port when the bridge has read its feed. */
async function ready(child: ChildProcess, expected: number): Promise<number> {
  let log = '';
  child.stderr!.on('data', (text: Buffer) => (log = (log + text.toString()).slice(-4000)));
  const first = await Promise.race([
    once(createInterface({ input: child.stdout! }), 'line').then(([line]) => String(line)),
    once(child, 'exit').then(() => ''),
  ]);
  const match = / ports (\d+), \d+ http (\S+)$/.exec(first);
  if (!match) throw new Error(`the bridge did not start:\n${log}`);
  const deadline = Date.now() + 10_000;
  for (let devices = 0; devices !== expected;) {
    if (Date.now() > deadline) throw new Error(`the bridge did not read its feed:\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    ({ devices } = (await (await fetch(`http://${match[2]}/counters`)).json()) as { devices: number });
  }
  return Number(match[1]);
}

/** As `Cordon` tells it for the sample policy. */
const reply = (mac: string): string =>
  [
    `${mac.replaceAll(':', '')} Auth-Type := Accept`,
    [
      '\tTunnel-Type = VLAN',
      '\tTunnel-Medium-Type = IEEE-802',
      '\tTunnel-Private-Group-Id = "210"',
      '\tNAS-Filter-Rule += "permit in tcp from any 3613 to 10.10.4.20 established"',
      '\tNAS-Filter-Rule += "permit in tcp from any 3613 to fd10:4::20 established"',
      '\tNAS-Filter-Rule += "permit in tcp from any to 10.10.4.20 443"',
      '\tNAS-Filter-Rule += "permit in tcp from any to fd10:4::20 443"',
      '\tNAS-Filter-Rule += "deny in ip from any to any"',
      '\tSession-Timeout = 3600',
      '\tTermination-Action = RADIUS-Request',
      '\tClass = 0x636f72646f6e3a303030303030303030303031',
      '\tMessage-Authenticator = 0x00',
    ].join(',\n'),
  ].join('\n');

const radiusdConf = (folder: string, port: number): string => `
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = ${folder}
logdir = ${folder}
run_dir = ${folder}
name = bench
max_request_time = 10
cleanup_delay = 2
max_requests = 16384
hostname_lookups = no
log {
  destination = files
  file = ${folder}/radius.log
  auth = no
}
security {
  max_attributes = 200
  reject_delay = 0
  status_server = yes
}
proxy_requests = no
thread pool {
  start_servers = 2
  max_servers = 4
  min_spare_servers = 1
  max_spare_servers = 2
  max_queue_size = 16384
  auto_limit_acct = no
}
client bench {
  ipaddr = 127.0.0.1
  secret = "${secret}"
  require_message_authenticator = yes
}
modules {
  pap {
    normalise = yes
  }
  files {
    filename = ${folder}/users
    key = "%{User-Name}"
  }
}
server default {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = ${port}
  }
  authorize {
    files
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
  }
}
`;

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

export const hasFreeradius = (): boolean => spawnSync('freeradius', ['-v']).status === 0;

/** FreeRADIUS with nothing but its `files` module and the same devices: its fastest way to answer. */
export async function startFreeradius(folder: string, macs: readonly string[]): Promise<Server> {
  const raddb = join(folder, 'freeradius');
  mkdirSync(raddb, { recursive: true });
  const port = await freePort();
  writeFileSync(join(raddb, 'radiusd.conf'), radiusdConf(raddb, port), { mode: 0o600 });
  writeFileSync(join(raddb, 'users'), `${macs.map(reply).join('\n\n')}\n`);
  const args = ['-d', raddb, '-n', 'radiusd'];
  const check = spawnSync('freeradius', [...args, '-C', '-l', 'stdout'], { encoding: 'utf8' });
  if (check.status !== 0) throw new Error(`freeradius does not take its configuration:\n${check.stdout.slice(-2000)}`);
  const child = spawn('freeradius', [...args, '-f', '-l', join(raddb, 'radius.log')], { stdio: 'ignore' });
  return { name: 'freeradius', pid: child.pid!, port, close: () => end(child) };
}
