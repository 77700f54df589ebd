import { mandatory, schema, type SchemaNode } from './simulated-schema.js';
import { childrenOf, identityIn, netconfNamespace, tag, type Tag, type XmlElement } from './xml.js';

/** A node of a configuration. It never changes: an edit makes others. */
export interface ConfigNode {
  readonly namespace: string;
  readonly name: string;
  readonly text: string;
  /** Namespace of the identity that `text` names. */
  readonly identityOf: string | null;
  readonly children: readonly ConfigNode[];
}

/** An error of NETCONF (RFC 6241 App. A). */
export class ConfigError extends Error {
  constructor(
    readonly tag: string,
    message: string,
  ) {
    super(message);
  }
}

export const emptyConfig: ConfigNode = {
  namespace: netconfNamespace,
  name: 'data',
  text: '',
  identityOf: null,
  children: [],
};

/** `config`: of an `edit-config`. Stricter than most: nothing unknown, nothing created twice, nothing deleted that is not there. */
export function editConfig(data: ConfigNode, config: XmlElement): ConfigNode {
  let out = data;
  for (const top of config.children) {
    const node = schema.get(top.namespace)?.[top.name];
    if (!node) throw new ConfigError('unknown-namespace', `${top.name} of ${top.namespace}`);
    out = editChild(out, top, node, 'merge');
  }
  for (const child of out.children) refuseIncomplete(child);
  return prune(out) ?? emptyConfig;
}

function editChild(parent: ConfigNode, element: XmlElement, schemaNode: SchemaNode, inherited: string): ConfigNode {
  const operation = element.attributes.get('operation') ?? inherited;
  const at = parent.children.findIndex((child) => isSame(child, element, schemaNode));
  const existing = parent.children[at];
  const put = (child: ConfigNode | null): ConfigNode => {
    const children = [...parent.children];
    children.splice(at < 0 ? children.length : at, at < 0 ? 0 : 1, ...(child ? [child] : []));
    return { ...parent, children };
  };
  switch (operation) {
    case 'delete':
      if (!existing) throw new ConfigError('data-missing', `${element.name} ${element.children[0]?.text ?? ''}`);
      return put(null);
    case 'create':
      if (existing) throw new ConfigError('data-exists', `${element.name} ${element.children[0]?.text ?? ''}`);
      return put(build(element, schemaNode, null));
    case 'replace':
      return put(build(element, schemaNode, null));
    case 'merge':
      return put(build(element, schemaNode, existing ?? null));
    default:
      throw new ConfigError('bad-attribute', `operation ${operation}`);
  }
}

function build(element: XmlElement, schemaNode: SchemaNode, onto: ConfigNode | null): ConfigNode {
  const { namespace, name } = element;
  if (schemaNode.kind === 'leaf') {
    const { identityOf = null, test } = schemaNode;
    const text = identityOf === null ? element.text : identityIn(identityOf, element);
    if (element.children.length > 0 || text === null || !test.test(text))
      throw new ConfigError('invalid-value', `${name} = ${element.text}`);
    return { namespace, name, text, identityOf, children: [] };
  }
  let out: ConfigNode = onto ?? { namespace, name, text: '', identityOf: null, children: [] };
  if (schemaNode.kind === 'list')
    for (const key of schemaNode.keys)
      if (childrenOf(element, key).length !== 1) throw new ConfigError('missing-element', `${name} without ${key}`);
  for (const child of element.children) {
    const node = child.namespace === namespace ? schemaNode.children[child.name] : undefined;
    if (!node) throw new ConfigError('unknown-element', `${child.name} in ${name}`);
    out = editChild(out, child, node, 'merge');
  }
  return out;
}

function isSame(node: ConfigNode, element: XmlElement, schemaNode: SchemaNode): boolean {
  if (node.namespace !== element.namespace || node.name !== element.name) return false;
  if (schemaNode.kind !== 'list') return true;
  return schemaNode.keys.every((key) => {
    const [wanted] = childrenOf(element, key);
    return wanted !== undefined && leafOf(node, [key]) === wanted.text.replace(/^[^:]*:/, '');
  });
}

export function leafOf(node: ConfigNode, [first, ...rest]: readonly string[]): string | null {
  const child = node.children.find(({ name }) => name === first);
  if (!child) return null;
  return rest.length > 0 ? leafOf(child, rest) : child.text;
}

function refuseIncomplete(node: ConfigNode): void {
  for (const { of, path, equals } of mandatory) {
    if (of !== node.name) continue;
    const value = leafOf(node, path);
    if (value === null) throw new ConfigError('data-missing', `${of} without ${path.join('/')}`);
    if (equals !== undefined && value !== leafOf(node, [equals]))
      throw new ConfigError('data-missing', `${of} says two things of its ${equals}`);
  }
  const [lower, upper] = ['lower-port', 'upper-port'].map((name) => leafOf(node, [name]));
  if (Number(lower ?? 0) > Number(upper ?? 0xffff)) throw new ConfigError('invalid-value', 'ports the wrong way round');
  for (const child of node.children) refuseIncomplete(child);
}

/** A container with nothing in it is not there. */
function prune(node: ConfigNode): ConfigNode | null {
  const children = node.children.flatMap((child) => prune(child) ?? []);
  return children.length === 0 && node.text === '' ? null : { ...node, children };
}

/** Subtree filtering (RFC 6241 §6), as far as it is used. Null: nothing of it. */
export function select(node: ConfigNode, filter: XmlElement): ConfigNode | null {
  const matching = filter.children.filter(({ text }) => text !== '');
  const selecting = filter.children.filter(({ text }) => text === '');
  if (!matching.every(({ name, text }) => leafOf(node, [name]) === text)) return null;
  if (selecting.length === 0) return node;
  const children = node.children.flatMap((child) => {
    if (matching.some(({ name }) => name === child.name)) return [child];
    const wanted = selecting.find(({ name, namespace }) => name === child.name && namespace === child.namespace);
    return (wanted && select(child, wanted)) ?? [];
  });
  return children.length > 0 ? { ...node, children } : null;
}

export function configTag({ namespace, name, text, identityOf, children }: ConfigNode, outer = ''): Tag {
  const attributes = {
    ...(namespace !== outer && { xmlns: namespace }),
    ...(identityOf !== null && { 'xmlns:id': identityOf }),
  };
  const content = children.length > 0 ? children.map((child) => configTag(child, namespace)) : text;
  return tag(name, identityOf === null ? content : `id:${text}`, attributes);
}
