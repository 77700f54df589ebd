import { text as readAll } from 'node:stream/consumers';
import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { bold, countOf, print, printJson } from '../output.js';
import { UsageError } from '../policy-files.js';

export interface CredentialOptions extends ControllerArguments {
  readonly json?: boolean;
}

export interface SetCredentialOptions extends CredentialOptions {
  readonly mac: string;
  readonly methods?: string;
  readonly passwordStdin?: boolean;
  readonly generate?: boolean;
}

export interface ListCredentialOptions extends CredentialOptions {
  readonly mac?: string;
  readonly search?: string;
}

interface Credential {
  readonly username: string;
  readonly mac: string;
  readonly methods: readonly string[];
  readonly updatedAt: string;
  /** Only where the controller drew it. */
  readonly password?: string;
}

const clientOf = (options: CredentialOptions): ControllerClient =>
  new ControllerClient(readControllerOptions(options, process.env));

const pathOf = (username: string): string => `/api/v1/credentials/${encodeURIComponent(username)}`;

/** Gives a device a password, or another one. It is no argument: command lines can be read by everybody, and are kept. */
export async function setCredential(username: string, options: SetCredentialOptions): Promise<number> {
  if (options.passwordStdin === options.generate)
    throw new UsageError('where does the password come from? Give --generate or --password-stdin');
  const client = clientOf(options);
  const methods = options.methods?.split(',').map((method) => method.trim());
  const secret = options.generate ? { generate: true } : { password: await readPassword() };
  const body = { mac: options.mac, ...(methods ? { methods } : {}), ...secret };
  const credential = await client.send<Credential>('PUT', pathOf(username), body);
  if (options.json) printJson(credential);
  else {
    print(describe(credential));
    if (credential.password !== undefined) print(`password ${bold(credential.password)}   (shown this once)`);
  }
  return 0;
}

/** All of standard input but one end of line at its end, which `echo` and editors put there. */
async function readPassword(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('password, then Enter and Ctrl-D (it shows on the screen): ');
  const password = (await readAll(process.stdin)).replace(/\r?\n$/, '');
  if (password === '') throw new UsageError('there is no password on standard input');
  return password;
}

export async function listCredentials(options: ListCredentialOptions): Promise<number> {
  const client = clientOf(options);
  const items: Credential[] = [];
  for (let cursor: string | null = null; ;) {
    const query: Record<string, string> = { limit: '1000', ...(cursor === null ? {} : { cursor }) };
    if (options.mac !== undefined) query['mac'] = options.mac;
    if (options.search !== undefined) query['search'] = options.search;
    const page: { items: Credential[]; next: string | null } = await client.get(
      `/api/v1/credentials?${new URLSearchParams(query).toString()}`,
    );
    items.push(...page.items);
    cursor = page.next;
    if (cursor === null) break;
  }
  if (options.json) printJson({ items });
  else {
    for (const credential of items) print(describe(credential));
    print(countOf(items.length, 'credential'));
  }
  return 0;
}

export async function removeCredential(username: string, options: CredentialOptions): Promise<number> {
  await clientOf(options).send('DELETE', pathOf(username));
  if (options.json) printJson({ removed: username });
  else print(`${username} lets nobody in any more`);
  return 0;
}

const describe = ({ username, mac, methods, updatedAt }: Credential): string =>
  `${username}  ${mac}  ${methods.join(',')}  set ${updatedAt}`;
