import { RemoteFault, TerminalFault } from '../driver.js';

/** How ovs-ofctl ended. `code` is null when it was killed or never ran. */
export interface CommandEnd {
  readonly code: number | null;
  readonly stderr: string;
}

type Known = readonly (readonly [RegExp, string])[];

/** Nothing that waiting cures; the remedy stands beside it. */
const terminalCommands: Known = [
  [
    /certificate verify failed|bad certificate|unknown ca|handshake failure|no certificate|certificate required/i,
    'the certificates do not fit: check `tls` of the point and the authority that the switch believes',
  ],
  [/failed to (load|read)|could not (load|read)|PEM_read|error opening/i, 'a file of `tls` cannot be used'],
  [/version negotiation failed/i, 'let the bridge speak OpenFlow14: column `protocols` of Bridge'],
  [
    /OFP(BMC|BAC|BIC|FMFC|BRC)_|OFPT_ERROR|Protocol error|unknown (keyword|action|field)/i,
    'this switch does not take the flows: Open vSwitch 2.8 or newer with connection tracking is needed, and room in its tables',
  ],
  [/unrecognized option|invalid option/i, 'this ovs-ofctl is too old: install Open vSwitch 2.8 or newer here'],
];

/** Whether trying again can help. A refused bundle changed nothing. */
export function classifyCommand({ code, stderr }: CommandEnd): Error {
  const detail =
    stderr.trim().replaceAll(/\s+/g, ' ').slice(0, 400) || (code === null ? 'no answer' : `exit code ${code}`);
  if (code === 127) return new TerminalFault(`ovs-ofctl: ${detail} (install Open vSwitch's tools here)`);
  const known = terminalCommands.find(([pattern]) => pattern.test(stderr));
  return known ? new TerminalFault(`ovs-ofctl: ${detail} (${known[1]})`) : new RemoteFault(`ovs-ofctl: ${detail}`);
}

/** RFC 7047 §4.1.3 and §5.2: an operation or a transaction that may do better the next time. */
const passing = /^(timed out|resources exhausted|I\/O error|aborted)$/;

/** An error as the database says it. */
export function classifyDatabaseError(error: string, details: string): Error {
  const text = `the switch's database refuses: ${error}${details === '' ? '' : `: ${details}`}`.slice(0, 400);
  if (error === 'timed out') return new RemoteFault(`${text} (somebody changed a port meanwhile, or the switch hangs)`);
  return passing.test(error) ? new RemoteFault(text) : new TerminalFault(text);
}

/** A socket's error: most are of the moment, a certificate is not. */
export function classifySocketError(error: Error & { readonly code?: string }): Error {
  const text = `the switch's database: ${error.message}`.slice(0, 400);
  const isTls = /CERT|^ERR_(SSL|TLS|OSSL)|SELF_SIGNED|UNABLE_TO/.test(error.code ?? '') || /alert/.test(error.message);
  return isTls ? new TerminalFault(`${text} (check \`tls\` of the point)`) : new RemoteFault(text);
}
