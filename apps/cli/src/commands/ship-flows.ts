import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { FlowFolder } from '../flow-folder.js';
import { readFlowLines, type FlowLines } from '../flow-lines.js';
import { LineFile } from '../line-file.js';
import { UsageError } from '../policy-files.js';
import { ship, type Taken } from '../ship.js';

export interface ShipFlowsOptions extends ControllerArguments {
  readonly file?: string;
  readonly folder?: string;
  readonly exporter: string;
  readonly position: string;
  readonly once?: boolean;
  readonly json?: boolean;
}

/**
 * Sends what was seen to pass, for ever: a log that grows, line by line, or a folder that whole files come into. Records are read here, so that
 * only who spoke to whom with what leaves this machine.
 */
export function shipFlows({ file, folder, ...options }: ShipFlowsOptions): Promise<number> {
  if ((file === undefined) === (folder === undefined))
    throw new UsageError('name a log with --file, or a folder of files with --folder');
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const path = `/api/v1/flows/seen?exporter=${encodeURIComponent(options.exporter)}`;
  const send = async ({ text, ignored, malformed }: FlowLines): Promise<Taken> => {
    if (text === '') return { taken: 0, ignored, malformed };
    const { taken } = await client.sendText<Taken>(path, 'text/csv', text);
    return { taken, ignored, malformed };
  };
  if (folder !== undefined) return ship({ spool: new FlowFolder(folder, options.position), send, words }, options);
  const spool = new LineFile(file!, options.position);
  return ship({ spool, send: ({ text }) => send(readFlowLines(text, file!)), words }, options);
}

const words = ({ taken, ignored, malformed }: Taken): string =>
  `${taken} connections sent, ${ignored} replies or undecided, ${malformed} not understood`;
