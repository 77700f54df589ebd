/* A process that answers MAC authentication beside the owner of the port: see responders.ts. */
import { setFlagsFromString } from 'node:v8';
import { accessFor, decodeSnapshot } from '#policy/snapshot';
import { AuthenticationHandler } from '../authentication/authentication-handler.js';
import { renderGrant } from '../authentication/authorization.js';
import { DecisionIds } from '../authentication/decision-id.js';
import { decisionLog } from '../authentication/decision-log.js';
import { Admission } from '../clients/admission.js';
import { ExceptionAudit } from '../clients/exception-audit.js';
import { Gate } from '../clients/gate.js';
import { judgeAuthentication } from '../clients/message-authenticator.js';
import { Strangers } from '../clients/strangers.js';
import { readConfig } from '../config.js';
import { Counters } from '../counters.js';
import { DeviceIndex } from '../device-index.js';
import { watchEventLoop } from '../event-loop-lag.js';
import { jsonLog, reasonOf } from '../log.js';
import { ownUdpSockets } from '../metrics/udp-sockets.js';
import type { Acceptance } from '../sessions/session-table.js';
import { SnapshotStore } from '../snapshot-store.js';
import { fullest, LoadMonitor } from '../transport/load-monitor.js';
import { UdpServer } from '../transport/udp-server.js';
import type { Decided, FromResponder, SharedPlace, ToResponder } from './messages.js';

// As in main.ts.
setFlagsFromString('--semi-space-growth-factor=8');

const tellMilliseconds = 5;
const mostUntold = 200;
const reportMilliseconds = 1000;
/** The owner can't keep up: devices are answered all the same, like those that a full session table has no room for. */
const mostUnsent = 50_000;
/** A switch has asked again meanwhile. */
const forwardedMilliseconds = 30_000;

const config = readConfig(process.env);
const log = jsonLog(
  (line) => process.stderr.write(line),
  () => new Date(),
);
const counters = new Counters();
const devices = new DeviceIndex();
const strangers = new Strangers();
const { secretOf } = config;
const source = { decode: decodeSnapshot, secretOf, accessFor, renderGrant, onTaken: () => undefined };
const snapshots = new SnapshotStore(source, log);
const servers = new Map<string, UdpServer>();
const load = new LoadMonitor(() => fullest([...servers.values()]));
const admission = new Admission(() => load.isOverloaded);
const gate = new Gate('authentication', judgeAuthentication, {
  snapshots,
  counters,
  strangers,
  admission,
  audit: new ExceptionAudit(log),
});

/** Nobody waits for what was told; the owner gone, nobody needs it. */
function send(message: FromResponder, done: () => void = () => undefined): void {
  if (process.connected) process.send!(message, undefined, undefined, done);
}

let untold: Decided[] = [];
let unsent = 0;
let timer: NodeJS.Timeout | null = null;
let accepted: Acceptance | null = null;

function tell(): void {
  if (timer) clearTimeout(timer);
  timer = null;
  const all = untold;
  untold = [];
  unsent += all.length;
  send({ type: 'decided', all }, () => (unsent -= all.length));
}

let forwards = 0;
const forwarded = new Map<number, { readonly send: (reply: Buffer) => void; readonly at: number }>();

const handler = new AuthenticationHandler(
  {
    snapshots,
    devices,
    counters,
    gate,
    sessions: {
      accepted: (acceptance) => {
        accepted = acceptance;
        return unsent < mostUnsent;
      },
    },
    recorder: {
      authentication: (note) => {
        const acceptance = accepted;
        accepted = null;
        if (unsent >= mostUnsent) return;
        untold.push({ at: note.at, note, acceptance, revision: devices.revision });
        if (untold.length >= mostUntold) tell();
        else timer ??= setTimeout(tell, tellMilliseconds);
      },
    },
    central: (datagram, { address, port, via = 0 }, reply) => {
      const request = forwards++;
      forwarded.set(request, { send: reply, at: performance.now() });
      send({ type: 'forward', request, datagram, address, port, via });
    },
  },
  new DecisionIds(),
  Date.now,
  config.logDecisions ? decisionLog(log) : null,
);

async function serveAt(places: readonly SharedPlace[]): Promise<void> {
  for (const [host, server] of servers) {
    if (places.some((place) => place.host === host)) continue;
    servers.delete(host);
    await server.close();
  }
  for (const { host, port, via } of places) {
    if (servers.has(host)) continue;
    const onFault = (reason: string): void => log('error', 'fault while handling a datagram', { reason });
    const server = new UdpServer(host, handler.handle.bind(handler), counters, onFault, { via, isShared: true });
    servers.set(host, server);
    await server.listen(port);
  }
}

function report(): void {
  const oldest = performance.now() - forwardedMilliseconds;
  for (const [request, { at }] of forwarded) {
    if (at > oldest) break;
    forwarded.delete(request);
  }
  void ownUdpSockets().then((sockets) => {
    const { addresses } = strangers.take();
    const counted = counters.take();
    send({ type: 'report', report: { counted, sockets, strangers: addresses, isOverloaded: load.isOverloaded } });
  });
}

/** One that does not decide what its owner decides must not answer. */
function end(reason: string): never {
  log('error', 'responder ends', { reason });
  process.exit(1);
}

function receive(message: ToResponder): void {
  switch (message.type) {
    case 'snapshot':
      snapshots.take(message.json);
      return;
    case 'devices':
      devices.apply(message.reset, message.revision, message.changes);
      return;
    case 'settled':
      devices.settle();
      return;
    case 'places':
      serveAt(message.places).catch((error: unknown) => end(reasonOf(error)));
      return;
    case 'reply':
      forwarded.get(message.request)?.send(Buffer.from(message.reply));
      forwarded.delete(message.request);
  }
}

process.on('message', (message: ToResponder) => {
  try {
    receive(message);
  } catch (error) {
    end(reasonOf(error));
  }
});
watchEventLoop((lag) => {
  counters.took('event-loop.lag', lag);
  load.sample(lag);
});
setInterval(report, reportMilliseconds);
// The owner is gone, and with it sessions and journal.
process.on('disconnect', () => process.exit(0));
// A terminal's interrupt goes to all processes of a group; the owner decides when its responders end.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => {
  const closing = [...servers.values()].map((server) => server.close());
  void Promise.all(closing).then(() => {
    tell();
    send(
      { type: 'report', report: { counted: counters.take(), sockets: [], strangers: {}, isOverloaded: false } },
      () => process.exit(0),
    );
  });
});
