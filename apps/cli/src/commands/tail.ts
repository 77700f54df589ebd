import type { Authentication, SuspicionKind } from '#model';
import { once } from 'node:events';
import {
  ControllerClient,
  ControllerError,
  readControllerOptions,
  type ControllerArguments,
} from '../controller-client.js';
import { green, red, yellow } from '../output.js';
import { UsageError } from '../policy-files.js';
import { readEvents } from '../server-sent-events.js';
import { shown } from '../table.js';
import { formatTime } from '../times.js';
import { queryOf } from './query.js';

export interface TailOptions extends ControllerArguments {
  readonly mac?: string;
  readonly nas?: string;
  readonly port?: string;
  readonly outcome?: string;
  readonly segment?: string;
  readonly recent: string;
  readonly count?: string;
  readonly json?: boolean;
}

const longestWait = 10_000;

/**
 * Decisions as bridges report them, until it is stopped or `--count` are shown. When the link breaks it goes on where it was; what
 * can't be had any more shows as a gap. Exit code 1 when the controller refuses.
 */
export async function tail(options: TailOptions): Promise<number> {
  const { mac, nas, port, outcome, segment, recent } = options;
  const most = options.count === undefined ? Infinity : Number(options.count);
  if (!(most >= 1)) throw new UsageError(`--count is \`${options.count}\`: give a number`);
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const show = options.json ? showJson : showText;
  let lastEventId: string | null = null;
  let seen = 0;
  let failures = 0;
  for (;;) {
    try {
      const query = queryOf({ mac, nas, port, outcome, segment, recent, lastEventId });
      const lines = client.stream(`/api/v1/authentications/stream${query}`);
      for await (const { type, data } of readEvents(lines, (id) => (lastEventId = id))) {
        failures = 0;
        await write(show(type, data));
        if (type === 'authentication' && ++seen >= most) return 0;
      }
      // The controller ends a stream after an hour, so that a token that was deleted does not live on in it.
      if (lastEventId === null) throw new ControllerError('the controller ended the stream', null);
    } catch (error) {
      if (!(error instanceof ControllerError) || lastEventId === null || isRefusal(error)) throw error;
      process.stderr.write(`${yellow(`${error.message}; trying again`)}\n`);
    }
    const wait = Math.min(longestWait, 500 * 2 ** failures++);
    await new Promise((done) => {
      setTimeout(done, wait);
    });
  }
}

const isRefusal = ({ status }: ControllerError): boolean => status !== null && status < 500;

/** Waits while who reads us does not keep up: then the controller waits, too. */
async function write(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}

const showJson = (type: string, data: string): string => JSON.stringify({ type, ...(JSON.parse(data) as object) });

function showText(type: string, data: string): string {
  if (type === 'gap') {
    const { missed } = JSON.parse(data) as { missed: number };
    return yellow(`--- gap: up to ${missed} decisions are not shown, because they are too old or too many ---`);
  }
  return describeAuthentication(JSON.parse(data) as Authentication & { suspicions: SuspicionKind[] });
}

/** `suspicions`: what the device is suspected of now, where that is asked. */
export function describeAuthentication(
  authentication: Authentication & { readonly suspicions?: readonly SuspicionKind[] },
): string {
  const { at, mac, nas, nasPort, outcome, method, segment, vlan, reason, count, decisionId } = authentication;
  const isAccept = outcome === 'accept';
  const what = isAccept
    ? `${green('accept')}  ${shown(segment)}${vlan === null ? '' : ` (VLAN ${vlan})`}`
    : red('reject');
  const how = method === null ? '' : ` by ${method}`;
  const { suspicions = [] } = authentication;
  const suspect = suspicions.length > 0 ? `  ${red(`suspicion: ${suspicions.join(', ')}`)}` : '';
  const often = count > 1 ? `, ${count} times` : '';
  return `${formatTime(at)}  ${shown(mac)}  ${shown(nas)} ${shown(nasPort)}  ${what}${how}: ${shown(reason)}${often}  [${shown(decisionId)}]${suspect}`;
}
