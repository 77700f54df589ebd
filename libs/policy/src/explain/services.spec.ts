import fc from 'fast-check';
import { anyService, parseService, serviceAlgebra, serviceKey, type ServiceSet } from '#net';
import { describe, expect, it } from 'vitest';
import { describeServices, exampleOf, listServices } from './services.js';
import { readServices } from '../spec/read-services.js';

const set = (...texts: string[]): ServiceSet => serviceAlgebra.normalize(texts.map((text) => parseService(text)!));
const any = { name: 'any', services: anyService };

describe('services in words', () => {
  it.each([
    [set('tcp/443'), any, 'tcp/443'],
    [anyService, any, 'any'],
    [serviceAlgebra.subtract(anyService, set('tcp/443')), any, 'any except tcp/443'],
    [serviceAlgebra.subtract(anyService, set('tcp/443', 'udp/53-60')), any, 'any except tcp/443, udp/53-60'],
    [set('tcp/80'), { name: 'web', services: set('tcp/80', 'tcp/443') }, 'tcp/80'],
    [set('tcp/80', 'tcp/443'), { name: 'web', services: set('tcp/80', 'tcp/443') }, 'web'],
    [[{ first: serviceKey(2, 0), last: serviceKey(7, 0xffff) }], any, 'ip/2-5, tcp, ip/7'],
    [[], any, 'nothing'],
  ])('%j of %j: %s', (services, asked, text) => {
    expect(describeServices(services, asked)).toBe(text);
  });

  const port = fc.integer({ min: 0, max: 0xffff });
  const service = fc.oneof(
    fc
      .tuple(fc.constantFrom('tcp', 'udp', 'sctp'), port, port)
      .map(([p, a, b]) => `${p}/${Math.min(a, b)}-${Math.max(a, b)}`),
    fc.constantFrom('tcp', 'udp', 'icmp', 'icmp/8', 'icmp6/128-129'),
    fc.integer({ min: 0, max: 255 }).map((protocol) => `ip/${protocol}`),
  );
  const services = fc.array(service, { minLength: 1, maxLength: 6 }).map((texts) => set(...texts));

  it('say exactly the set that they describe', () => {
    fc.assert(
      fc.property(services, services, fc.boolean(), (some, wide, isAny) => {
        const asked = isAny ? anyService : serviceAlgebra.union(some, wide);
        const known = new Map([['asked', asked]]);
        for (const part of [some, serviceAlgebra.subtract(asked, some)]) {
          if (part.length === 0) continue;
          expect(readServices(describeServices(part, { name: 'asked', services: asked }), known)).toEqual(part);
          expect(readServices(listServices(part), known)).toEqual(part);
          expect(serviceAlgebra.contains(part, exampleOf(part).key)).toBe(true);
          expect(readServices(exampleOf(part).label, known)[0]?.first).toBe(exampleOf(part).key);
        }
      }),
    );
  });
});
