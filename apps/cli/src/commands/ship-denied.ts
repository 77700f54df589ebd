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
      words: describe,
    },
    options,
  );
}

/** What passed and a candidate would drop comes in the same file. */
function describe({ taken, watched = 0, ignored, malformed }: Taken): string {
  const passed = watched > 0 ? `, ${watched} that passed and would not by the policy in audit` : '';
  return `${taken} denied packets sent${passed}, ${ignored} of others, ${malformed} not understood`;
}
