import { describe, expect, it } from 'vitest';
import { integerAttribute, octetsAttribute, textAttribute } from './build.js';
import { types } from './dictionary.js';
import { readMacAuthentication, type MacAuthentication } from './mac-authentication.js';
import { codes, decodePacket, signRequest, type Attribute, type Packet } from './packet.js';
import { hidePassword } from './password.js';
import { readRequestContext } from './request-context.js';
import { Secret } from './secret.js';

const secret = new Secret('xyzzy5461');
const authenticator = Buffer.alloc(16, 5);
const callCheck = 10;
const user = (name: string) => textAttribute(types.userName, name);
const station = (text: string) => textAttribute(types.callingStationId, text);
const service = (type: number) => integerAttribute(types.serviceType, type);
const pap = (password: string) => octetsAttribute(types.userPassword, hidePassword(password, authenticator, secret));
const chap = octetsAttribute(types.chapPassword, Buffer.alloc(17, 9));
const eap = octetsAttribute(types.eapMessage, Buffer.from('0201000501', 'hex'));

function read(...attributes: Attribute[]): MacAuthentication {
  const packet = decodePacket(signRequest(codes.accessRequest, 1, attributes, secret, authenticator)) as Packet;
  return readMacAuthentication(packet, readRequestContext(packet));
}

const mac = { kind: 'mac', mac: '00:1a:2b:3c:4d:5e' };

describe('readMacAuthentication', () => {
  it.each([['001a2b3c4d5e'], ['00-1A-2B-3C-4D-5E'], ['00:1a:2b:3c:4d:5e'], ['001a.2b3c.4d5e'], ['001a-2b3c-4d5e']])(
    'takes the User-Name %s, whichever form Calling-Station-Id has',
    (name) => {
      expect(read(user(name), station('00-1A-2B-3C-4D-5E'))).toEqual(mac);
      expect(read(user(name), station('001a.2b3c.4d5e'))).toEqual(mac);
    },
  );

  it.each([[callCheck], [1], [2], [5], [99]])('does not ask for a Service-Type: %i', (type) => {
    expect(read(user('001a2b3c4d5e'), station('00-1A-2B-3C-4D-5E'), service(type))).toEqual(mac);
  });

  it.each<[string, Attribute[]]>([
    ['the MAC by PAP', [pap('001a2b3c4d5e')]],
    ['the MAC in another form', [pap('00-1A-2B-3C-4D-5E')]],
    ['a fixed string', [pap('cisco')]],
    ['an empty password', [pap('')]],
    ['CHAP over who knows what', [chap]],
  ])('asks for no credentials, for they prove nothing: %s', (_title, credentials) => {
    expect(read(user('001a2b3c4d5e'), station('00-1A-2B-3C-4D-5E'), ...credentials)).toEqual(mac);
  });

  it.each<[string, Attribute[], string]>([
    ['no Calling-Station-Id', [user('001a2b3c4d5e'), service(callCheck)], 'no-calling-station-id'],
    ['a Calling-Station-Id that is no MAC', [user('001a2b3c4d5e'), station('FakeEAP')], 'bad-calling-station-id'],
    [
      'all zeros for Calling-Station-Id',
      [user('001a2b3c4d5e'), station('00-00-00-00-00-00')],
      'bad-calling-station-id',
    ],
    ['another device', [user('001a2b3c4d5e'), station('00-1A-2B-3C-4D-5F')], 'mac-mismatch'],
    ['two names', [user('001a2b3c4d5e'), user('001a2b3c4d5e'), station('00-1A-2B-3C-4D-5E')], 'repeated-attribute'],
    [
      'two stations',
      [user('001a2b3c4d5e'), station('00-1A-2B-3C-4D-5E'), station('00-1A-2B-3C-4D-5E')],
      'repeated-attribute',
    ],
  ])('refuses %s', (_title, attributes, reason) => {
    expect(read(...attributes)).toEqual({ kind: 'refused', reason });
  });

  it.each<[string, Attribute[], string]>([
    [
      'a user, even with Call-Check',
      [user('alice'), station('00-1A-2B-3C-4D-5E'), service(callCheck)],
      'user-name-not-a-mac',
    ],
    ['a host', [user('host/pc1.example'), station('00-1A-2B-3C-4D-5E')], 'user-name-not-a-mac'],
    ['eleven digits', [user('001a2b3c4d5'), station('00-1A-2B-3C-4D-5E')], 'user-name-not-a-mac'],
    ['a group address', [user('01005e000001'), station('01-00-5E-00-00-01')], 'user-name-not-a-mac'],
    ['zeros', [user('000000000000'), station('00-00-00-00-00-00')], 'user-name-not-a-mac'],
    ['a MAC with an SSID', [user('001a2b3c4d5e:guest'), station('00-1A-2B-3C-4D-5E')], 'user-name-not-a-mac'],
    ['nobody', [station('00-1A-2B-3C-4D-5E'), service(callCheck)], 'no-user-name'],
    ['a MAC inside EAP', [user('001a2b3c4d5e'), station('00-1A-2B-3C-4D-5E'), eap], 'eap'],
  ])('is not for %s', (_title, attributes, reason) => {
    expect(read(...attributes)).toEqual({ kind: 'not-mac', reason });
  });
});
