import { RemoteFault, TerminalFault } from '../driver.js';
import type { Framing } from './framing.js';
import { childrenOf, formatXml, netconfNamespace, tag, type Tag, type XmlElement } from './xml.js';

/** What is said between us and a switch: hellos, operations and what is answered to them (RFC 6241). */

export type Datastore = 'running' | 'candidate';

const base = 'urn:ietf:params:netconf:base:';
const capability = 'urn:ietf:params:netconf:capability:';
const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

export const clientHello =
  declaration +
  formatXml(
    tag(
      'hello',
      [
        tag(
          'capabilities',
          ['1.0', '1.1'].map((version) => tag('capability', `${base}${version}`)),
        ),
      ],
      {
        xmlns: netconfNamespace,
      },
    ),
  );

/** What both sides speak from now on. Throws `TerminalFault` for a switch that can't take a change back by itself. */
export function readHello(hello: XmlElement): { readonly framing: Framing } {
  if (hello.name !== 'hello' || hello.namespace !== netconfNamespace)
    throw new TerminalFault(`the switch says \`${hello.name}\` in place of hello`);
  const capabilities = childrenOf(hello, 'capabilities').flatMap((list) =>
    childrenOf(list, 'capability').map(({ text }) => text),
  );
  const has = (name: string): boolean =>
    capabilities.some((text) => text === name || (text.startsWith(name) && text[name.length] === '?'));
  if (!has(`${base}1.0`) && !has(`${base}1.1`))
    throw new TerminalFault('the switch speaks no NETCONF that is known here');
  if (!has(`${capability}candidate:1.0`))
    throw new TerminalFault(
      'the switch has no candidate configuration, so a change could stay half done: turn it on there (IOS XE: `netconf-yang feature candidate-datastore`), or choose another driver',
    );
  if (!has(`${capability}confirmed-commit:1.0`) && !has(`${capability}confirmed-commit:1.1`))
    throw new TerminalFault(
      'the switch has no confirmed commit, so nobody would take a bad change back if Cordon fails: choose another driver',
    );
  return { framing: has(`${base}1.1`) ? '1.1' : '1.0' };
}

export const operations = {
  getRunning: (filter: readonly Tag[]): Tag =>
    tag('get-config', [tag('source', [tag('running', '')]), tag('filter', filter, { type: 'subtree' })]),
  lock: (store: Datastore): Tag => tag('lock', [tag('target', [tag(store, '')])]),
  unlock: (store: Datastore): Tag => tag('unlock', [tag('target', [tag(store, '')])]),
  discard: tag('discard-changes', ''),
  /** It is taken back when nothing confirms it for so many seconds, or when the session ends (RFC 6241 §8.4.1). */
  commitFor: (seconds: number): Tag => tag('commit', [tag('confirmed', ''), tag('confirm-timeout', `${seconds}`)]),
  confirm: tag('commit', ''),
  close: tag('close-session', ''),
} as const;

export const rpc = (id: number, operation: Tag): string =>
  declaration + formatXml(tag('rpc', [operation], { 'message-id': `${id}`, xmlns: netconfNamespace }));

/** `config`: the text of a whole `config` element. It goes in as it is: what was proved is what is sent. */
export function editRpc(id: number, config: string): string {
  const target = formatXml(tag('target', [tag('candidate', '')]));
  return `${declaration}<rpc message-id="${id}" xmlns="${netconfNamespace}">\n<edit-config>\n${target}${config}</edit-config>\n</rpc>\n`;
}

/** Null: done. Throws what the answer says went wrong. */
export function readReply(reply: XmlElement, id: number, operation: string): XmlElement | null {
  if (reply.name !== 'rpc-reply' || reply.namespace !== netconfNamespace)
    throw new TerminalFault(`the switch says \`${reply.name}\` in place of an answer`);
  if (reply.attributes.get('message-id') !== `${id}`)
    throw new TerminalFault(`the switch answers something else than \`${operation}\``);
  const errors = childrenOf(reply, 'rpc-error').filter((error) => leaf(error, 'error-severity') !== 'warning');
  if (errors.length > 0) throw faultOf(operation, errors);
  const [data] = childrenOf(reply, 'data');
  if (data) return data;
  if (childrenOf(reply, 'ok').length === 1) return null;
  throw new TerminalFault(`the switch answers neither ok nor data to \`${operation}\``);
}

const leaf = (parent: XmlElement, name: string): string => childrenOf(parent, name)[0]?.text ?? '';

/** Waiting cures nothing; the remedy stands beside it. All other errors may be gone when it is tried again (RFC 6241 App. A). */
const terminal: Readonly<Record<string, string>> = {
  'access-denied':
    'the user may not do that: give it the right to change access lists, and VLANs where they are asked for',
  'unknown-element': 'the switch has no such words: check `model` of this point, and what its software can do',
  'unknown-namespace': 'the switch does not know this model: check `model` of this point',
  'unknown-attribute': 'the switch does not take the operation',
  'bad-element': 'the switch does not take the value',
  'bad-attribute': 'the switch does not take the operation',
  'missing-element': 'the switch wants more than the model says',
  'invalid-value': 'the switch does not take the value: its software may know less than the model',
  'operation-not-supported': 'the switch can’t do that',
  'too-big': 'it is more than the switch can hold',
  'data-exists':
    'something of that name is there and is not Cordon’s: look at it, and take it away or make it usable (a VLAN must be active)',
};

function faultOf(operation: string, errors: readonly XmlElement[]): Error {
  const text = errors
    .slice(0, 3)
    .map((error) => {
      const [kind, message, path] = ['error-tag', 'error-message', 'error-path'].map((name) => leaf(error, name));
      return `${[kind, message].filter((part) => part !== '').join(': ')}${path ? ` at ${path}` : ''}`;
    })
    .join('; ')
    .replaceAll(/\s+/g, ' ')
    .slice(0, 600);
  const remedy = errors.map((error) => terminal[leaf(error, 'error-tag')]).find((found) => found !== undefined);
  return remedy === undefined
    ? new RemoteFault(`${operation}: ${text}`)
    : new TerminalFault(`${operation}: ${text} (${remedy})`);
}
