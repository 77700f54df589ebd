import type { MacRefusal, NotMac } from '#radius';

/** Why a request is no MAC authentication, in an event's words. */
export const macRefusals: Record<MacRefusal | NotMac, string> = {
  'repeated-attribute': 'User-Name or Calling-Station-Id stands twice in the request',
  'no-calling-station-id': 'MAC authentication without Calling-Station-Id: let the switch send it',
  'bad-calling-station-id': 'Calling-Station-Id is not the MAC address of a device',
  'mac-mismatch': 'User-Name and Calling-Station-Id are different MAC addresses',
  'no-user-name': 'the request has no User-Name',
  'user-name-not-a-mac': 'the user name is not a MAC address: without EAP, only MAC authentication is served',
  eap: 'EAP is no MAC authentication',
};
