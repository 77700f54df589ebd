import type { Fault } from './fault.ts';

/* Who is on the port, where others say so: FreeRADIUS by REST, a certificate by a serial number, signs that contradict it. */

const bridge = 'apps/radius-bridge/src';
const suspicions = 'apps/controller/src/suspicions';

const restAuthorization = [`${bridge}/rest/rest-authorization.spec.ts`];
const namedDevice = [`${bridge}/eap/named-device.spec.ts`];
const feedClient = [`${bridge}/controller/feed-client.spec.ts`];
const inheritedSockets = [`${bridge}/transport/inherited-sockets.spec.ts`];
const followSuspicions = [`${suspicions}/follow-suspicions.spec.ts`];
const twoPorts = [`${suspicions}/two-ports.spec.ts`];

export const identityFaults: readonly Fault[] = [
  {
    name: 'any token may ask by REST',
    file: `${bridge}/rest/rest-authorization.ts`,
    find: 'callers.find((caller) => timingSafeEqual(digestOf(caller.token), wanted)) ?? null',
    replace: 'callers.find((caller) => timingSafeEqual(digestOf(caller.token), digestOf(caller.token))) ?? null',
    caughtBy: restAuthorization,
  },
  {
    name: 'by REST, EAP without proof is taken for MAC authentication',
    file: `${bridge}/rest/rest-authorization.ts`,
    find: "const isEap = ['EAP-Type', 'EAP-Message'].some(",
    replace: "const isEap = ['EAP-Type'].some(",
    caughtBy: restAuthorization,
  },
  {
    name: 'by REST, a proved name is good on the port of any device',
    file: `${bridge}/rest/rest-authorization.ts`,
    find: 'return credential.mac === caller',
    replace: 'return credential.mac !== null',
    caughtBy: restAuthorization,
  },
  {
    name: 'by REST, a certificate is good on the port of any device',
    file: `${bridge}/rest/rest-authorization.ts`,
    find: "return other === null ? { mac: caller, method: 'certificate' } : failed(null, other);",
    replace: "return { mac: caller, method: 'certificate' };",
    caughtBy: restAuthorization,
  },
  {
    name: 'by REST, responders of an authority are not missed',
    file: `${bridge}/rest/claimed-certificates.ts`,
    find: 'if (judgement.responder)',
    replace: 'if (judgement.responder && facts === null)',
    caughtBy: restAuthorization,
  },
  {
    name: 'an issuer with an ambiguous name is known by it',
    file: `${bridge}/rest/claimed-certificates.ts`,
    find: 'return isPlain ? `/${',
    replace: 'return isPlain || parts.length > 0 ? `/${',
    caughtBy: restAuthorization,
  },
  {
    name: 'an empty serial number in the inventory is that of every certificate',
    file: `${bridge}/eap/named-device.ts`,
    find: "  recorded !== '' && named.toLowerCase() === recorded.toLowerCase();",
    replace: "  recorded === '' || named.toLowerCase() === recorded.toLowerCase();",
    caughtBy: namedDevice,
  },
  {
    name: 'the serial number is not looked at where an address is named, too',
    file: `${bridge}/eap/named-device.ts`,
    find: 'if (serial === null || (recorded !== null',
    replace: 'if (serial === null || mac !== null || (recorded !== null',
    caughtBy: namedDevice,
  },
  {
    name: 'one of several serial numbers in a certificate is taken',
    file: `${bridge}/eap/named-device.ts`,
    find: 'macs.size > 1 || serials.size > 1',
    replace: 'macs.size > 1',
    caughtBy: namedDevice,
  },
  {
    name: 'a certificate is not remembered, so that a device may come by MAC again',
    file: `${suspicions}/sightings.ts`,
    find: 'if (!certificate || certificate.at < at) shown.set(',
    replace: 'if (certificate && certificate.at < at) shown.set(',
    caughtBy: followSuspicions,
  },
  {
    name: 'a device that was refused is put into quarantine',
    file: `${suspicions}/suspicion-book.ts`,
    find: "action === 'quarantine' && device && !isRefused &&",
    replace: "action === 'quarantine' && device &&",
    caughtBy: followSuspicions,
  },
  {
    name: 'who was released is put into quarantine again for the same suspicion',
    file: `${suspicions}/suspicion-book.ts`,
    find: " && known?.action !== 'quarantine';",
    replace: ';',
    caughtBy: followSuspicions,
  },
  {
    name: 'a device that moved once is on two ports',
    file: `${suspicions}/two-ports.ts`,
    find: 'const changesOfTwo = 3;',
    replace: 'const changesOfTwo = 1;',
    caughtBy: twoPorts,
  },
  {
    name: 'a roaming device is on two ports',
    file: `${suspicions}/two-ports.ts`,
    find: 'isWireless === false;',
    replace: 'isWireless !== null;',
    caughtBy: twoPorts,
  },
  {
    name: 'a message of the feed that is not understood is skipped',
    file: `${bridge}/controller/feed-client.ts`,
    find: '      if (!isPolicy) throw',
    replace: '      if (problem.length === 0) throw',
    caughtBy: feedClient,
  },
  {
    name: 'sockets that systemd handed to another process are taken',
    file: `${bridge}/transport/inherited-sockets.ts`,
    find: "  if (Number(env['LISTEN_PID']) !== pid) return found;\n",
    replace: '',
    caughtBy: inheritedSockets,
  },
];
