/* A process of its own for handshakes: what they take, no MAC authentication waits for. */
import { Conversations } from './conversations.js';
import type { FromEapWorker, ToEapWorker } from './messages.js';

const conversations = new Conversations(Date.now);

function send(message: FromEapWorker): void {
  if (process.connected) process.send!(message);
}

process.on('message', (message: ToEapWorker) => {
  if (message.type === 'configure') {
    conversations.configure(message.material);
    return;
  }
  const { request, conversation, begins } = message;
  conversations.receive(conversation, begins, message.message).then(
    (answer) => send({ request, answer }),
    // A fault costs its conversation, not the others.
    (error: unknown) => {
      process.stderr.write(`EAP worker: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      send({ request, answer: { kind: 'unknown' } });
    },
  );
});
// The bridge is gone: nobody waits for an answer.
process.on('disconnect', () => process.exit(0));
// A terminal's interrupt goes to all processes of a group; the bridge decides when its workers end.
process.on('SIGINT', () => undefined);
