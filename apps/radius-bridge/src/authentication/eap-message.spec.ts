import { concatenatedAttributes, octetsAttribute, textAttribute, types } from '#radius';
import { describe, expect, it } from 'vitest';
import { readEapMessage } from './eap-message.js';

const name = textAttribute(types.userName, 'a');
const part = (text: string) => octetsAttribute(types.eapMessage, Buffer.from(text));

describe('the EAP packet of a request', () => {
  it('is put together in order', () => {
    const long = Buffer.alloc(600, 'x');
    expect(readEapMessage({ attributes: [name, ...concatenatedAttributes(types.eapMessage, long), name] })).toEqual(
      long,
    );
  });

  it('is empty where the NAS asks us to begin', () => {
    expect(readEapMessage({ attributes: [part('')] })).toEqual(Buffer.alloc(0));
  });

  it('is none without the attribute, and none when its parts do not stand together', () => {
    expect(readEapMessage({ attributes: [name] })).toBe('absent');
    expect(readEapMessage({ attributes: [part('a'), name, part('b')] })).toBe('scattered');
  });
});
