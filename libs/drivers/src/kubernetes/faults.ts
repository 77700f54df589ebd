import { RemoteFault, TerminalFault } from '../driver.js';

/** What an API server answered in place of what it was asked for. */
export interface Refusal {
  readonly status: number;
  /** Of its Status object. */
  readonly reason: string;
  readonly message: string;
}

const remedies = new Map([
  [401, 'the token or certificate in the kubeconfig is not accepted: has it ended?'],
  [403, 'give the service account the rights of deploy/kubernetes/rbac.yaml in each namespace of the point'],
  [422, 'if it is `endPort` that the API server does not know, set the option `portRanges` of the point to `no`'],
  [413, 'the object is too large for the API server'],
  [400, 'if it is `endPort` that the API server does not know, set the option `portRanges` of the point to `no`'],
]);

/** Whether trying again can help. A conflict may: somebody changed the object between reading and writing, and the next run reads. */
export function faultOfAnswer(what: string, { status, reason, message }: Refusal): Error {
  const text = `${what}: ${message.trim().replaceAll(/\s+/g, ' ').slice(0, 400) || `HTTP ${status}`}`;
  if (reason === 'AlreadyExists')
    return new TerminalFault(`${text} (an object that is not Cordon's has this name: rename it)`);
  // Of structured patches an old API server complains with a 500.
  const isUnknownField = /field not declared in schema/.test(message);
  const remedy = isUnknownField ? remedies.get(422) : remedies.get(status);
  return remedy === undefined ? new RemoteFault(text) : new TerminalFault(`${text} (${remedy})`);
}

const certificate = /CERT|SIGNATURE|ISSUER|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME|ERR_SSL|ERR_TLS|ERR_OSSL/;

/** What happened before there was an answer. */
export function faultOfError(what: string, error: unknown): Error {
  if (error instanceof RemoteFault || error instanceof TerminalFault) return error;
  const causes = causesOf(error);
  const codes = causes.flatMap((each) => ('code' in each && typeof each.code === 'string' ? [each.code] : []));
  const message = causes.findLast(({ message }) => message !== '')?.message ?? String(error);
  if (causes.some(({ name }) => name === 'TimeoutError')) return new RemoteFault(`${what}: no answer in time`);
  if (codes.some((code) => certificate.test(code)))
    return new TerminalFault(
      `${what}: ${message} (the API server's certificate is not one that the kubeconfig vouches for: find out why before you change it)`,
    );
  return new RemoteFault(`${what}: ${message}`);
}

function causesOf(error: unknown): Error[] {
  const out: Error[] = [];
  for (let each = error; each instanceof Error && out.length < 8; each = each.cause) out.push(each);
  return out;
}
