/* The process of a responder: see responders.ts. */
import { setFlagsFromString } from 'node:v8';
import { readConfig } from '../config.js';
import { jsonLog, reasonOf } from '../log.js';
import type { ToResponder } from './messages.js';
import { Responder } from './responder.js';

// As in the bridge's own main.ts.
setFlagsFromString('--semi-space-growth-factor=8');

const log = jsonLog(
  (line) => process.stderr.write(line),
  () => new Date(),
);
const responder = new Responder(readConfig(process.env), log, (message, done = () => undefined) => {
  // The owner gone, nobody needs to know.
  if (process.connected) process.send!(message, undefined, undefined, done);
});

process.on('message', (message: ToResponder) => {
  responder.receive(message).catch((error: unknown) => {
    log('error', 'responder ends', { reason: reasonOf(error) });
    process.exit(1);
  });
});
// With the owner, sessions and journal are gone.
process.on('disconnect', () => process.exit(0));
// A terminal's interrupt goes to all processes of a group; the owner decides when its responders end.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => void responder.close(() => process.exit(0)));
