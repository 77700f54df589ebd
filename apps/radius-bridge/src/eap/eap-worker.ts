/* A process of its own for handshakes: what they take, no MAC authentication waits for. */
import type { Credential } from '#model';
import { lost, type FromEapWorker, type ToEapWorker } from './messages.js';
import { TlsPeers } from './tls-peers.js';

type Asked<Answer> = Map<number, (answer: Answer) => void>;
const askedCredentials: Asked<Credential | null> = new Map();
const askedSerials: Asked<string | null> = new Map();
let questions = 0;

function ask<Answer>(asked: Asked<Answer>, messageOf: (question: number) => FromEapWorker): Promise<Answer> {
  const question = questions++;
  return new Promise((resolve) => {
    asked.set(question, resolve);
    send(messageOf(question));
  });
}

function take<Answer>(asked: Asked<Answer>, question: number, answer: Answer): void {
  asked.get(question)?.(answer);
  asked.delete(question);
}

const peers = new TlsPeers(
  Date.now,
  (username) => ask(askedCredentials, (question) => ({ type: 'find', question, username })),
  (mac) => ask(askedSerials, (question) => ({ type: 'find-serial', question, mac })),
);

function send(message: FromEapWorker): void {
  if (process.connected) process.send!(message);
}

process.on('message', (message: ToEapWorker) => {
  switch (message.type) {
    case 'configure':
      peers.configure(message.material);
      return;
    case 'credential':
      return take(askedCredentials, message.question, message.credential);
    case 'serial':
      return take(askedSerials, message.question, message.serial);
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
