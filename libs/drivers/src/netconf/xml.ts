import { DOMParser, type Element, type Node } from '@xmldom/xmldom';
import { TerminalFault } from '../driver.js';

/** An element as it was read: names are resolved, and what only structures the text is gone. */
export interface XmlElement {
  readonly namespace: string;
  readonly name: string;
  /** Those without a namespace, and `nc:operation`, by local name. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Its own text, trimmed: empty where there are children only. */
  readonly text: string;
  /** Prefix → namespace, as they hold here: values may name identities by them. */
  readonly prefixes: ReadonlyMap<string, string>;
}

/** An element to write. Content that is text is escaped. */
export interface Tag {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly content: string | readonly Tag[];
}

export const netconfNamespace = 'urn:ietf:params:xml:ns:netconf:base:1.0';
const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/';

/** No configuration is nested deeper; without a bound, a few bytes would cost a stack. */
const deepest = 64;

export const tag = (name: string, content: Tag['content'], attributes: Tag['attributes'] = {}): Tag => ({
  name,
  attributes,
  content,
});

/** One element a line, so that people and `diff` can read it. */
export function formatXml({ name, attributes, content }: Tag, indent = ''): string {
  const head = `${name}${Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(value)}"`)
    .join('')}`;
  if (content.length === 0) return `${indent}<${head}/>\n`;
  if (typeof content === 'string') return `${indent}<${head}>${escapeXml(content)}</${name}>\n`;
  return `${indent}<${head}>\n${content.map((child) => formatXml(child, `${indent}  `)).join('')}${indent}</${name}>\n`;
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeXml = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => escapes[character]!);

/** What XML 1.0 has no way to write, not even escaped. */
export const isXmlText = (text: string): boolean => !/[\p{Cc}\ufffe\uffff]/u.test(text) && text.isWellFormed();

/** Throws `TerminalFault` on anything but one well-formed document without declarations of its own. */
export function parseXml(text: string): XmlElement {
  // a document type could define entities; comments and CDATA are the only other things that begin so
  if (/<!(?!--|\[CDATA\[)/.test(text)) throw notXml('it has a document type');
  let root: Element | null;
  try {
    const parser = new DOMParser({
      onError: (level, message) => {
        throw new Error(`${level}: ${message}`);
      },
    });
    root = parser.parseFromString(text, 'application/xml').documentElement;
  } catch (error) {
    throw notXml(String(error instanceof Error ? error.message : error));
  }
  if (!root) throw notXml('it has no element');
  return readElement(root, new Map(), 0);
}

function readElement(element: Element, inherited: ReadonlyMap<string, string>, depth: number): XmlElement {
  if (depth > deepest) throw notXml('it is nested too deep');
  const attributes = new Map<string, string>();
  let prefixes = inherited;
  for (let i = 0; i < element.attributes.length; i++) {
    const { namespaceURI, localName, prefix, value } = element.attributes.item(i)!;
    if (namespaceURI === xmlnsNamespace)
      prefixes = new Map([...prefixes, [prefix === null ? '' : (localName ?? ''), value]]);
    else if (namespaceURI === null || namespaceURI === '' || namespaceURI === netconfNamespace)
      attributes.set(localName ?? '', value);
  }
  const children: XmlElement[] = [];
  let text = '';
  for (let node: Node | null = element.firstChild; node; node = node.nextSibling) {
    if (node.nodeType === node.ELEMENT_NODE) children.push(readElement(node as Element, prefixes, depth + 1));
    else if (node.nodeType === node.TEXT_NODE || node.nodeType === node.CDATA_SECTION_NODE)
      text += node.nodeValue ?? '';
  }
  return {
    namespace: element.namespaceURI ?? '',
    name: element.localName ?? element.tagName,
    attributes,
    children,
    text: text.trim(),
    prefixes,
  };
}

/** The same again, in one form: equal content gives equal text, and every value still means what it meant. */
export const formatElement = (element: XmlElement): string => formatXml(tagOf(element, ''));

function tagOf({ namespace, name, text, children, prefixes }: XmlElement, outer: string): Tag {
  const inner = prefixes.get('') ?? '';
  const prefix = /^([^:]+):/.exec(text)?.[1] ?? '';
  const meant = prefixes.get(prefix);
  const isPlain = namespace === inner;
  const attributes = {
    ...(inner !== outer && { xmlns: inner }),
    ...(!isPlain && { 'xmlns:this': namespace }),
    ...(prefix !== '' && meant !== undefined && { [`xmlns:${prefix}`]: meant }),
  };
  const content = children.length > 0 ? children.map((child) => tagOf(child, inner)) : text;
  return tag(isPlain ? name : `this:${name}`, content, attributes);
}

function notXml(why: string): TerminalFault {
  return new TerminalFault(
    `what the switch sent is not understood as XML: ${why.replaceAll(/\s+/g, ' ').slice(0, 200)}`,
  );
}

/** The identity that a value names, if it is of this namespace; without prefix it is of the default one (RFC 7950 §9.10.3). */
export function identityIn(namespace: string, { text, prefixes }: XmlElement): string | null {
  const [, prefix = '', name = null] = /^(?:([^:]*):)?([^:]*)$/.exec(text) ?? [];
  return prefixes.get(prefix) === namespace ? name : null;
}

export const childrenOf = (parent: XmlElement, name: string): readonly XmlElement[] =>
  parent.children.filter((child) => child.name === name && child.namespace === parent.namespace);

/** As text that is equal for equal content, whatever prefixes and spaces it was written with. */
export function contentOf({ namespace, name, text, children }: XmlElement): string {
  return `{${namespace}}${name}=${text}${children.length > 0 ? `(${children.map(contentOf).sort().join(' ')})` : ''}`;
}

/**
 * Gives each child to the reader of its name; children of another namespace have none. What no reader takes, or what one says
 * that it does not understand, comes back as text.
 */
export function readChildren(
  parent: XmlElement,
  readers: Readonly<Record<string, (child: XmlElement) => boolean | void>>,
): string[] {
  return parent.children
    .filter((child) => {
      const read =
        child.namespace === parent.namespace && Object.hasOwn(readers, child.name) ? readers[child.name] : null;
      return !read || read(child) === false;
    })
    .map(contentOf);
}

/** An edit takes it away, so after it, it is not there. */
export const isTakenAway = ({ attributes }: XmlElement): boolean =>
  ['delete', 'remove'].includes(attributes.get('operation') ?? '');

export function readNumber(text: string, most: number): number | null {
  if (!/^(0|[1-9]\d{0,9})$/.test(text)) return null;
  return Number(text) <= most ? Number(text) : null;
}
