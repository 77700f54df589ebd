/* A process of its own for handshakes: what they take, no MAC authentication waits for. */
import type { Credential } from '#model';
import { lost, type FromEapWorker, type ToEapWorker } from './messages.js';
import { TlsPeers } from './tls-peers.js';

const asked = new Map<number, (credential: Credential | null) => void>();
let questions = 0;

const find = (username: string): Promise<Credential | null> =>
  new Promise((resolve) => {
    const question = questions++;
    asked.set(question, resolve);
    send({ type: 'find', question, username });
  });

const peers = new TlsPeers(Date.now, find);

function send(message: FromEapWorker): void {
  if (process.connected) process.send!(message);
}

process.on('message', (message: ToEapWorker) => {
  switch (message.type) {
    case 'configure':
      peers.configure(message.material);
      return;
    case 'credential':
      asked.get(message.question)?.(message.credential);
      asked.delete(message.question);
      return;
    case 'close':
      peers.close(message.connection);
      return;
    case 'receive':
      receive(message);
  }
});

function receive({ request, connection, begins, message }: Extract<ToEapWorker, { type: 'receive' }>): void {
  peers.receive(connection, begins, message).then(
    (step) => send({ type: 'answer', request, step }),
    // A fault costs its conversation, not the others.
    (error: unknown) => {
      process.stderr.write(`EAP worker: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      send({ type: 'answer', request, step: lost });
    },
  );
}

// The bridge is gone: nobody waits for an answer.
process.on('disconnect', () => process.exit(0));
// A terminal's interrupt goes to all processes of a group; the bridge decides when its workers end.
process.on('SIGINT', () => undefined);
