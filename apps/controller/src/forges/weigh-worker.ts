import { parentPort, workerData } from 'node:worker_threads';
import { weighProposal, type WeighRequest } from './weigh-proposal.js';

/** Entry of the thread that `weighInThread` starts: one request in, one result out. */
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(weighProposal(workerData as WeighRequest));
