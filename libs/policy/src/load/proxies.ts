import { formatPrefix, intersectAddresses, isEmptyAddressSet, addressSet, rangeOfPrefix } from '#net';
import { z } from 'zod';
import type { Report } from '../codes.js';
import type { NasSource, ProxySource } from '../policy.js';
import { readPrefix } from './catalog.js';
import { isReference, readTransport, transportFields } from './client-transport.js';
import { Namespace } from './names.js';
import { known } from './network.js';
import type { YamlFile } from './yaml-file.js';

const { transport, certificate, secret } = transportFields;
/** Of its own, such as Status-Server: what it asks for a NAS counts as that NAS's. */
const requestsPerSecond = 5000;

export const proxySchema = z.strictObject({
  description: z.string().optional(),
  address: z.string(),
  for: z.union(
    [z.literal('all'), z.array(z.string()).min(1)],
    'must be `all`, or a list of names of network/nas.yaml: whom it may ask for',
  ),
  restToken: z.string().optional(),
  transport,
  certificate,
  secret,
});

/**
 * network/proxies.yaml: who may ask for switches that do not ask themselves. A request of a proxy is about the switch that it names,
 * so a proxy's address must be no switch's: otherwise what it leaves out would make it one.
 */
export function readProxies(files: readonly YamlFile[], nas: readonly NasSource[], report: Report): ProxySource[] {
  const out: ProxySource[] = [];
  const names = new Namespace();
  // Counters and events name both kinds.
  const switches = new Map(nas.map((one) => [one.name, one]));
  for (const file of files) {
    for (const { name, span } of file.entries(report) ?? []) {
      if (!names.claim(name, span, report)) continue;
      const value = file.value([name], proxySchema, report);
      if (!value) continue;
      const namesake = switches.get(name);
      if (namesake) {
        const summary = `\`${name}\` is a switch already, at ${namesake.span.file}:${namesake.span.line}`;
        report.add('duplicate-name', span, summary, 'rename one of the two');
      }
      const prefix = readPrefix(file.span([name, 'address']), value.address, report);
      const reached = readTransport({ name, value: { ...value, requestsPerSecond } }, file, report);
      const { restToken = null } = value;
      if (restToken !== null && !isReference(restToken)) {
        const hint = 'write "env:NAME" or "file:/run/secrets/…", and make a new token: what was in git is known';
        report.add('secret-in-clear', file.span([name, 'restToken']), `the token of \`${name}\` is no reference`, hint);
      }
      const speaksFor = readSpeaksFor(file, name, value.for, switches, report);
      if (prefix && reached)
        out.push({
          name,
          span,
          prefix,
          transport: reached.transport,
          certificate: reached.certificate,
          secret: reached.secret,
          restToken,
          speaksFor,
        });
    }
  }
  reportShared(out, nas, report);
  return out;
}

/** A switch that speaks TLS itself is told by its certificate: a weaker way must not stand beside it. */
function readSpeaksFor(
  file: YamlFile,
  name: string,
  wanted: 'all' | readonly string[],
  switches: ReadonlyMap<string, NasSource>,
  report: Report,
): string[] {
  if (wanted === 'all') return [...switches.values()].filter((one) => one.transport === 'udp').map((one) => one.name);
  wanted.forEach((one, i) => {
    known(file, [name, 'for', i], one, switches.keys(), 'switch of network/nas.yaml', report);
    if (switches.get(one)?.transport !== 'radsec') return;
    const summary = `\`${name}\` is to ask for \`${one}\`, which speaks RADIUS over TLS itself`;
    report.add(
      'proxy-for-tls',
      file.span([name, 'for', i]),
      summary,
      'take it out, or give the switch `transport: udp`',
    );
  });
  return [...new Set(wanted)];
}

/** By UDP a request is told by its address, over TLS by its certificate. */
function reportShared(proxies: readonly ProxySource[], nas: readonly NasSource[], report: Report): void {
  const earlier: (NasSource | ProxySource)[] = [...nas];
  for (const proxy of proxies) {
    const other = earlier.find((one) => isShared(one, proxy));
    if (other) {
      const where = `${other.span.file}:${other.span.line}`;
      const what = proxy.transport === 'udp' ? `addresses (${formatPrefix(proxy.prefix)})` : 'the certificate';
      report.add(
        'proxy-address-shared',
        proxy.span,
        `\`${proxy.name}\` has ${what} of \`${other.name}\` (${where})`,
        'give the proxy an address of its own, and keep prefixes of switches clear of it',
      );
    }
    earlier.push(proxy);
  }
}

function isShared(one: NasSource | ProxySource, proxy: ProxySource): boolean {
  if (one.transport !== proxy.transport) return false;
  if (proxy.transport === 'radsec')
    return (
      one.certificate?.from === proxy.certificate?.from &&
      one.certificate?.name.toLowerCase() === proxy.certificate?.name.toLowerCase()
    );
  const [a, b] = [one, proxy].map(({ prefix }) => addressSet([rangeOfPrefix(prefix)]));
  return !isEmptyAddressSet(intersectAddresses(a!, b!));
}
