import { anyService, protocols, serviceAlgebra, serviceKey, type ServiceSet } from '#net';

/** The set that `describeServices` put into words: `any except tcp/443, udp/53`. */
export function readServices(text: string, names: ReadonlyMap<string, ServiceSet>): ServiceSet {
  const [asked, left] = text.split(' except ') as [string, string?];
  const whole = names.get(asked) ?? listOf(asked);
  return left === undefined ? whole : serviceAlgebra.subtract(whole, listOf(left));
}

function listOf(text: string): ServiceSet {
  return serviceAlgebra.normalize(
    text.split(', ').flatMap((item) => {
      if (item === 'any') return anyService;
      const [, name = '', low, high = low] = /^(\w+)(?:\/(\d+)(?:-(\d+))?)?$/.exec(item) ?? [];
      const [first, last] = [Number(low ?? 0), Number(high ?? 0xffff)];
      if (name === 'ip') return [{ first: serviceKey(first, 0), last: serviceKey(last, 0xffff) }];
      // Not `parseService`: what is left of ICMP goes beyond the types that exist.
      const protocol = protocols[name as keyof typeof protocols];
      return [{ first: serviceKey(protocol, first), last: serviceKey(protocol, last) }];
    }),
  );
}
