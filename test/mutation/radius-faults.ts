import type { Fault } from './fault.ts';

/* Mistakes in RADIUS and EAP. The suite of test/conformance must notice each, from outside, by what the bridge says. */

const radius = 'libs/radius/src';
const bridge = 'apps/radius-bridge/src';

const conformance = (file: string): readonly string[] => [`test/conformance/${file}.e2e.ts`];
const blastRadius = conformance('blast-radius');
const rfc2865 = conformance('rfc2865');
const rfc5176 = conformance('rfc5176');
const rfc3579 = conformance('rfc3579');
const rfc2866 = conformance('rfc2866');
const rfc9190 = conformance('rfc9190');
const rfc3580 = conformance('rfc3580');
const newcomers = conformance('newcomers');
const rfc5080 = conformance('rfc5080');

const packetFaults: readonly Fault[] = [
  {
    name: 'Message-Authenticator stands behind the attributes',
    file: `${radius}/packet.ts`,
    find: '  if (authenticated) secret.hmacMd5(out, out, headerLength + 2);\n  secret.md5After(out, out, 4);',
    replace:
      '  if (authenticated) {\n    Buffer.concat([out.subarray(headerLength + 18), out.subarray(headerLength, headerLength + 18)]).copy(out, headerLength);\n    secret.hmacMd5(out, out, out.length - 16);\n  }\n  secret.md5After(out, out, 4);',
    caughtBy: blastRadius,
  },
  {
    name: 'an Access-Reject has no Message-Authenticator',
    file: `${radius}/packet.ts`,
    find: 'const authenticated = code !== codes.accountingResponse;',
    replace: 'const authenticated = code !== codes.accountingResponse && code !== codes.accessReject;',
    caughtBy: blastRadius,
  },
  {
    name: 'Proxy-State comes back in reverse order',
    file: `${radius}/packet.ts`,
    find: '[block, encodeAttributes(request.attributes.filter(({ type }) => type === types.proxyState))]',
    replace:
      '[block, encodeAttributes(request.attributes.filter(({ type }) => type === types.proxyState).toReversed())]',
    caughtBy: rfc2865,
  },
  {
    name: 'Proxy-State stands in front of the attributes of the reply',
    file: `${radius}/packet.ts`,
    find: '[block, encodeAttributes(request.attributes.filter(({ type }) => type === types.proxyState))]',
    replace: '[encodeAttributes(request.attributes.filter(({ type }) => type === types.proxyState)), block]',
    caughtBy: blastRadius,
  },
  {
    name: 'packets longer than 4096 octets are read',
    file: `${radius}/packet.ts`,
    find: 'length < headerLength || length > maxPacketLength',
    replace: 'length < headerLength',
    caughtBy: rfc2865,
  },
  {
    name: 'what stands behind Length is read, too',
    file: `${radius}/packet.ts`,
    find: 'for (let at = headerLength; at < length;) {',
    replace: 'for (let at = headerLength; at < datagram.length;) {',
    caughtBy: rfc2865,
  },
  {
    name: 'an attribute may have the length 1',
    file: `${radius}/packet.ts`,
    find: "if (size < 2) return 'attribute-too-short';",
    replace: "if (size < 1) return 'attribute-too-short';",
    caughtBy: rfc2865,
  },
  {
    name: 'an attribute may run over the end',
    file: `${radius}/packet.ts`,
    find: "    if (at + size > length) return 'attribute-overrun';\n",
    replace: '',
    caughtBy: rfc2865,
  },
  {
    name: 'a CoA-Request is signed after its authenticator is computed',
    file: `${radius}/packet.ts`,
    find: '  secret.hmacMd5(out, out, headerLength + 2);\n  if (!random) secret.md5After(out, out, 4);',
    replace: '  if (!random) secret.md5After(out, out, 4);\n  secret.hmacMd5(out, out, headerLength + 2);',
    caughtBy: rfc5176,
  },
  {
    name: 'the second of two Message-Authenticators is believed',
    file: `${radius}/verify.ts`,
    find: "    if (found !== null) return 'duplicate';\n",
    replace: '',
    caughtBy: rfc3579,
  },
  {
    name: 'a Message-Authenticator of any length is compared',
    file: `${radius}/verify.ts`,
    find: "  if (bytes[found - 1] !== messageAuthenticatorLength) return 'invalid';\n",
    replace: '',
    caughtBy: rfc3579,
  },
  {
    name: 'Message-Authenticator of a record is computed over its final authenticator',
    file: `${radius}/verify.ts`,
    find: 'if (!replies.has(packet.code)) return zeroAuthenticator;',
    replace: 'if (!replies.has(packet.code)) return packet.authenticator;',
    caughtBy: rfc2866,
  },
  {
    name: 'a wrong Message-Authenticator of a record is passed over',
    file: `${radius}/verify.ts`,
    find: "return verdict === 'valid' || verdict === 'missing' ? 'valid' : 'bad-message-authenticator';",
    replace: "return verdict === 'duplicate' ? 'bad-message-authenticator' : 'valid';",
    caughtBy: rfc2866,
  },
  {
    name: 'a wrong Message-Authenticator of a CoA reply is passed over',
    file: `${radius}/verify.ts`,
    find: "return verdict === 'valid' ? 'valid' : 'bad-message-authenticator';",
    replace: "return verdict === 'duplicate' ? 'bad-message-authenticator' : 'valid';",
    caughtBy: rfc5176,
  },
  {
    name: 'the authenticator of a CoA reply is not looked at',
    file: `${radius}/verify.ts`,
    find: 'timingSafeEqual(secret.md5After(summand(reply, requestAuthenticator, null)), reply.authenticator)',
    replace: 'timingSafeEqual(reply.authenticator, reply.authenticator)',
    caughtBy: rfc5176,
  },
  {
    name: 'salts of the two keys are equal',
    file: `${radius}/eap/session-keys.ts`,
    find: '  other[1]! ^= 1;\n',
    replace: '',
    caughtBy: rfc9190,
  },
  {
    name: 'the keys of the two directions are exchanged',
    file: `${radius}/eap/session-keys.ts`,
    find: 'const [receive, send] = [',
    replace: 'const [send, receive] = [',
    caughtBy: rfc9190,
  },
  {
    name: 'Gigawords are ignored',
    file: `${radius}/accounting.ts`,
    find: 'Math.min(high * 2 ** 32 + low',
    replace: 'Math.min(low',
    caughtBy: rfc2866,
  },
  {
    name: 'an SSID ends at its first colon',
    file: `${radius}/request-context.ts`,
    find: 'calledStationId.slice(match[0].length)',
    replace: "calledStationId.slice(match[0].length).split(':')[0]!",
    caughtBy: rfc3580,
  },
  {
    name: 'the MAC of another port may be the user name',
    file: `${radius}/mac-authentication.ts`,
    find: "return callingStation === mac ? { kind: 'mac', mac } : { kind: 'refused', reason: 'mac-mismatch' };",
    replace: "return { kind: 'mac', mac };",
    caughtBy: newcomers,
  },
  {
    name: 'MAC authentication has to say Call-Check',
    file: `${radius}/mac-authentication.ts`,
    find: '  const mac = parseMac(userName);',
    replace:
      "  if (readOctets(attributes, types.serviceType)?.at(3) !== 10) return { kind: 'not-mac', reason: 'user-name-not-a-mac' };\n  const mac = parseMac(userName);",
    caughtBy: newcomers,
  },
  {
    name: 'the first of two User-Names counts',
    file: `${radius}/mac-authentication.ts`,
    find: 'return names > 1 || stations > 1;',
    replace: 'return names > 2 || stations > 2;',
    caughtBy: rfc2865,
  },
  {
    name: 'a text without a tag has a tag octet all the same',
    file: `${radius}/build.ts`,
    find: 'if (checkTag(tag) > 0) return',
    replace: 'if (checkTag(tag) >= 0) return',
    caughtBy: rfc3580,
  },
  {
    name: 'a VLAN id has a fraction',
    file: `${radius}/nas-profiles/vlan.ts`,
    find: 'text = `${vlan}`',
    replace: 'text = vlan.toFixed(1)',
    caughtBy: rfc3580,
  },
  {
    name: 'a CoA-Request has no Event-Timestamp',
    file: `${radius}/dynamic-authorization.ts`,
    find: '  dateAttribute(types.eventTimestamp, at),\n];',
    replace: '  ...(at.getTime() < 0 ? [dateAttribute(types.eventTimestamp, at)] : []),\n];',
    caughtBy: rfc5176,
  },
];

const requestFaults: readonly Fault[] = [
  {
    name: 'a request from another port of a switch is taken for a duplicate',
    file: `${bridge}/clients/duplicate-cache.ts`,
    find: 'via * 2 ** 24 + port * 256 + id;',
    replace: 'via * 2 ** 24 + port * 0 + id;',
    caughtBy: rfc5080,
  },
  {
    name: 'a request of another switch is taken for a duplicate',
    file: `${bridge}/clients/duplicate-cache.ts`,
    find: 'const origin = this.byAddress.get(source.address);\n    if (!origin) return -1;',
    replace: 'const [origin] = this.byAddress.values();\n    if (!origin) return -1;',
    caughtBy: rfc5080,
  },
  {
    name: 'replies are remembered for three seconds',
    file: `${bridge}/clients/duplicate-cache.ts`,
    find: 'const lifetimeMilliseconds = 10_000;',
    replace: 'const lifetimeMilliseconds = 3_000;',
    caughtBy: rfc5080,
  },
  {
    name: 'replies are remembered for a minute',
    file: `${bridge}/clients/duplicate-cache.ts`,
    find: 'const lifetimeMilliseconds = 10_000;',
    replace: 'const lifetimeMilliseconds = 60_000;',
    caughtBy: rfc5080,
  },
  {
    name: 'another request with the same Identifier is taken for a duplicate',
    file: `${bridge}/clients/duplicate-cache.ts`,
    find: 'this.expiries[slot]! > now && this.isOf(slot, authenticator)',
    replace: 'this.expiries[slot]! > now',
    caughtBy: rfc5080,
  },
  {
    name: 'a duplicate of a request in progress is processed again',
    file: `${bridge}/clients/duplicate-cache.ts`,
    find: "return this.replyIn(slot) ?? 'in-progress';",
    replace: '{ const reply = this.replyIn(slot); if (reply) return reply; }',
    caughtBy: rfc5080,
  },
  {
    name: 'duplicates prolong the life of a reply',
    file: `${bridge}/clients/duplicate-cache.ts`,
    find: "return this.replyIn(slot) ?? 'in-progress';",
    replace: "{ this.expiries[slot] = now + lifetimeMilliseconds; return this.replyIn(slot) ?? 'in-progress'; }",
    caughtBy: rfc5080,
  },
  {
    name: 'a late reply replaces that of the request which superseded it',
    file: `${bridge}/clients/duplicate-cache.ts`,
    find: 'if (slot === -1 || !this.isOf(slot, authenticator)) return;',
    replace: 'if (slot === -1 || authenticator.length === 0) return;',
    caughtBy: rfc5080,
  },
  {
    name: 'a request that was dropped stays in progress',
    file: `${bridge}/clients/duplicate-cache.ts`,
    find: '    else this.remove(slot);\n',
    replace: '',
    caughtBy: rfc5080,
  },
  {
    name: 'the shortest prefix says the secret',
    file: `${bridge}/clients/client-table.ts`,
    find: 'a.hostBits < b.hostBits ? -1 : 1',
    replace: 'a.hostBits < b.hostBits ? 1 : -1',
    caughtBy: newcomers,
  },
  {
    name: 'requests without Message-Authenticator are answered',
    file: `${bridge}/clients/message-authenticator.ts`,
    find: "if (verdict === 'valid') return 'signed';\n  if (verdict !== 'missing') return `message-authenticator-${verdict}`;",
    replace:
      "if (verdict === 'valid' || verdict === 'missing') return 'signed';\n  if (verdict !== 'missing') return `message-authenticator-${verdict}`;",
    caughtBy: blastRadius,
  },
  {
    name: 'EAP-Message attributes may be scattered',
    file: `${bridge}/authentication/eap-message.ts`,
    find: "return together.every(isPart) ? message : 'scattered';",
    replace: "return together.some(isPart) ? message : 'scattered';",
    caughtBy: rfc3579,
  },
  {
    name: 'a Failure has an Identifier of its own',
    file: `${bridge}/authentication/eap-failure.ts`,
    find: 'const identifier = message[1] ?? 0;',
    replace: 'const identifier = message.length > 300 ? 1 : 0;',
    caughtBy: rfc3579,
  },
  {
    name: 'Session-Timeout comes without Termination-Action',
    file: `${bridge}/authentication/accept-attributes.ts`,
    find: '  at = writeInteger(at, types.terminationAction, terminationActionRadiusRequest);\n',
    replace: '',
    caughtBy: rfc3580,
  },
  {
    name: 'all devices authenticate again at the same time',
    file: `${bridge}/authentication/reauthentication.ts`,
    find: '(0.9 + share / 10)',
    replace: '(1 - share * 0)',
    caughtBy: newcomers,
  },
];

const eapFaults: readonly Fault[] = [
  {
    name: 'a State is good for more than one response',
    file: `${bridge}/eap/eap-service.ts`,
    find: '      this.conversations.delete(key);\n      return conversation;',
    replace: '      return conversation;',
    caughtBy: newcomers,
  },
  {
    name: 'a State is good at every switch',
    file: `${bridge}/eap/eap-service.ts`,
    find: 'if (conversation?.nas === nas && conversation.caller === caller) {',
    replace: 'if (conversation?.caller === caller) {',
    caughtBy: newcomers,
  },
  {
    name: 'a State is good for every device',
    file: `${bridge}/eap/eap-service.ts`,
    find: 'if (conversation?.nas === nas && conversation.caller === caller) {',
    replace: 'if (conversation?.nas === nas) {',
    caughtBy: newcomers,
  },
  {
    name: 'a State has 64 bits',
    file: `${bridge}/eap/eap-service.ts`,
    find: 'const stateBytes = 16;',
    replace: 'const stateBytes = 8;',
    caughtBy: newcomers,
  },
  {
    name: 'a State is good for ten minutes',
    file: `${bridge}/eap/eap-service.ts`,
    find: 'conversationMilliseconds = 60_000',
    replace: 'conversationMilliseconds = 600_000',
    caughtBy: newcomers,
  },
  {
    name: 'a response that counts for nothing ends the conversation',
    file: `${bridge}/eap/eap-service.ts`,
    find: '        if (state) this.conversations.set(keyOf(state), conversation);\n',
    replace: '',
    caughtBy: rfc3579,
  },
  {
    name: 'new conversations are begun however many wait',
    file: `${bridge}/eap/eap-service.ts`,
    find: 'const mostWaiting = 200;',
    replace: 'const mostWaiting = 20_000;',
    caughtBy: rfc5080,
  },
  {
    name: 'Framed-MTU is ignored',
    file: `${bridge}/eap/eap-service.ts`,
    find: '(framedMtu ?? Infinity) - framedOverhead',
    replace: '(framedMtu === 0 ? 0 : Infinity) - framedOverhead',
    caughtBy: rfc3579,
  },
  {
    name: 'the commitment of TLS 1.3 is left out',
    file: `${bridge}/eap/eap-tls.ts`,
    find: "const last = version === '1.3' ? await connection.say(commitment) : Buffer.alloc(0);",
    replace: "const last = version === '1.3' ? Buffer.alloc(0) : Buffer.alloc(0);",
    caughtBy: rfc9190,
  },
  {
    name: 'the commitment goes out before the rest of its flight',
    file: `${bridge}/eap/eap-tls.ts`,
    find: 'output: Buffer.concat([output, last]), session };',
    replace: 'output: Buffer.concat([last, output]), session };',
    caughtBy: rfc9190,
  },
  {
    name: 'Success comes before the chain is judged',
    file: `${bridge}/eap/eap-tls.ts`,
    find: '    if (!socket.authorized) return { reason: `the certificate is not accepted: ${String(socket.authorizationError)}` };\n',
    replace: '',
    caughtBy: rfc9190,
  },
  {
    name: 'TLS 1.3 keys are made without the method’s type',
    file: `${bridge}/eap/eap-tls.ts`,
    find: "'EXPORTER_EAP_TLS_Key_Material', keyMaterialLength, typeCode)",
    replace: "'EXPORTER_EAP_TLS_Key_Material', keyMaterialLength, Buffer.alloc(0))",
    caughtBy: rfc9190,
  },
  {
    name: 'the certificate of one device is good on the port of another',
    file: `${bridge}/eap/named-device.ts`,
    find: 'if (mac !== null && mac !== onPort) return',
    replace: 'if (mac !== null && mac.length !== onPort.length) return',
    caughtBy: rfc9190,
  },
  {
    name: 'a certificate that ended is good for resumption',
    file: `${bridge}/eap/trust.ts`,
    find: 'if (now > facts.validToDate)',
    replace: 'if (now < facts.validFromDate)',
    caughtBy: rfc9190,
  },
  {
    name: 'a revoked certificate is good for resumption',
    file: `${bridge}/eap/trust.ts`,
    find: 'if (serials.has(canonicalSerial(facts.serialNumber)))',
    replace: "if (serials.has(''))",
    caughtBy: rfc9190,
  },
  {
    name: 'a response with another Identifier is taken',
    file: `${radius}/eap/conversation.ts`,
    find: "    if (packet.id !== this.id) return discard('eap-other-identifier');\n",
    replace: '',
    caughtBy: rfc3579,
  },
  {
    name: 'the Start has a length',
    file: `${radius}/eap/tls-frames.ts`,
    find: 'Buffer.from([flags.start])',
    replace: 'Buffer.from([flags.start | flags.length, 0, 0, 0, 0])',
    caughtBy: rfc9190,
  },
  {
    name: 'a message may be longer than was announced',
    file: `${radius}/eap/tls-frames.ts`,
    find: "    if (this.size > (this.announced ?? mostIncoming)) return 'refused';\n",
    replace: '',
    caughtBy: rfc9190,
  },
  {
    name: 'every announced length is believed',
    file: `${radius}/eap/tls-frames.ts`,
    find: 'if (length > mostIncoming || (',
    replace: 'if ((',
    caughtBy: rfc9190,
  },
];

const sessionFaults: readonly Fault[] = [
  {
    name: 'a record is acknowledged before it is on disk',
    file: `${bridge}/accounting/accounting-handler.ts`,
    find: 'recorder.whenDurable(() => {',
    replace: 'queueMicrotask(() => {',
    caughtBy: rfc2866,
  },
  {
    name: 'a NAS that restarts ends the sessions of all',
    file: `${bridge}/accounting/accounting-sessions.ts`,
    find: 'if (!isOf(tracked, report) || Date.parse(tracked.session.startedAt) > restart) continue;',
    replace: 'if (Date.parse(tracked.session.startedAt) > restart) continue;',
    caughtBy: rfc2866,
  },
  {
    name: 'a late Accounting-On ends what began after it',
    file: `${bridge}/accounting/accounting-sessions.ts`,
    find: 'if (!isOf(tracked, report) || Date.parse(tracked.session.startedAt) > restart) continue;',
    replace: 'if (!isOf(tracked, report)) continue;',
    caughtBy: rfc2866,
  },
  {
    name: 'octets go back to those of the latest record',
    file: `${bridge}/accounting/accounting-sessions.ts`,
    find: 'Math.max(session.inputOctets, record.inputOctets)',
    replace: 'record.inputOctets',
    caughtBy: rfc2866,
  },
  {
    name: 'a late record opens a session that ended',
    file: `${bridge}/accounting/accounting-sessions.ts`,
    find: "    if (tracked.stopped) return this.counters.addFor(client.nas.name, 'accounting.ignored.after-stop');\n",
    replace: '',
    caughtBy: rfc2866,
  },
  {
    name: 'Acct-Session-Id is taken for unique over all switches',
    file: `${bridge}/accounting/accounting-sessions.ts`,
    find: 'this.sessions.ofMac(mac).filter(({ session }) => session.nas === client.nas.name);',
    replace: 'this.sessions.ofMac(mac);',
    caughtBy: rfc2866,
  },
  {
    name: 'every address that a record names is believed',
    file: `${bridge}/accounting/accounting-sessions.ts`,
    find: 'told.filter((text) => isInSegment(current, session, text));',
    replace: 'told.filter((text) => text.length > 0);',
    caughtBy: rfc2866,
  },
  {
    name: 'a forged request supersedes the one whose Identifier it has',
    file: `${bridge}/clients/gate.ts`,
    find: '    if (!isTrust(judgement)) return this.drop(judgement, sender, isForged(judgement) ? source : undefined);\n',
    replace: '',
    caughtBy: rfc5080,
  },
  {
    name: 'a CoA-NAK counts as an acknowledgement',
    file: `${bridge}/coa/judge-answer.ts`,
    find: "if (answer.outcome === 'ack') return",
    replace: 'if (answer.outcome.length > 0) return',
    caughtBy: rfc5176,
  },
  {
    name: 'the padding of MD5 begins a byte late',
    file: `${radius}/md5.ts`,
    find: '  tail[at++] = 0x80;',
    replace: '  tail[at++] = 0;\n  tail[at++] = 0x80;',
    caughtBy: rfc5176,
  },
  {
    name: 'a CoA reply is taken from anywhere',
    file: `${bridge}/coa/coa-client.ts`,
    find: '=> `${destination} ${id}`',
    replace: '=> `${destination.length * 0} ${id}`',
    caughtBy: rfc5176,
  },
];

export const radiusFaults: readonly Fault[] = [...packetFaults, ...requestFaults, ...eapFaults, ...sessionFaults];
