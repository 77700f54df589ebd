import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { LineFile } from '../line-file.js';
import { ship, type Taken } from '../ship.js';

export interface ShipOptions extends ControllerArguments {
  readonly file: string;
  readonly point: string;
  readonly position: string;
  readonly once?: boolean;
  readonly json?: boolean;
}

/** Sends what a gateway's ulogd2 writes, line by line, for ever. */
export function shipDenied(options: ShipOptions): Promise<number> {
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const path = `/api/v1/flows?point=${encodeURIComponent(options.point)}`;
  return ship(
    {
      spool: new LineFile(options.file, options.position),
      send: ({ text }) => client.sendLines<Taken>(path, text),
      words: ({ taken, ignored, malformed }) =>
        `${taken} denied packets sent, ${ignored} of others, ${malformed} not understood`,
    },
    options,
  );
}
