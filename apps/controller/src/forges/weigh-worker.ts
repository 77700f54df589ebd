import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { weighProposal, type WeighRequest } from './weigh-proposal.js';

/** Entry of the thread that `weighInThread` starts: one request in, one result out. */

// On Linux of this thread alone: what it works out is for people to read, and policy on its way goes first.
setPriority(10);

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(weighProposal(workerData as WeighRequest));
