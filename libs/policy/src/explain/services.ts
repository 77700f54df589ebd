import {
  formatService,
  hasPorts,
  parseService,
  protocolOf,
  serviceAlgebra,
  serviceKey,
  splitByProtocol,
  type ServiceSet,
} from '#net';

/** Services as people read them, and one of them as an example. */

/**
 * `tcp/443, udp/53`. Of a wide question, what is left of it: `any except tcp/443`. Protocols without a name that follow
 * each other are joined: `ip/2-5`.
 */
export function describeServices(
  set: ServiceSet,
  asked: { readonly name: string; readonly services: ServiceSet },
): string {
  if (serviceAlgebra.equals(set, asked.services)) return asked.name;
  const left = serviceAlgebra.subtract(asked.services, set);
  return left.length < set.length ? `${asked.name} except ${listServices(left)}` : listServices(set);
}

export function listServices(set: ServiceSet): string {
  return set.flatMap(textsOf).join(', ') || 'nothing';
}

function textsOf(interval: ServiceSet[number]): string[] {
  if (interval.first === 0 && interval.last === 0xff_ffff) return ['any'];
  const texts: string[] = [];
  let unnamed: number[] = [];
  const close = (): void => {
    if (unnamed.length > 0) texts.push(unnamed.length > 1 ? `ip/${unnamed[0]}-${unnamed.at(-1)}` : `ip/${unnamed[0]}`);
    unnamed = [];
  };
  for (const { protocol, ports } of splitByProtocol(interval)) {
    const own = { first: serviceKey(protocol, ports?.first ?? 0), last: serviceKey(protocol, ports?.last ?? 0xffff) };
    const text = formatService(own)[0]!;
    if (text === `ip/${protocol}`) unnamed.push(protocol);
    else {
      close();
      texts.push(text);
    }
  }
  close();
  return texts;
}

export interface ServiceExample {
  readonly key: number;
  /** `tcp/443`, or `ip/50` for a protocol without ports. */
  readonly label: string;
}

const familiar = ['tcp/443', 'tcp/80', 'tcp/22', 'udp/53', 'icmp/8', 'icmp6/128'].map(
  (text) => parseService(text)!.first,
);

/** One of a set that isn't empty: one that people know, if it has any. */
export function exampleOf(set: ServiceSet): ServiceExample {
  const known = familiar.find((key) => serviceAlgebra.contains(set, key));
  const key = known ?? set.find(({ first }) => hasPorts(protocolOf(first)))?.first ?? set[0]!.first;
  return { key, label: labelOf(key) };
}

function labelOf(key: number): string {
  const text = formatService({ first: key, last: key })[0]!;
  return text.startsWith('ip/') ? `ip/${protocolOf(key)}` : text;
}
