import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Outcome } from '../bench-case.ts';
import { median } from '../statistics.ts';
import { codes, decodePacket, hidePassword, Secret, signRequest, textAttribute, types, verifyReply } from '#radius';
import { benchSnapshot, spawnBridge, startCordon } from './cordon-side.ts';
import { userName } from './grant.ts';
import { cpuSeconds } from './process-tree.ts';
import { macsOf, round, type RadiusCase, type RadiusOptions } from './radius-case.ts';
import { startSessions } from './session-starter.ts';
import { end, freePort, secret } from './side.ts';

const resendMilliseconds = 5;
const patience = 30_000;
/** Nobody is there: it starts from what is on its disk. */
const away = { url: 'http://127.0.0.1:9', token: 'token-of-the-bench' };

interface Start {
  readonly milliseconds: number;
  /** Of all threads, on a shared machine the steadier figure. */
  readonly cpuMilliseconds: number;
}

/** From the start of the process to the first valid Access-Accept, of a request that is sent again and again. */
async function coldStart(folder: string, mac: string): Promise<Start> {
  const port = await freePort();
  const own = new Secret(secret);
  const authenticator = randomBytes(16);
  const request = signRequest(
    codes.accessRequest,
    1,
    [
      textAttribute(types.userName, userName(mac)),
      { type: types.userPassword, value: hidePassword(userName(mac), authenticator, own) },
      textAttribute(types.callingStationId, mac.replaceAll(':', '-').toUpperCase()),
      textAttribute(types.nasPortId, 'GigabitEthernet1/0/1'),
    ],
    own,
    authenticator,
  );
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  // Nobody listens yet.
  socket.on('error', () => undefined);
  await once(socket, 'listening');
  const begun = performance.now();
  const child = spawnBridge(folder, away, [], port);
  child.stdout!.resume();
  child.stderr!.resume();
  const sending = setInterval(() => socket.send(request, port, '127.0.0.1'), resendMilliseconds);
  try {
    const [bytes] = (await once(socket, 'message', { signal: AbortSignal.timeout(patience) })) as [Buffer];
    const milliseconds = performance.now() - begun;
    const cpuMilliseconds = cpuSeconds([child.pid!]) * 1000;
    const reply = decodePacket(bytes);
    const isGood =
      typeof reply !== 'string' &&
      reply.code === codes.accessAccept &&
      verifyReply(reply, authenticator, own) === 'valid';
    if (!isGood) throw new Error('the first reply is no validly signed Access-Accept');
    return { milliseconds, cpuMilliseconds };
  } finally {
    clearInterval(sending);
    socket.close();
    // As after a power cut: what it starts from next has not been put away.
    await end(child, 'SIGKILL');
  }
}

async function fill({ folder, nodeFlags }: RadiusOptions, macs: readonly string[], sessions: number): Promise<void> {
  const side = await startCordon({ folder, macs, nodeFlags, snapshot: benchSnapshot() });
  try {
    const ports = { authentication: side.port, accounting: side.accountingPort };
    await startSessions(ports, macs.slice(0, sessions), secret);
  } finally {
    await side.close();
  }
}

export const coldStartCase: RadiusCase = {
  name: 'cold start',
  targets: [{ figure: 'first reply ms, devices on disk', want: 'at most', limit: 2000 }],
  run: async (options): Promise<Outcome> => {
    const devices = options.isQuick ? 20_000 : 100_000;
    const macs = macsOf(devices);
    const rows: Record<string, Record<string, string | number>> = {};
    const figures: Record<string, number> = { devices };
    for (const sessions of [0, devices / 2]) {
      options.progress(`${devices} devices and ${sessions} sessions go to the disk`);
      const inside = { ...options, folder: `${options.folder}/${sessions}` };
      await fill(inside, macs, sessions);
      const starts: Start[] = [];
      for (let i = 0; i < Math.max(5, options.rounds); i++) starts.push(await coldStart(inside.folder, macs.at(-1)!));
      const times = starts.map(({ milliseconds }) => milliseconds);
      rows[`${devices} devices, ${sessions} sessions`] = {
        'first reply ms': round(median(times)),
        least: round(Math.min(...times)),
        most: round(Math.max(...times)),
        'CPU ms': round(median(starts.map(({ cpuMilliseconds }) => cpuMilliseconds))),
      };
      figures[sessions === 0 ? 'first reply ms, devices on disk' : 'first reply ms, sessions as well'] = median(times);
    }
    return { rows, figures, notes: [] };
  },
};
